"""The messages of an mbox (RFC 4155; Google Takeout's too), one at a time, from its start or from where reading stopped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

from monitor.collect.archived import LARGEST, ArchivedMessage, ArchiveProblem
from monitor.collect.dates import parse_date

HEAD = 262_144
_BLOCK = 4_194_304
_OVERLAP = 600
"""Octets that a `From ` line with the empty line before it takes at most."""
_NEXT = re.compile(rb"\nFrom [^\n]{0,490}\n")
_FROM = re.compile(
    rb"From (?:\S+|\".*\"\S*|)[ \t]+(?:\w{3},? )?[ \t]*(\w{3} [ \d]?\d \d\d:\d\d(?::\d\d)?.*|\d{1,2} \w{3} \d{4}.*)\r?\n"
)
_ENVELOPE_DATE = re.compile(rb"(\w{3}) +(\d{1,2}) (\d\d:\d\d)(:\d\d)?(?: ([+-]\d{4}|[A-Z]{2,4}))?(?: ([+-]\d{4}))? (\d{4})")
_NO_SENDER = (b"From MAILER-DAEMON ", b"From - ")
_QUOTED_FROM = re.compile(rb"\n>(>*From )")
_RECEIVED = re.compile(rb"^Received:((?:[^\n]|\n[ \t])*)", re.I | re.M)
_DATE = re.compile(rb"^Date:((?:[^\n]|\n[ \t])*)", re.I | re.M)
_LABELS = re.compile(rb"\nX-Gmail-Labels:((?:[^\n]|\n[ \t])*)")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


def is_from_line(line: bytes) -> bool:
    """Whether a message of an mbox begins with this line: `From `, an address and a date."""
    return len(line) < 500 and _FROM.fullmatch(line) is not None


def read_mbox(
    file: Path, stream: IO[bytes], before: int, start: int, position: int
) -> Iterator[ArchivedMessage | ArchiveProblem]:
    """A message begins at a `From ` line with a date, at the start or after an empty line.

    `before` are the octets of the archive that lie before this file. With `start` above zero reading goes on there, after the
    `From ` line of the message that follows number `position`.
    """
    envelope = _envelope_before(stream, start) if start else stream.readline(LARGEST)
    position += 1
    kept, begun, searched = b"", 0, 0
    read, skipped = before + (start or len(envelope)), 0
    while True:
        found = _NEXT.search(kept, searched)
        if found is not None:
            text, line = kept[begun : found.start()].removesuffix(b"\r"), found[0][1:]
            searched = found.end() - 1  # its line feed may be the one before the next `From `
            if (not text or text.endswith(b"\n")) and _FROM.fullmatch(line):
                yield _message(file, envelope, text, skipped, position, read - len(kept) + found.end())
                envelope, position, skipped, begun = line, position + 1, 0, found.end()
        elif block := stream.read(_BLOCK):
            rest = kept[begun:]
            if len(rest) > LARGEST:
                skipped += len(rest) - _OVERLAP
                rest = rest[-_OVERLAP:]
            searched = max(len(rest) - _OVERLAP, 0)
            kept, begun, read = rest + block, 0, read + len(block)
        else:
            last = kept[begun:]
            for end in (b"\n\r\n", b"\n\n"):
                if last.endswith(end):
                    last = last[: 1 - len(end)]
                    break
            yield _message(file, envelope, last, skipped, position, read)
            return


def told_at(raw: bytes) -> datetime | None:
    """When it came, by its topmost Received field, which the last server wrote (RFC 5321 §4.4), else by its Date."""
    head = _head(raw)
    for field in (_RECEIVED, _DATE):
        found = field.search(head)
        if found and (at := parse_date(found[1].rpartition(b";")[2].decode("latin-1").strip())):
            return at
    return None


def _envelope_before(stream: IO[bytes], start: int) -> bytes:
    """The `From ` line that ends at `start`; the stream stands there afterwards."""
    first = max(start - _OVERLAP, 0)
    stream.seek(first)
    return stream.read(start - first).removesuffix(b"\n").rpartition(b"\n")[2] + b"\n"


def _message(file: Path, envelope: bytes, raw: bytes, skipped: int, position: int, done: int) -> ArchivedMessage | ArchiveProblem:
    if len(raw) + skipped > LARGEST:
        return ArchiveProblem(file, position, f"is larger than {LARGEST} octets")
    if b"\n>" in raw or raw.startswith(b">"):
        raw = _QUOTED_FROM.sub(rb"\n\1", b"\n" + raw)[1:]
    if not raw.strip():
        return ArchiveProblem(file, position, "is an empty message")
    head = _head(raw)
    folder, role = _place_by_labels(head)
    return ArchivedMessage(raw, file, position, folder, role, _delivered_at(envelope, raw), done)


def _delivered_at(envelope: bytes, raw: bytes) -> datetime | None:
    """By the `From ` line, which the delivering server wrote.

    One that names no sender may be of a program that put the message in this file, and its date the one of that.
    """
    by_envelope = _envelope_date(envelope)
    if by_envelope is None or envelope.startswith(_NO_SENDER):
        return told_at(raw) or by_envelope
    return by_envelope


def _place_by_labels(head: bytes) -> tuple[str, str]:
    """Where Gmail had it, from the labels that a Takeout adds; without them INBOX."""
    found = _LABELS.search(b"\n" + head)
    labels = {label.strip().lower() for label in found[1].decode("utf-8", "replace").split(",")} if found else set()
    if "spam" in labels:
        return "Spam", "JUNK"
    for tab in ("promotions", "updates", "social", "forums"):
        if f"category {tab}" in labels:
            return tab.capitalize(), f"TAB:{tab}"
    if labels and not labels & {"inbox", "posteingang"}:
        return ("Trash", "TRASH") if "trash" in labels else ("Archive", "ARCHIVE")
    return "INBOX", "INBOX"


def _head(raw: bytes) -> bytes:
    end = _END_OF_HEAD.search(raw, 0, HEAD)
    return raw[: end.start() if end else HEAD]


def _envelope_date(line: bytes) -> datetime | None:
    """The date of a `From ` line, as asctime writes it: UTC (RFC 4155), unless it names an offset."""
    found = _ENVELOPE_DATE.search(line)
    if found is None:
        return None
    month, day, minute, second, zone, offset, year = ((part or b"").decode("ascii") for part in found.groups())
    numeric = next((part for part in (offset, zone) if part[:1] in ("+", "-") and part), "+0000")
    return parse_date(f"{day} {month} {year} {minute}{second or ':00'} {numeric}")
