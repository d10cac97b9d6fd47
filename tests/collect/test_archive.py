"""Archives: every message of an mbox, .eml or Maildir comes out, and what is skipped says why."""

from __future__ import annotations

import json
import mailbox
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.collect import archive_mbox
from monitor.collect.archive import archive_size, read_archive
from monitor.collect.archived import ArchivedMessage, ArchiveProblem

AT = datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC)
PLAIN = b"From: a@example.org\nSubject: one\n\nHello\n"


def read(path: Path) -> list[ArchivedMessage]:
    found = list(read_archive(path))
    assert all(isinstance(item, ArchivedMessage) for item in found), found
    return [item for item in found if isinstance(item, ArchivedMessage)]


def problems(path: Path) -> list[str]:
    return [item.reason for item in read_archive(path) if isinstance(item, ArchiveProblem)]


def test_an_mbox_gives_its_messages_with_their_time_and_without_its_own_additions(tmp_path: Path) -> None:
    box = tmp_path / "a.mbox"
    box.write_bytes(
        b"From sender@example.org Wed Jan  6 18:22:46 2021\n" + PLAIN + b"\n>From here on\n>>From there\n\n"
        b"From the start this is text, as no date stands in it\n\n"
        b"From 1687@xxx Wed Jan 06 13:22:46 -0500 2021\r\nSubject: two\r\n\r\nBye\r\n"
    )
    one, two = read(box)
    assert one.raw == PLAIN + b"\nFrom here on\n>From there\n\nFrom the start this is text, as no date stands in it\n"
    assert two.raw == b"Subject: two\r\n\r\nBye\r\n"
    assert (one.delivered_at, two.delivered_at) == (AT, AT)
    assert (one.position, two.position) == (1, 2)
    assert two.done == archive_size(box)


@pytest.mark.parametrize("sender", ["MAILER-DAEMON", "-"])
def test_a_program_that_wrote_an_mbox_does_not_say_when_its_messages_were_delivered(tmp_path: Path, sender: str) -> None:
    box = tmp_path / "a.mbox"
    received = b"Received: from a by b; Wed, 6 Jan 2021 18:22:46 +0000\n"
    line = f"From {sender} Mon Mar  2 10:00:00 2026\n".encode()
    box.write_bytes(line + received + PLAIN + b"\n" + line + PLAIN)
    assert [m.delivered_at for m in read(box)] == [AT, datetime(2026, 3, 2, 10, tzinfo=UTC)]


def test_a_takeout_tells_by_its_labels_where_gmail_had_a_message(tmp_path: Path) -> None:
    box = tmp_path / "All mail Including Spam and Trash.mbox"
    labels = ["Spam,Unread", "Inbox,Category promotions", "Inbox,Important,=?x?=", "Archived,Unread"]
    box.write_bytes(
        b"".join(
            b"From 1@xxx Wed Jan 06 18:22:46 +0000 2021\r\nX-Gmail-Labels: %b\r\nSubject: x\r\n\r\nHello\r\n\r\n" % label.encode()
            for label in labels
        )
    )
    assert [m.role for m in read(box)] == ["JUNK", "TAB:promotions", "INBOX", "ARCHIVE"]


def test_an_eml_says_its_delivery_by_the_topmost_received_field(tmp_path: Path) -> None:
    file = tmp_path / "a.eml"
    raw = (
        b"Return-Path: <x@example.org>\r\nReceived: from a by b;\r\n Wed, 6 Jan 2021 13:22:46 -0500 (EST)\r\n"
        b"Received: from c by a; Tue, 5 Jan 2021 00:00:00 +0000\r\nSubject: x\r\n\r\nHello\r\n"
    )
    file.write_bytes(raw)
    (message,) = read(file)
    assert (message.raw, message.delivered_at, message.role) == (raw, AT, "INBOX")


def test_a_maildir_gives_all_its_folders_but_nothing_half_delivered(tmp_path: Path) -> None:
    maildir = mailbox.Maildir(tmp_path / "mail")
    maildir.add_folder("Junk").add(PLAIN)
    (tmp_path / "mail/new" / f"{int(AT.timestamp())}.M1P1.host").write_bytes(PLAIN)
    (tmp_path / "mail/tmp/1.half").write_bytes(b"Subj")
    messages = read(tmp_path / "mail")
    assert [(m.folder, m.role) for m in messages] == [("INBOX", "INBOX"), ("Junk", "JUNK")]
    assert messages[0].delivered_at == AT
    assert messages[-1].done == archive_size(tmp_path / "mail")


def test_a_tree_of_files_is_read_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "deep/er/x.EML").write_bytes(PLAIN)
    (tmp_path / "deep/y.mbox").write_bytes(b"From x Wed Jan  6 18:22:46 2021\n" + PLAIN)
    (tmp_path / "deep/notes.txt").write_bytes(b"not mail")
    assert [m.source.name for m in read(tmp_path)] == ["x.EML", "y.mbox"]


