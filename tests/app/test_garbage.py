"""Garbage: a process that reads mail does not look at a batch's objects over and over."""

from __future__ import annotations

import gc

from monitor.app.garbage import SELDOM
from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.model import RawMessage
from monitor.settings import Settings
from tests.bench.collect import NOW, made_messages


def test_hardly_any_look_while_a_batch_is_read() -> None:
    reader = Reader(load_identifier(), Settings())
    messages = [RawMessage("a", "INBOX", "INBOX", 1, uid, NOW, NOW, raw, len(raw)) for uid, raw in enumerate(made_messages(200))]
    before = looks()
    assert len(reader.read(messages)) == 200
    assert looks() - before <= 2
    assert gc.get_threshold() == SELDOM


def looks() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())
