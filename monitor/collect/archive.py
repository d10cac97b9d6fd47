"""Archives: read mbox (Google Takeout too), .eml and Maildir from the disk, one message at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from monitor.collect.folders import role_of
from monitor.collect.parse import parse_date

LARGEST = 100_000_000
"""Octets of a message; what is larger is no mail."""
_HEAD = 262_144
_BLOCK = 4_194_304
_OVERLAP = 600
"""Octets that a `From ` line with the empty line before it takes at most."""
_NEXT = re.compile(rb"\nFrom [^\n]{0,490}\n")
_FROM = re.compile(
    rb"From (?:\S+|\".*\"\S*|)[ \t]+(?:\w{3},? )?[ \t]*(\w{3} [ \d]?\d \d\d:\d\d(?::\d\d)?.*|\d{1,2} \w{3} \d{4}.*)\r?\n"
)
_ENVELOPE_DATE = re.compile(rb"(\w{3}) +(\d{1,2}) (\d\d:\d\d)(:\d\d)?(?: ([+-]\d{4}|[A-Z]{2,4}))?(?: ([+-]\d{4}))? (\d{4})")
_QUOTED_FROM = re.compile(rb"\n>(>*From )")
_RECEIVED = re.compile(rb"^Received:((?:[^\n]|\n[ \t])*)", re.I | re.M)
_LABELS = re.compile(rb"\nX-Gmail-Labels:((?:[^\n]|\n[ \t])*)")
_FIELD = re.compile(rb"[!-9;-~]{1,76}[ \t]*:")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_MAILDIR_TIME = re.compile(r"(\d{9,11})\.")


@dataclass(frozen=True, slots=True)
class ArchivedMessage:
    """One message of an archive."""

    raw: bytes
    """As it lies there; of an mbox without its `From ` line and with `>From ` as it was."""
    source: Path
    position: int
    """Its number within the file, from 1."""
    folder: str
    role: str
    """As a `RawMessage` has them: from the Maildir folder, or Gmail's labels in a Takeout."""
    delivered_at: datetime | None
    """UTC; None where the archive does not say."""
    done: int
    """Octets of the whole archive that have been read with this message, for progress."""


@dataclass(frozen=True, slots=True)
class ArchiveProblem:
    """Something that was skipped, and why."""

    source: Path
    position: int | None
    reason: str


def archive_size(path: Path) -> int:
    """Octets of all that `read_archive` would read; 0 where there is nothing."""
    return sum(file.stat().st_size for file, _ in _files(path))


def read_archive(path: Path) -> Iterator[ArchivedMessage | ArchiveProblem]:
    """The messages of a file, a Maildir or a folder of such, in the order of their names; memory stays flat.

    Never raises for what lies there: what cannot be read is an ArchiveProblem.
    """
    done = 0
    found = False
    for file, folder in _files(path):
        found = True
        try:
            size = file.stat().st_size
            yield from _read_file(file, folder, done)
        except OSError as error:
            yield ArchiveProblem(file, None, f"cannot be read ({error.strerror or error})")
            continue
        done += size
    if not found:
        reason = "holds no mail (mbox, .eml or Maildir)" if path.is_dir() else "is not there"
        yield ArchiveProblem(path, None, reason)


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    """Every file with the folder that its mail lay in."""
    if not path.is_dir():
        if path.exists():
            yield path, "INBOX"
        return
    boxes = [folder for folder in sorted([path, *path.rglob("*")]) if (folder / "cur").is_dir() and (folder / "new").is_dir()]
    for box in boxes:
        for file in sorted([*(box / "cur").iterdir(), *(box / "new").iterdir()]):
            if file.is_file():
                yield file, _maildir_folder(box, path)
    for file in sorted(path.rglob("*")):
        if file.suffix.lower() in (".eml", ".mbox", ".mbx") and file.is_file() and file.parent.parent not in boxes:
            yield file, "INBOX"


def _maildir_folder(box: Path, top: Path) -> str:
    """Maildir++ writes the folder Lists/News as `.Lists.News`."""
    return "INBOX" if box == top or not box.name.startswith(".") else box.name[1:].replace(".", "/")


