"""Read a seed inbox that a mail server delivers into mbox files on this machine: what was appended since the last look."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from monitor.clock import Clock
from monitor.collect.folders import Folder
from monitor.collect.local_files import open_quietly, received_at, why
from monitor.collect.local_proof import MboxState, mbox_holds, since_last_look
from monitor.collect.local_visits import LocalVisits
from monitor.collect.plan import BATCH_BYTES, BATCH_MESSAGES, FIRST_BYTES
from monitor.model import Awaited, Bodies, Checkpoint, Coverage, FolderVisit, PollFailure, RawMessage
from monitor.settings import InboxSettings

GUARD_BYTES = 4096
CHUNK = 65_536
_FROM = re.compile(rb"From [^\n]*\d\d:\d\d[^\n]*\d{4}")
_QUOTED = re.compile(rb">+From ")
_HEAD_END = re.compile(rb"\r?\n\r?\n|\Z")
_BOOKKEEPING = re.compile(
    rb"^(?:Status|X-Status|X-Keywords|X-UID|X-IMAP|X-IMAPbase):[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)", re.I | re.M
)
"""What mail programs write into a message when somebody has looked at it: no part of what was delivered."""


class BusyError(Exception):
    """Somebody is writing to the file."""


@dataclass(frozen=True, slots=True)
class Found:
    """One message: where its `From ` line begins, where the next one would, and its text without either."""

    start: int
    end: int
    raw: bytes
    size: int
    """Octets of the text; more than `len(raw)` where only its beginning was kept."""


class MboxInbox:
    """One seed inbox: a file is its INBOX, the mbox files in a folder are its folders. One thread at a time."""

    def __init__(self, settings: InboxSettings, *, max_message_bytes: int, poll_every: timedelta) -> None:
        self._visits = LocalVisits(settings)
        self._limit, self._poll_every = max_message_bytes, poll_every

    def visit(
        self, checkpoints: Mapping[str, Checkpoint], clock: Clock, awaited: Mapping[str, Awaited] | None = None
    ) -> Generator[FolderVisit | Bodies | PollFailure, None, None]:
        """Look at every file, as over IMAP; messages come whole. What comes out is to be stored in this order."""
        folders = self._folders()
        yield from self._visits.lost(folders, checkpoints, clock.now())
        for folder, path in folders:
            try:
                yield from self._look(folder, path, checkpoints.get(folder.name), clock)
            except BusyError as error:
                yield self._visits.failure(
                    folder.name, f"{path} is being written to ({error}); it is read at the next poll", clock.now()
                )
            except OSError as error:
                yield self._visits.failure(folder.name, f"{path} cannot be read ({why(error)})", clock.now())

    def close(self) -> None:
        """Nothing is held open."""

    def _folders(self) -> list[tuple[Folder, Path]]:
        try:
            if self._visits.path.is_dir():
                files = _named(path for path in sorted(self._visits.path.iterdir()) if _is_mbox(path))
            else:
                self._visits.path.stat()
                files = {"INBOX": self._visits.path}
        except OSError as error:
            raise self._visits.unreadable(error) from error
        return self._visits.folders(files)

    def _look(self, folder: Folder, path: Path, seen: Checkpoint | None, clock: Clock) -> Iterator[FolderVisit | PollFailure]:
        """Offsets only grow while a file is appended to, so they are its UIDs; a file that was written anew starts over."""
        if path.with_name(path.name + ".lock").exists():
            raise BusyError(f"{path.name}.lock is there")
        at = clock.now()
        with open_quietly(path, follow=True) as stream:
            _share(stream)
            facts = os.fstat(stream.fileno())
            before = MboxState.of(seen)
            goes_on = seen is not None and before is not None and _goes_on(stream, facts, seen.last_uid, before)
            start = seen.last_uid if seen is not None and goes_on else 0
            uidvalidity = 1 if seen is None else seen.uidvalidity + (not goes_on)
            restarted = seen is not None and not goes_on
            if start == 0 and facts.st_size and not _begins(stream, 0):
                yield self._visits.failure(folder.name, f"{path} is no mbox (it does not begin with a `From ` line)", at)
                return
            proven_at = seen.proven_at if seen is not None and goes_on else at
            waiting: list[Found] = []
            end = start
            for found in read_mbox(stream, start, self._limit):
                held = sum(len(message.raw) for message in waiting)
                if waiting and (len(waiting) == BATCH_MESSAGES or held + len(found.raw) > BATCH_BYTES):
                    state = MboxState(facts.st_ino, 0, _guard(stream, waiting[-1].end))
                    step = Checkpoint(folder.name, uidvalidity, waiting[-1].end, proven_at, state=state.text())
                    yield self._visits.visit(
                        folder, at, step, self._messages(folder, uidvalidity, waiting, clock.now()), restarted
                    )
                    waiting = []
                waiting.append(found)
                end = found.end
            state = MboxState(facts.st_ino, facts.st_mtime_ns, _guard(stream, end))
        coverage: tuple[Coverage, ...] = ()
        if seen is not None and before is not None and goes_on and mbox_holds(before, state, end > seen.last_uid):
            coverage = since_last_look(self._visits.inbox, folder.name, seen, at, self._poll_every)
        last = Checkpoint(folder.name, uidvalidity, end, at, state=state.text())
        yield self._visits.visit(
            folder, at, last, self._messages(folder, uidvalidity, waiting, clock.now()), restarted, coverage, ()
        )

    def _messages(self, folder: Folder, uidvalidity: int, found: list[Found], now: datetime) -> tuple[RawMessage, ...]:
        return tuple(
            RawMessage(
                inbox=self._visits.inbox,
                folder=folder.name,
                role=folder.role,
                uidvalidity=uidvalidity,
                uid=message.start + 1,
                delivered_at=received_at(message.raw, now),
                seen_at=now,
                raw=message.raw,
                size=message.size,
                truncated=message.size > len(message.raw),
            )
            for message in found
        )


def read_mbox(stream: IO[bytes], start: int, limit: int) -> Iterator[Found]:
    """The messages from an offset on, at which a `From ` line begins (RFC 4155); of one above `limit` octets only the beginning.

    A `From ` line with a time begins a message at the start or after an empty line. `>From ` becomes what it was (mboxrd).
    """
    stream.seek(start)
    place = begun = start
    text, size, blank, whole_line = bytearray(), 0, True, True
    while line := stream.readline(CHUNK):
        if whole_line and blank and _FROM.match(line):
            if place > start:
                yield _found(begun, place, text, size, limit)
            begun, text, size = place, bytearray(), 0
        else:
            if whole_line and _QUOTED.match(line):
                line, place = line[1:], place + 1
            size += len(line)
            if len(text) <= limit:
                text += line
        blank = whole_line and line in (b"\n", b"\r\n")
        place += len(line)
        whole_line = line.endswith(b"\n")
    if place > begun:
        yield _found(begun, place, text, size, limit)


def _found(start: int, end: int, text: bytearray, size: int, limit: int) -> Found:
    """Without the empty line that stands before the next message."""
    if size > limit:
        return Found(start, end, bytes(text[:FIRST_BYTES]), size)
    head = _HEAD_END.search(text)
    end_of_head = head.end() if head is not None else len(text)
    raw = _BOOKKEEPING.sub(b"", bytes(text[:end_of_head])) + bytes(text[end_of_head:])
    for ending in (b"\n\r\n", b"\n\n"):
        if raw.endswith(ending):
            raw = raw[: 1 - len(ending)]
            break
    return Found(start, end, raw, len(raw))


def _goes_on(stream: IO[bytes], facts: os.stat_result, place: int, before: MboxState) -> bool:
    """Whether this is the same file, with something appended at most."""
    if facts.st_ino != before.inode or facts.st_size < place or _guard(stream, place) != before.guard:
        return False
    return facts.st_size == place or _begins(stream, place)


def _begins(stream: IO[bytes], place: int) -> bool:
    stream.seek(place)
    return _FROM.match(stream.readline(CHUNK)) is not None


def _guard(stream: IO[bytes], place: int) -> str:
    kept = stream.tell()
    begin = max(place - GUARD_BYTES, 0)
    stream.seek(begin)
    digest = hashlib.sha256(stream.read(place - begin)).hexdigest()
    stream.seek(kept)
    return digest


def _share(stream: IO[bytes]) -> None:
    """A lock that readers share and writers wait for; BusyError while one writes."""
    try:
        fcntl.lockf(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BusyError("it is locked") from None
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):  # a file system without locks
            raise


def _named(files: Iterable[Path]) -> dict[str, Path]:
    """Folder → file: `inbox` is INBOX, and `Junk.mbox` is Junk where no file is called so."""
    named: dict[str, Path] = {}
    for path in files:
        name = "INBOX" if path.stem.lower() == "inbox" else path.stem if path.suffix == ".mbox" else path.name
        named[path.name if name in named else name] = path
    return named


def _is_mbox(path: Path) -> bool:
    """Other files lie beside mailboxes: indexes, locks."""
    if path.name.startswith(".") or path.suffix == ".lock" or not path.name.isprintable() or not path.is_file():
        return False
    try:
        opened = open_quietly(path, follow=True)
    except OSError:
        return True  # the look at it tells
    with opened as stream:
        return stream.read(5) in (b"", b"From ")
