"""Archives: read mbox (Google Takeout too), .eml, Maildir and JSON Lines from the disk, one message at a time."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import IO

from monitor.collect.archive_mbox import HEAD, is_from_line, read_mbox, told_at
from monitor.collect.archive_records import read_records
from monitor.collect.archived import LARGEST, ArchivedMessage, ArchiveProblem
from monitor.collect.events import ArchivedEvent
from monitor.collect.folders import role_of
from monitor.model import ArchiveMark

Found = ArchivedMessage | ArchivedEvent | ArchiveProblem

BEGINNING = ArchiveMark()
_FIELD = re.compile(rb"[!-9;-~]{1,76}[ \t]*:")
_LEADING = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*\r?\n)*")
"""What editors and web pages put before a message: a byte order mark, blank lines."""
_MAILDIR_TIME = re.compile(r"(\d{9,11})\.")
_RECORDS = (".jsonl", ".ndjson")
_SUFFIXES = (".eml", ".mbox", ".mbx", *_RECORDS)
_PACKED = {b"PK\x03\x04": "zip", b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "7z"}
"""How packed files begin."""


def archive_size(path: Path) -> int:
    """Octets of all that `read_archive` would read; 0 where there is nothing."""
    return sum(_size_and_time(file)[0] for file, _ in _files(path))


def archive_digest(path: Path) -> str:
    """32 hex digits that change with the names, sizes and times of the files that `read_archive` would read."""
    digest = hashlib.sha256()
    for file, folder in _files(path):
        size, changed = _size_and_time(file)
        digest.update(f"{file.resolve()}\0{folder}\0{size}\0{changed}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def _size_and_time(file: Path) -> tuple[int, int]:
    """Octets, and nanoseconds since the epoch; nothing of a folder that cannot be listed, and of what is gone by now."""
    try:
        state = file.stat()
    except OSError:
        return 0, 0
    return (state.st_size, state.st_mtime_ns) if S_ISREG(state.st_mode) else (0, 0)


def read_archive(path: Path, start: ArchiveMark = BEGINNING) -> Iterator[Found]:
    """The messages of a file, a Maildir or a folder of such, in the order of their names; memory stays flat.

    `start`: go on after the message with this mark, in an archive whose `archive_digest` is the same. Never raises for what lies
    there: what cannot be read is an ArchiveProblem.
    """
    done = 0
    found = False
    for file, folder in _files(path):
        found = True
        size, _ = _size_and_time(file)
        try:
            if done + size > start.done or size == 0:
                inside = max(start.done - done, 0)
                yield from _read_file(file, folder, done, inside, start.position if inside else 0)
        except OSError as error:
            yield ArchiveProblem(file, None, f"cannot be read ({error.strerror or error})")
        done += size
    if not found:
        reason = "holds no mail (mbox, .eml, Maildir or JSON Lines)" if path.is_dir() else "is not there"
        yield ArchiveProblem(path, None, reason)


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    """Every file with the folder that its mail lay in."""
    if path.is_dir():
        yield from _below(path, path)
    elif path.exists():
        yield path, "INBOX"


def _below(folder: Path, top: Path) -> Iterator[tuple[Path, str]]:
    """The files of one folder and of those below it, by name; of a Maildir those in `cur` and `new` first.

    A folder that cannot be listed comes itself: reading it then says why.
    """
    names = _listed(folder)
    if names is None:
        yield folder, "INBOX"
        return
    is_maildir = {("cur", True), ("new", True)} <= set(names)
    if is_maildir:
        for part in ("cur", "new"):
            mails = _listed(folder / part)
            for file in [folder / part] if mails is None else [folder / part / name for name, _ in mails]:
                if mails is None or _is_file(file):
                    yield file, _maildir_folder(folder, top)
    for name, is_folder in names:
        if is_folder:
            if not is_maildir or name not in ("cur", "new", "tmp"):
                yield from _below(folder / name, top)
        elif _is_file(folder / name) and (name.lower().endswith(_SUFFIXES) or _is_bare_mbox(folder / name)):
            yield folder / name, "INBOX"


def _listed(folder: Path) -> list[tuple[str, bool]] | None:
    """Name and whether it is a folder, of all that lies there; None where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    except OSError:
        return None


def _is_file(path: Path) -> bool:
    """True too where the system does not say; reading it then says why."""
    try:
        return path.is_file()
    except OSError:
        return True


def _is_bare_mbox(file: Path) -> bool:
    """Whether it is an mbox whose name has no suffix, as Thunderbird and Apple Mail's export have them."""
    if file.suffix:
        return False
    try:
        with file.open("rb") as stream:
            return is_from_line(stream.readline(500))
    except OSError:
        return False


def _maildir_folder(box: Path, top: Path) -> str:
    """Maildir++ writes the folder Lists/News as `.Lists.News`."""
    return "INBOX" if box == top or not box.name.startswith(".") else box.name[1:].replace(".", "/")


def _read_file(file: Path, folder: str, before: int, start: int, position: int) -> Iterator[Found]:
    if file.is_dir():
        os.scandir(file).close()
    with file.open("rb") as stream:
        first = stream.readline(LARGEST)
        stream.seek(0)
        if not first:
            yield ArchiveProblem(file, None, "is empty")
        elif file.suffix.lower() in _RECORDS or first.lstrip()[:1] in (b"{", b"["):
            yield from read_records(file, stream, before, start, position)
        elif is_from_line(first):
            yield from read_mbox(file, stream, before, start, position)
        elif _FIELD.match(first):
            yield _single(file, stream, folder, before)
        elif _FIELD.match(beginning := stream.read(HEAD), lead := _leading(beginning)):
            stream.seek(lead)
            yield _single(file, stream, folder, before + lead)
        elif packed := next((name for mark, name in _PACKED.items() if first.startswith(mark)), None):
            yield ArchiveProblem(file, None, f"is packed; unpack it first ({packed})")
        else:
            yield ArchiveProblem(file, None, "is neither a mail message, an mbox nor JSON Lines")


def _leading(beginning: bytes) -> int:
    found = _LEADING.match(beginning)
    return found.end() if found else 0


def _single(file: Path, stream: IO[bytes], folder: str, before: int) -> ArchivedMessage | ArchiveProblem:
    raw = stream.read(LARGEST + 1)
    if len(raw) > LARGEST:
        return ArchiveProblem(file, None, f"is larger than {LARGEST} octets")
    delivered_at = _time_in_name(file) or told_at(raw)
    return ArchivedMessage(raw, file, 1, folder, role_of(folder, (), "/") or "OTHER", delivered_at, before + len(raw))


def _time_in_name(file: Path) -> datetime | None:
    """A Maildir file's name begins with the moment of its delivery, in seconds since the epoch."""
    found = _MAILDIR_TIME.match(file.name) if file.parent.name in ("cur", "new") else None
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None