def _read_file(file: Path, folder: str, before: int) -> Iterator[ArchivedMessage | ArchiveProblem]:
    with file.open("rb") as stream:
        first = stream.readline(LARGEST)
        if not first:
            yield ArchiveProblem(file, None, "is empty")
        elif len(first) < 500 and _FROM.fullmatch(first):
            yield from _read_mbox(file, stream, first, before)
        elif _FIELD.match(first):
            rest = stream.read(LARGEST)
            if len(first) + len(rest) >= LARGEST:
                yield ArchiveProblem(file, None, f"is larger than {LARGEST} octets")
                return
            raw = first + rest
            delivered_at = _time_in_name(file) or _received_at(raw[:_HEAD])
            role = role_of(folder, (), "/") or "OTHER"
            yield ArchivedMessage(raw, file, 1, folder, role, delivered_at, before + len(raw))
        else:
            yield ArchiveProblem(file, None, "is neither a mail message nor an mbox")


def _read_mbox(file: Path, stream: IO[bytes], first: bytes, before: int) -> Iterator[ArchivedMessage | ArchiveProblem]:
    """A message begins at a `From ` line with a date, at the start or after an empty line (RFC 4155)."""
    envelope, position = first, 1
    kept, start, searched = b"", 0, 0
    read, skipped = before + len(first), 0
    while True:
        found = _NEXT.search(kept, searched)
        if found is not None:
            text, line = kept[start : found.start()].removesuffix(b"\r"), found[0][1:]
            searched = found.end() - 1  # its line feed may be the one before the next `From `
            if (not text or text.endswith(b"\n")) and _FROM.fullmatch(line):
                yield _from_mbox(file, envelope, text, skipped, position, read - len(kept) + found.end())
                envelope, position, skipped, start = line, position + 1, 0, found.end()
        elif block := stream.read(_BLOCK):
            rest = kept[start:]
            if len(rest) > LARGEST:
                skipped += len(rest) - _OVERLAP
                rest = rest[-_OVERLAP:]
            searched = max(len(rest) - _OVERLAP, 0)
            kept, start, read = rest + block, 0, read + len(block)
        else:
            last = kept[start:]
            for end in (b"\n\r\n", b"\n\n"):
                if last.endswith(end):
                    last = last[: 1 - len(end)]
                    break
            yield _from_mbox(file, envelope, last, skipped, position, read)
            return


def _from_mbox(
    file: Path, envelope: bytes, raw: bytes, skipped: int, position: int, done: int
) -> ArchivedMessage | ArchiveProblem:
    if len(raw) + skipped > LARGEST:
        return ArchiveProblem(file, position, f"is larger than {LARGEST} octets")
    if b"\n>" in raw or raw.startswith(b">"):
        raw = _QUOTED_FROM.sub(rb"\n\1", b"\n" + raw)[1:]
    if not raw.strip():
        return ArchiveProblem(file, position, "is an empty message")
    head = _head(raw)
    folder, role = _place_by_labels(head)
    return ArchivedMessage(raw, file, position, folder, role, _envelope_date(envelope) or _received_at(head), done)


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
    end = _END_OF_HEAD.search(raw, 0, _HEAD)
    return raw[: end.start() if end else _HEAD]


def _received_at(head: bytes) -> datetime | None:
    """The time that the last server wrote, in the topmost Received field (RFC 5321 §4.4)."""
    found = _RECEIVED.search(_head(head))
    return parse_date(found[1].rpartition(b";")[2].decode("latin-1").strip()) if found else None


def _time_in_name(file: Path) -> datetime | None:
    """A Maildir file's name begins with the moment of its delivery, in seconds since the epoch."""
    found = _MAILDIR_TIME.match(file.name) if file.parent.name in ("cur", "new") else None
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None


def _envelope_date(line: bytes) -> datetime | None:
    """The date of a `From ` line, as asctime writes it: UTC (RFC 4155), unless it names an offset."""
    found = _ENVELOPE_DATE.search(line)
    if found is None:
        return None
    month, day, minute, second, zone, offset, year = ((part or b"").decode("ascii") for part in found.groups())
    numeric = next((part for part in (offset, zone) if part[:1] in ("+", "-") and part), "+0000")
    return parse_date(f"{day} {month} {year} {minute}{second or ':00'} {numeric}")
