"""The JSON keeps its keys in order; the words for people say what was seen and what not."""

from __future__ import annotations

import json

from monitor.collect.parse import parse_message
from monitor.identify.render import as_json, explain
from monitor.model import Identification, Message
from tests.identify.shipped_knowledge import identifier, real

WORDS = "file index message_id from_domain platform delivery account receiver sending_ip sdids confidence evidence conflicts"
KEYS = WORDS.split()


def read(name: str, receiver: str | None = None) -> tuple[Message, Identification]:
    message = parse_message(real(name).encode("latin-1"))
    return message, identifier().identify(message, receiver)


def test_every_key_is_there_in_order() -> None:
    message, found = read("exacttarget")
    shown = as_json(found, "box.mbox", 3, message)
    assert list(shown) == KEYS
    assert (shown["file"], shown["index"]) == ("box.mbox", 3)
    assert shown["account"] == {"provider": "Salesforce Marketing Cloud", "kind": "mid", "id": "1062583"}
    assert shown["confidence"] == {"platform": "certain", "delivery": "certain", "account": "certain"}
    evidence = shown["evidence"]
    assert isinstance(evidence, list)
    assert list(evidence[0]) == ["provider", "role", "field", "value", "trust", "weight", "signature"]
    assert {fact["trust"] for fact in evidence} == {"observed", "signed", "claimed"}
    assert json.loads(json.dumps(shown)) == shown


def test_missing_values_are_null_and_missing_lists_empty() -> None:
    message = parse_message(b"")
    shown = as_json(identifier().identify(message), "-", 0, message)
    assert list(shown) == KEYS
    assert shown["account"] is None
    assert (shown["sdids"], shown["evidence"], shown["conflicts"]) == ([], [], [])
    assert shown["confidence"] == {"platform": None, "delivery": None, "account": None}


def test_the_words_name_the_former_name_and_the_deciding_header() -> None:
    message, found = read("exacttarget")
    text = explain(found, message, identifier().provider)
    assert "formerly ExactTarget" in text
    assert "certain" in text
    assert "Received by Gmail from 68.232.195.188" in text
    assert "sender-ip is 68.232.195.188 (our receiver saw it" in text


def test_the_words_say_when_nobody_knows_who_received_it() -> None:
    message, found = read("exacttarget", "none")
    assert "the sender's word" in explain(found, message, identifier().provider)


def test_the_words_list_conflicts() -> None:
    message, found = read("forged-exacttarget-from-a-stranger")
    text = explain(found, message, identifier().provider)
    assert "cannot be told" in text
    assert "But Salesforce Marketing Cloud" in text
