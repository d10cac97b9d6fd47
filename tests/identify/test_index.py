"""The index of signals remembers what it looked up, and never without end."""

from __future__ import annotations

from monitor.identify.index import SHORT, VALUES_KEPT, SignatureIndex
from tests.identify.shipped_knowledge import signatures

MAILER = SignatureIndex(signatures().providers.values()).headers["x-mailer"]


def test_a_value_that_comes_again_says_the_same() -> None:
    known = [s.value for p in signatures().providers.values() for s in p.signals if (s.field, s.way) == ("x-mailer", "prefix")]
    value = known[0]
    first = list(MAILER.of_value(value))
    assert first
    assert MAILER.of_value(value) == first
    assert MAILER.of_value(value.upper()) == first, "case is no matter, and what is remembered is the very value"
    assert MAILER.of_value("x" + value) != first


def test_values_are_remembered_while_they_are_short_and_few() -> None:
    MAILER.of_value("long" * SHORT)
    for number in range(3 * VALUES_KEPT):
        MAILER.of_value(f"Mailer {number}")
        assert len(MAILER._values_seen) <= VALUES_KEPT
    assert all(len(value) <= SHORT for value in MAILER._values_seen)
    assert f"Mailer {3 * VALUES_KEPT - 1}" in MAILER._values_seen