@pytest.mark.parametrize("before", [b"\n\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n \n"])
def test_what_editors_put_before_a_message_is_no_part_of_it(tmp_path: Path, before: bytes) -> None:
    (tmp_path / "a.eml").write_bytes(before + PLAIN)
    (message,) = read(tmp_path / "a.eml")
    assert (message.raw, message.done) == (PLAIN, archive_size(tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.eml", b"", "is empty"),
        ("takeout.zip", b"PK\x03\x04" + bytes(100), "is packed; unpack it first (zip)"),
        ("a.mbox.gz", b"\x1f\x8b\x08" + bytes(100), "is packed; unpack it first (gzip)"),
        ("day.jsonl", b'[{"email": "a@example.org", "date": "2021-01-06"}]', "is no JSON object"),
        ("day.json", b'[{"email": "a@example.org", "date": "2021-01-06"}]', "is no JSON object"),
        ("picture.eml", b"\x89PNG\r\n\x1a\n" + bytes(100), "is neither a mail message, an mbox nor JSON Lines"),
        ("hollow.mbox", b"From x Wed Jan  6 18:22:46 2021\n\n", "is an empty message"),
    ],
)
def test_what_is_no_mail_is_skipped_and_said(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert problems(tmp_path / name) == [reason]


def test_what_is_not_there_or_holds_nothing_is_said(tmp_path: Path) -> None:
    assert problems(tmp_path / "nowhere") == ["is not there"]
    assert problems(tmp_path) == ["holds no mail (mbox, .eml, Maildir or JSON Lines)"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    file = tmp_path / "a.eml"
    file.write_bytes(PLAIN)
    file.chmod(0)
    assert problems(file) == ["cannot be read (Permission denied)"]


def test_what_the_system_refuses_is_said_and_all_else_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.eml").write_bytes(PLAIN)
    for box in ("closed", "lost+found", "Mail/cur", "Mail/new"):
        (tmp_path / box).mkdir(parents=True)
    (tmp_path / "closed" / "b.eml").write_bytes(PLAIN)
    (tmp_path / "Mail" / "new" / "1609957366.c.host").write_bytes(PLAIN)
    scandir = os.scandir

    def refused(folder: Path) -> object:
        if folder.name in ("closed", "cur"):
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refused)
    found = list(read_archive(tmp_path))
    assert [item.source.name for item in found if isinstance(item, ArchivedMessage)] == ["1609957366.c.host", "a.eml"]
    assert [(item.source.name, item.reason) for item in found if isinstance(item, ArchiveProblem)] == [
        ("cur", "cannot be read (Permission denied)"),
        ("closed", "cannot be read (Permission denied)"),
    ]
    assert archive_size(tmp_path) == 2 * len(PLAIN)


def test_reading_goes_on_in_the_right_place_though_a_file_could_not_be_read_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        (tmp_path / f"{name}.eml").write_bytes(PLAIN + name.encode())
    opened = Path.open

    def refused(file: Path, mode: str) -> object:
        if file.name == "b.eml":
            raise PermissionError(13, "Permission denied")
        return opened(file, mode)

    with monkeypatch.context() as closed:
        closed.setattr(Path, "open", refused)
        *_, problem, last = read_archive(tmp_path)
    assert isinstance(problem, ArchiveProblem)
    assert isinstance(last, ArchivedMessage)
    assert last.done == archive_size(tmp_path)


def test_mailboxes_without_a_suffix_are_found_by_how_they_begin(tmp_path: Path) -> None:
    """As Thunderbird, Apple Mail's export and mutt have them."""
    line = b"From sender@example.org Wed Jan  6 18:22:46 2021\n"
    for place, content in (
        ("Inbox", line + PLAIN),
        ("Inbox.msf", b"x"),
        ("News.mbox/mbox", line + PLAIN),
        ("README", b"Note: x\n"),
    ):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes(content)
    assert [message.source.name for message in read(tmp_path)] == ["Inbox", "mbox"]


def test_where_no_server_says_when_a_message_came_its_date_does(tmp_path: Path) -> None:
    """Not the time of the file, which is that of the export."""
    dated = b"Date: Wed, 6 Jan 2021 13:22:46 -0500\n" + PLAIN
    (tmp_path / "a.eml").write_bytes(dated)
    (tmp_path / "b.mbox").write_bytes(b"From - Mon Mar  2 10:00:00 2026\n" + dated)
    (tmp_path / "c.jsonl").write_text(json.dumps({"raw": dated.decode()}))
    (tmp_path / "d.eml").write_bytes(PLAIN)
    assert [message.delivered_at for message in read(tmp_path)] == [AT, AT, AT, None]


@pytest.mark.parametrize("block", [1, 7, 64, 4096])
def test_an_mbox_is_cut_in_the_same_places_whatever_the_size_of_its_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    box = tmp_path / "a.mbox"
    raws = [b"Subject: %d\n\n%b\nFrom nobody\n" % (n, b"text\n\n" * n) for n in range(12)]
    box.write_bytes(b"".join(b"From x@y Wed Jan  6 18:22:46 2021\n" + raw + b"\n" for raw in raws))
    monkeypatch.setattr(archive_mbox, "_BLOCK", block)
    messages = read(box)
    assert [message.raw for message in messages] == raws
    assert messages[-1].done == archive_size(box)
    assert sorted(message.done for message in messages) == [message.done for message in messages]


def test_a_message_that_is_far_too_large_is_skipped_and_the_next_one_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_mbox, "LARGEST", 10_000)
    monkeypatch.setattr(archive_mbox, "_BLOCK", 1000)
    box = tmp_path / "a.mbox"
    start = b"From x@y Wed Jan  6 18:22:46 2021\n"
    box.write_bytes(start + PLAIN + b"\n" + start + PLAIN + b"long\n" * 30_000 + b"\n" + start + PLAIN)
    one, two, three = read_archive(box)
    assert isinstance(one, ArchivedMessage)
    assert two == ArchiveProblem(box, 2, "is larger than 10000 octets")
    assert isinstance(three, ArchivedMessage)
    assert (one.raw, three.raw, three.done) == (PLAIN, PLAIN, archive_size(box))
