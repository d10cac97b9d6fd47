"""No input raises, none takes long, and no signature is slow on a hostile line."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.collect.parse import parse_message
from monitor.identify.index import SignatureIndex
from monitor.identify.received import parse_received
from monitor.identify.render import as_json, explain
from monitor.model import Confidence
from tests.identify.shipped_knowledge import MESSAGES, identifier, real, signatures

ROUNDS = 20_000 if os.environ.get("GONEQUIET_LONG") else 150
HEADERS = SignatureIndex(signatures().providers.values()).headers
NAMES = sorted({*HEADERS, "dkim-signature", "authentication-results", "return-path"})


def identify_bytes(raw: bytes) -> None:
    message = parse_message(raw)
    for receiver in (None, "Gmail", "Outlook", "Postfix", "none"):
        found = identifier().identify(message, receiver)
        as_json(found, "-", 0, message)
        explain(found, message, identifier().provider)


@settings(max_examples=ROUNDS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_change_of_a_real_message_raises(data: st.DataObject) -> None:
    files = sorted(MESSAGES.glob("*.eml"))
    raw = bytearray(data.draw(st.sampled_from(files)).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw)))
        other = data.draw(st.sampled_from(files)).read_bytes()
        start = data.draw(st.integers(0, len(other)))
        raw[at : at + data.draw(st.integers(0, 60))] = data.draw(
            st.one_of(st.binary(max_size=30), st.just(other[start : start + 200]))
        )
    identify_bytes(bytes(raw))


@settings(max_examples=ROUNDS, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=80)), max_size=12))
def test_no_header_raises(fields: list[tuple[str, str]]) -> None:
    identify_bytes("".join(f"{name}: {value}\n" for name, value in fields).encode("utf-8", "replace") + b"\n")


@given(st.text(max_size=300))
def test_no_received_raises(value: str) -> None:
    parse_received(value)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "part",
    [
        "(",
        "from a (",
        "a" * 63 + ".",
        "=",
        "bounces+1-",
        "mailto:a@b",
        "https://",
        "from a ([10.0.0.1]) by ",
        '"',
        "\t",
        "<",
        "1:",
    ],
)
def test_a_hundred_kilobytes_of_one_hostile_part_come_to_an_end(part: str) -> None:
    value = part * (10_000 // len(part))
    lines = "".join(f"{name}: {value}\n" for name in ("received", "authentication-results", "dkim-signature", "list-unsubscribe"))
    identify_bytes((lines * 3 + "\n").encode())
    identify_bytes((f"received: from a ([10.0.0.1]) by mx.google.com {part[:40]}\n" * 2_000 + "\n").encode())


@settings(max_examples=ROUNDS, deadline=None)
@given(
    st.sampled_from(["received", "authentication-results", "dkim-signature", "message-id", "feedback-id", "x-mailer"]), st.data()
)
def test_nothing_below_the_border_of_a_strangers_message_makes_a_campaign_tool_certain(name: str, data: st.DataObject) -> None:
    texts = [file.read_text("latin-1") for file in sorted(MESSAGES.glob("*.eml")) if "forged" not in file.stem]
    value = data.draw(st.sampled_from([value for text in texts for at, value in _fields(text) if at == name] or ["x"]))
    head, _, body = real("forged-exacttarget-from-a-stranger").partition("\n\n")
    found = identifier().identify(parse_message(f"{head}\n{name}: {value}\n\n{body}".encode("latin-1")))
    assert Confidence.CERTAIN not in (found.platform_confidence, found.delivery_confidence)


def _fields(text: str) -> list[tuple[str, str]]:
    return list(parse_message(text.encode("latin-1")).headers)
