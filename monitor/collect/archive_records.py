"""The records of a JSON Lines file: whole messages, recorded events, or what archives of campaign mail keep of a message.

One JSON object a line. `raw` (text) or `raw_base64` holds a whole message, with `delivered_at`, `folder` and `role` beside it;
`sender_id` and `timestamp` are an event, as in the CSV; `email` and `date` are a record such as those of the public archive
dwillis/political-emails (a file for each day): name, email, date, message_id, subject, body and urls.
"""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, quote
from pathlib import Path
from typing import IO

from monitor.collect.archive_mbox import told_at
from monitor.collect.archived import LARGEST, ArchivedMessage, ArchiveProblem
from monitor.collect.events import ArchivedEvent, event_of, read_timestamp
from monitor.collect.folders import role_of

RECORD = "X-GoneQuiet-Archive-Record"
"""Names the record that a message was written from; it says that nobody received it in this form."""
_LINE = 900
"""Octets; a header line may have 998 (RFC 5322 §2.1.1)."""


def read_records(
    file: Path, stream: IO[bytes], before: int, start: int, position: int
) -> Iterator[ArchivedMessage | ArchivedEvent | ArchiveProblem]:
    """Line by line; `before` are the octets of the archive before this file, `start` those of it that have been read.

    A line that is no such record is an ArchiveProblem with its number, and the next one is read.
    """
    stream.seek(start)
    done = before + start
    while line := stream.readline(LARGEST + 1):
        done += len(line)
        position += 1
        if len(line) > LARGEST:
            while rest := stream.readline(LARGEST):
                done += len(rest)
                if rest.endswith(b"\n"):
                    break
            yield ArchiveProblem(file, position, f"is larger than {LARGEST} octets")
        elif line.strip():
            yield _record(file, line, position, done)


def _record(file: Path, line: bytes, position: int, done: int) -> ArchivedMessage | ArchivedEvent | ArchiveProblem:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return ArchiveProblem(file, position, "is no line of JSON")
    if not isinstance(record, dict):
        return ArchiveProblem(file, position, "is no JSON object")
    if "raw" in record or "raw_base64" in record:
        return _whole(file, record, position, done)
    if "sender_id" in record:
        values = {name: str(value) for name, value in record.items() if isinstance(value, str | int | float)}
        return event_of(file, position, values, done)
    if "email" in record:
        return _described(file, record, position, done)
    return ArchiveProblem(file, position, "holds no message (raw, raw_base64), event (sender_id) or mail record (email)")


def _whole(file: Path, record: Mapping[str, object], position: int, done: int) -> ArchivedMessage | ArchiveProblem:
    text, coded = record.get("raw"), record.get("raw_base64")
    try:
        raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else b64decode(str(coded), validate=True)
    except (Base64Error, ValueError):
        return ArchiveProblem(file, position, "has a message that cannot be decoded")
    if not raw.strip():
        return ArchiveProblem(file, position, "is an empty message")
    folder = _text(record, "folder") or "INBOX"
    role = _text(record, "role") or role_of(folder, (), "/") or "OTHER"
    return ArchivedMessage(raw, file, position, folder[:500], role[:60], _moment(record, "delivered_at") or told_at(raw), done)


def _described(file: Path, record: Mapping[str, object], position: int, done: int) -> ArchivedMessage | ArchiveProblem:
    """The record as a message: what it says of the header, and its text. No server's lines are made up."""
    address, at = _text(record, "email"), _moment(record, "date")
    if not address or "@" not in address:
        return ArchiveProblem(file, position, "names no sender that can be read (email)")
    if at is None:
        return ArchiveProblem(file, position, "has no time that can be read (date)")
    name, message_id, subject = (_text(record, key) for key in ("name", "message_id", "subject"))
    fields = [
        f"From: {_phrase(name)} <{_one_line(address)}>" if name else f"From: {_one_line(address)}",
        f"Date: {format_datetime(at)}",
        f"Message-ID: <{_one_line(message_id).strip('<>')}>" if message_id else "",
        f"Subject: {_encoded(subject)}" if subject else "",
        f"{RECORD}: {_one_line(_text(record, 'unique_id') or f'{file.name}:{position}')}",
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit",
    ]
    body = _text(record, "body") or _text(record, "clean_body") or ""
    urls = record.get("urls")
    missing = [url for url in (urls if isinstance(urls, list) else []) if isinstance(url, str) and url not in body]
    head = "\r\n".join(line for line in fields if line)
    text = "\r\n".join([*body.splitlines(), *missing])
    raw = f"{head}\r\n\r\n{text}\r\n".encode("utf-8", "replace")
    return ArchivedMessage(raw, file, position, "INBOX", "INBOX", at, done)


def _text(record: Mapping[str, object], key: str) -> str | None:
    value = record.get(key)
    return (value.strip() or None) if isinstance(value, str) else None


def _moment(record: Mapping[str, object], key: str) -> datetime | None:
    value = record.get(key)
    return read_timestamp(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def _one_line(value: str) -> str:
    """A value that ends no header field and begins none."""
    return "".join(c for c in value if c.isprintable() and c.isascii())[:_LINE]


def _encoded(value: str) -> str:
    """As a header carries it: encoded words (RFC 2047) where it is not ASCII; those of the archive stay as they are."""
    plain = "".join(c if c.isprintable() else " " for c in value)[:_LINE]
    return plain if plain.isascii() else Header(plain, "utf-8", maxlinelen=76).encode(linesep="\r\n")


def _phrase(name: str) -> str:
    """A display name: quoted, where it is neither encoded already nor has to be."""
    written = _encoded(name)
    return written if "=?" in written else f'"{quote(written)}"'
