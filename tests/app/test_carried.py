"""Carried: what comes from a helper is stored as what was read here."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.app.carried import carried, carry
from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.model import RawMessage
from monitor.settings import Settings
from monitor.store.documents import identification_to_json
from monitor.store.intake import columns_of

NOW = datetime(2026, 3, 2, 12, 0, 0, 125, tzinfo=UTC)
MESSAGES = [file.read_bytes() for file in sorted((Path(__file__).parents[1] / "data/messages").glob("*.eml"))]
ODD = [
    b"",
    b"no field at all\r\n\r\nbody",
    b"Subject: =?utf-8?q?=ED=A0=80?= \xff\r\nDate: 1 Jan 0001 00:00:00 +0000\r\nFrom: a@b.example\r\n\r\n",
    b"From: <x>\r\nFrom: Bob <bob@b.example>\r\nDate: Fri, 31 Dec 9999 23:59:59 +0000\r\nDelivered-To: us@seed.example\r\n\r\n",
]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(load_identifier(), Settings())


@pytest.mark.parametrize("number", range(len(MESSAGES + ODD)))
def test_it_is_stored_as_what_was_read_here(reader: Reader, number: int) -> None:
    content = (MESSAGES + ODD)[number]
    raw = RawMessage("a", "INBOX", "INBOX", 7, 1, NOW, NOW, content, len(content))
    here = reader.read_one(raw)
    sent = replace(raw)
    came = carried(sent, pickle.loads(pickle.dumps(carry(here))))
    numbers = {here.key.stream: 1} if here.key is not None else {}
    assert columns_of(came, numbers) == columns_of(here, numbers)
    assert came.document == identification_to_json(here.identification)
    assert (came.raw, came.raw.raw, came.raw.sha256) == (raw, content, raw.sha256)
    assert (came.message.problems, came.key, came.canary) == (here.message.problems, here.key, here.canary)
