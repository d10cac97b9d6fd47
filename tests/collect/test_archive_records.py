"""JSON Lines: whole messages, events, and the records of a public archive of campaign mail with a file for each day."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.collect.archive import archive_size, read_archive
from monitor.collect.archived import ArchivedMessage, ArchiveProblem
from monitor.collect.events import ArchivedEvent
from monitor.collect.parse import parse_message
from monitor.model import ArchiveMark

RECORD = {
    "unique_id": "1a64",
    "message_id": "<E7.C2.42458.8C313155@dc4mta05>",
    "name": "The Committee, for All",
    "email": "info@Committee.example",
    "subject": "Bienvenue à l’équipe",
    "domain": "Committee.example",
    "party": None,
    "disclaimer": True,
    "date": "2015-03-25T13:00:08-07:00",
    "year": 2015,
    "hour": 13,
    "body": "Thanks for signing up.\n[Give](http://click.platform.example/ct/1)",
    "clean_body": "Thanks for signing up.",
    "urls": ["http://click.platform.example/ct/1", "http://committee.example/about"],
    "committee": "The Committee",
}
AT = datetime(2015, 3, 25, 20, 0, 8, tzinfo=UTC)


def lines(path: Path, *records: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def one(path: Path) -> ArchivedMessage:
    (found,) = read_archive(path)
    assert isinstance(found, ArchivedMessage), found
    return found


def test_a_record_of_campaign_mail_becomes_a_message_that_says_the_same(tmp_path: Path) -> None:
    found = one(lines(tmp_path / "2015-03-25.jsonl", RECORD))
    message = parse_message(found.raw, found.delivered_at)
    assert (found.delivered_at, found.role) == (AT, "INBOX")
    assert (message.sent_at, message.message_id) == (AT, "E7.C2.42458.8C313155@dc4mta05")
    assert (message.from_address, message.from_name) == ("info@committee.example", RECORD["name"])
    assert message.subject == RECORD["subject"]
    assert set(message.link_hosts) == {"click.platform.example", "committee.example"}
    assert message.problems == ()
    names = [name for name, _ in message.headers]
    assert "received" not in names, "nobody's servers are made up"
    assert dict(message.headers)["x-gonequiet-archive-record"] == "1a64"


def test_encoded_words_of_the_archive_stay_and_nothing_can_add_a_field(tmp_path: Path) -> None:
    hostile = {**RECORD, "name": "=?utf-8?Q?Tracey=20Mann?=", "subject": "a\r\nBcc: x@y.example", "message_id": "<1>\r\nX: y"}
    message = parse_message(one(lines(tmp_path / "a.jsonl", hostile)).raw)
    assert message.from_name == "Tracey Mann"
    assert message.subject == "a  Bcc: x@y.example"
    assert {"bcc", "x"}.isdisjoint(name for name, _ in message.headers)


def test_whole_messages_are_taken_as_text_or_base64(tmp_path: Path) -> None:
    raw = b"From: a@example.org\r\nSubject: \xff\r\n\r\nHello\r\n"
    text = {"raw": "Subject: x\n\nHello\n", "folder": "Junk", "delivered_at": "2021-01-06T18:22:46Z"}
    coded = {"raw_base64": b64encode(raw).decode(), "role": "TAB:promotions"}
    first, second = read_archive(lines(tmp_path / "a.ndjson", text, coded))
    assert isinstance(first, ArchivedMessage)
    assert isinstance(second, ArchivedMessage)
    assert (first.raw, first.role, first.delivered_at) == (
        b"Subject: x\n\nHello\n",
        "JUNK",
        datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC),
    )
    assert (second.raw, second.role, second.delivered_at) == (raw, "TAB:promotions", None)


def test_events_are_taken_as_from_a_table(tmp_path: Path) -> None:
    (event,) = read_archive(lines(tmp_path / "a.jsonl", {"sender_id": "a.example", "timestamp": 1609957366, "inbox": "one"}))
    assert isinstance(event, ArchivedEvent)
    assert (event.sender_id, event.at, event.inbox) == ("a.example", datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC), "one")


def test_a_tree_of_day_files_is_read_in_the_order_of_its_days(tmp_path: Path) -> None:
    for day in ("2015/04/2015-04-01", "2015/03/2015-03-25", "2015/03/2015-03-31"):
        lines(tmp_path / f"data/{day}.jsonl", {**RECORD, "subject": day}, {**RECORD, "subject": f"{day} too"})
    (tmp_path / "README.md").write_text("not mail")
    found = [item for item in read_archive(tmp_path) if isinstance(item, ArchivedMessage)]
    assert [item.source.stem for item in found[::2]] == ["2015-03-25", "2015-03-31", "2015-04-01"]
    assert found[-1].done == archive_size(tmp_path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "is no line of JSON"),
        (b"[" * 100_000, "is no line of JSON"),
        (b"[1, 2]", "is no JSON object"),
        (b"\xff{}", "is no line of JSON"),
        (b'{"subject": "x"}', "holds no message (raw, raw_base64), event (sender_id) or mail record (email)"),
        (b'{"email": "nobody", "date": "2021-01-01"}', "names no sender that can be read (email)"),
        (b'{"email": "a@example.org", "date": null}', "has no time that can be read (date)"),
        (b'{"email": ["a@example.org"], "date": {}}', "names no sender that can be read (email)"),
        (b'{"raw_base64": "%%%"}', "has a message that cannot be decoded"),
        (b'{"raw": ""}', "is an empty message"),
        (b'{"sender_id": "", "timestamp": "x"}', "has no sender_id"),
    ],
)
def test_a_line_that_is_no_record_is_said_with_its_number_and_the_next_one_read(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(line + b"\n\n" + json.dumps(RECORD).encode())
    problem, message = read_archive(path)
    assert problem == ArchiveProblem(path, 1, reason)
    assert isinstance(message, ArchivedMessage)
    assert (message.position, message.done) == (3, archive_size(path))


def test_reading_goes_on_after_any_message_of_any_kind_of_file(tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", *({**RECORD, "subject": str(n)} for n in range(4)))
    mails = (b"From x@y Wed Jan  6 18:22:4%d 2021\nSubject: %d\n\ntext\n\n" % (n, n) for n in range(5))
    (tmp_path / "b.mbox").write_bytes(b"".join(mails))
    (tmp_path / "c.eml").write_bytes(b"Subject: c\n\nHello\n")
    (tmp_path / "d/cur").mkdir(parents=True)
    (tmp_path / "d/new").mkdir()
    (tmp_path / "d/cur/1609957366.x").write_bytes(b"Subject: d\n\nHello\n")
    whole = [item for item in read_archive(tmp_path) if isinstance(item, ArchivedMessage)]
    assert len(whole) == 11
    for number, item in enumerate(whole):
        assert list(read_archive(tmp_path, ArchiveMark(item.done, item.position))) == whole[number + 1 :]
