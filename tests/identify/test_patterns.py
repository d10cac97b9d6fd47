"""Patterns give what google-re2 gives, though its private names are called."""

from __future__ import annotations

import pytest
import re2

from monitor.identify.patterns import Pattern, matcher_of

PATTERN = r"(?i)bounces\+(?P<id>\d+)(?:-(?P<job>[0-9a-f]+))?-"


@pytest.mark.parametrize("text", ["", "bounces", "x bounces+12-ab3-me", "Bounces+12-me", "é bounces+1-b-é", "bounces+1-\udc80"])
def test_the_groups_are_those_of_the_public_search(text: str) -> None:
    data = text.encode("utf-8", "replace")
    found = re2.compile(PATTERN.encode()).search(data)
    parts = {} if found is None else {"id": found[1], "job": found[2]}
    named = {name: part.decode() for name, part in parts.items() if part is not None}
    assert Pattern(PATTERN).groups(text) == (None if found is None else named)
    assert Pattern(PATTERN).matched(text) == (None if found is None else found.group().decode())


def test_a_set_tells_every_pattern_that_occurs() -> None:
    match = matcher_of(["^a", "b$", "ab", "é"])
    assert sorted(match(b"ab")) == [0, 1, 2]
    assert match("é".encode()) == [3]
    assert match(b"") == []
