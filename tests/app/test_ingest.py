"""When a message counts as sent, and how one becomes a copy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.app.ingest import Reader, placed_at
from monitor.app.knowledge import load_identifier
from monitor.model import RawMessage
from monitor.settings import InboxSettings, Settings, StreamSettings

DELIVERED = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("sent", "counts"),
    [
        (None, DELIVERED),
        (DELIVERED - HOUR, DELIVERED - HOUR),
        (DELIVERED - 24 * HOUR, DELIVERED - 24 * HOUR),  # the limit itself is believed
        (DELIVERED - 400 * HOUR, DELIVERED - 24 * HOUR),
        (DELIVERED + HOUR, DELIVERED),
    ],
)
def test_a_date_is_believed_within_a_day_before_delivery(sent: datetime | None, counts: datetime) -> None:
    assert placed_at(sent, DELIVERED) == counts


def a_raw(text: bytes) -> RawMessage:
    return RawMessage("seed", "INBOX", "INBOX", 1, 1, DELIVERED, DELIVERED, text, len(text))


def test_the_settings_streams_and_the_inboxes_receiver_are_used() -> None:
    settings = Settings(
        inboxes=(InboxSettings(name="seed", host="imap.gmail.com", user="seed", password_env="UNUSED"),),
        streams=(StreamSettings(name="the campaign", domains=("news.example.org",)),),
    )
    raw = b"From: a@news.example.org\r\nDate: Mon, 02 Mar 2026 11:00:00 +0000\r\n\r\nx\r\n"
    copy = Reader(load_identifier(), settings).read_one(a_raw(raw))
    assert copy.key is not None
    assert copy.key.stream == "the campaign"
    assert copy.at == DELIVERED - HOUR
    assert copy.message.from_domain == "news.example.org"


def test_a_message_without_an_author_is_kept_and_belongs_to_no_stream() -> None:
    [copy] = Reader(load_identifier(), Settings()).read([a_raw(b"\xff\x00 no header at all")])
    assert copy.key is None
    assert copy.at == DELIVERED
    assert copy.message.problems
