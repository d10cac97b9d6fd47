"""Read a seed inbox that a mail server delivers into a Maildir on this machine: INBOX, and the Maildir++ folders beside it.

Files are opened read-only where they lie: nothing is moved from `new` to `cur` and no flag is set, so that whoever reads this
mailbox otherwise does not see that we did.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from monitor.clock import Clock
from monitor.collect.folders import Folder
from monitor.collect.local_files import moment_of, open_quietly, why
from monitor.collect.local_proof import MaildirState, cut, is_untouched, maildir_holds, since_last_look
from monitor.collect.local_visits import LocalVisits
from monitor.collect.plan import BATCH_BYTES, BATCH_MESSAGES, FIRST_BYTES
from monitor.errors import InboxError
from monitor.model import Awaited, Bodies, Checkpoint, FailureCause, FolderVisit, PollFailure, RawMessage
from monitor.settings import InboxSettings

Known = Callable[[str, int], frozenset[int]]
"""Folder and UIDVALIDITY → the UIDs of all messages that are stored and were there at the last look."""
_TIME = re.compile(r"(\d{9,11})\.")
_LARGEST_NUMBER = (1 << 62) - 1


@dataclass(frozen=True, slots=True)
class _Entry:
    """A message's file. Its unique name, without flags, stays the same from `new` to `cur` and through every change of flags."""

    path: Path
    uid: int
    size: int
    touched: int
    """Nanoseconds: when it came, was moved or renamed last."""


@dataclass(frozen=True, slots=True)
class _Listing:
    uidvalidity: int
    changed: tuple[int, ...]
    entries: tuple[_Entry, ...]


class MaildirInbox:
    """One seed inbox. One thread at a time. `known` tells what a run before this one has read."""

    def __init__(self, settings: InboxSettings, known: Known, *, max_message_bytes: int, poll_every: timedelta) -> None:
        self._visits = LocalVisits(settings)
        self._known, self._limit, self._poll_every = known, max_message_bytes, poll_every
        self._stored: dict[tuple[str, int], frozenset[int]] = {}
        """By folder and UIDVALIDITY, while nothing comes or goes; what comes out of a look may fail to be stored."""

    def visit(
        self, checkpoints: Mapping[str, Checkpoint], clock: Clock, awaited: Mapping[str, Awaited] | None = None
    ) -> Generator[FolderVisit | Bodies | PollFailure, None, None]:
        """Look at every folder, as over IMAP; messages come whole. What comes out is to be stored in this order."""
        folders = self._folders()
        yield from self._visits.lost(folders, checkpoints, clock.now())
        for folder, path in folders:
            try:
                yield from self._look(folder, path, checkpoints.get(folder.name), clock)
            except OSError as error:
                yield self._visits.failure(
                    folder.name, f"the folder {folder.name!r} cannot be read ({why(error)}): {path}", clock.now()
                )

    def close(self) -> None:
        """Nothing is held open."""

    def _folders(self) -> list[tuple[Folder, Path]]:
        """INBOX first. Maildir++ writes the folder Lists/News as `.Lists.News`. InboxError where this is no Maildir."""
        try:
            if not _is_maildir(self._visits.path):
                reason = f"`path` {self._visits.path} is no Maildir that can be read (it has no folders `new` and `cur`)"
                raise InboxError(self._visits.inbox, reason, cause=FailureCause.FOLDER)
            paths = {"INBOX": self._visits.path}
            for path in self._visits.path.iterdir():
                if path.name.startswith(".") and path.name.isprintable() and path.name != ".." and _is_maildir(path):
                    paths.setdefault(path.name[1:].replace(".", "/"), path)
        except OSError as error:
            raise self._visits.unreadable(error) from error
        return self._visits.folders(paths)

    def _look(self, folder: Folder, path: Path, seen: Checkpoint | None, clock: Clock) -> Iterator[FolderVisit | PollFailure]:
        at = clock.now()
        uidvalidity, changed = _stand(path)
        before = MaildirState.of(seen)
        restarted = seen is not None and seen.uidvalidity != uidvalidity
        if seen is not None and before is not None and not restarted and is_untouched(before, changed, seen.proven_at):
            coverage = since_last_look(self._visits.inbox, folder.name, seen, at, self._poll_every)
            yield self._visits.visit(folder, at, replace(seen, proven_at=at), (), False, coverage)
            return
        listing = _Listing(uidvalidity, changed, _list(path))
        key = folder.name, listing.uidvalidity
        known = self._stored.pop(key, None) or self._known(*key)
        gone = known - {entry.uid for entry in listing.entries}
        fresh = [entry for entry in listing.entries if entry.uid not in known]
        if not fresh and not gone:
            self._stored[key] = known
        unread = 0
        waiting: tuple[RawMessage, ...] = ()
        for some in cut([min(entry.size, self._limit) for entry in fresh], BATCH_MESSAGES, BATCH_BYTES):
            if waiting:
                yield self._visits.visit(folder, at, self._on_the_way(folder, listing, seen, at), waiting, restarted)
            batch: list[RawMessage] = []
            for entry in fresh[some]:
                message = self._read(folder, listing.uidvalidity, entry, clock.now())
                if isinstance(message, RawMessage):
                    batch.append(message)
                else:
                    unread += 1
                    yield message
            waiting = tuple(batch)
        state = MaildirState(changed)
        coverage = ()
        if seen is not None and before is not None and not restarted and not unread:
            touched = (entry.touched for entry in listing.entries)
            if maildir_holds(before, state, bool(gone), touched):
                coverage = since_last_look(self._visits.inbox, folder.name, seen, at, self._poll_every)
        there = len(listing.entries) - unread
        last = Checkpoint(folder.name, listing.uidvalidity, there, at, messages=there, state=None if unread else state.text())
        vanished = tuple((uid, uid) for uid in sorted(gone))
        yield self._visits.visit(folder, at, last, waiting, restarted, coverage, vanished)

    def _read(self, folder: Folder, uidvalidity: int, entry: _Entry, now: datetime) -> RawMessage | PollFailure:
        try:
            opened, path = self._open(entry)
            with opened as stream:
                size = os.fstat(stream.fileno()).st_size
                raw = stream.read(FIRST_BYTES if size > self._limit else self._limit)
        except OSError as error:
            reason = f"a message of {folder.name!r} cannot be read ({why(error)}): {entry.path}; it is passed over for now"
            return self._visits.failure(folder.name, reason, now)
        named = _TIME.match(path.name)
        return RawMessage(
            inbox=self._visits.inbox,
            folder=folder.name,
            role=folder.role,
            uidvalidity=uidvalidity,
            uid=entry.uid,
            delivered_at=moment_of(int(named[1]) if named else entry.touched / 1e9, now),
            seen_at=now,
            raw=raw,
            size=max(size, len(raw)),
            truncated=size > len(raw),
        )

    def _open(self, entry: _Entry) -> tuple[BinaryIO, Path]:
        """Under its name, or the one that somebody's mail program gave it since it was listed."""
        try:
            return open_quietly(entry.path, follow=False), entry.path
        except FileNotFoundError:
            for found in (entry.path.parent.parent / "cur").iterdir():
                if _number(found.name) == entry.uid:
                    return open_quietly(found, follow=False), found
            raise

    def _on_the_way(self, folder: Folder, listing: _Listing, seen: Checkpoint | None, at: datetime) -> Checkpoint:
        """Without a state: until the folder has been read to its end, nothing can be compared with what was there."""
        return Checkpoint(folder.name, listing.uidvalidity, 0, seen.proven_at if seen is not None else at)


def _is_maildir(path: Path) -> bool:
    return (path / "new").is_dir() and (path / "cur").is_dir()


def _stand(path: Path) -> tuple[int, tuple[int, ...]]:
    """UIDVALIDITY, and when `new` and `cur` were changed last: taken before they are listed.

    Another folder in place of this one (restored, made anew) has another inode, and so another UIDVALIDITY.
    """
    changed = tuple((path / folder).stat().st_mtime_ns for folder in ("new", "cur"))
    return path.stat().st_ino & _LARGEST_NUMBER or 1, changed


def _list(path: Path) -> tuple[_Entry, ...]:
    """What lies in it, oldest first. `new` is listed before `cur`, as mail moves that way only."""
    entries: dict[int, _Entry] = {}
    for folder in (path / "new", path / "cur"):
        with os.scandir(folder) as listing:
            for file in listing:
                if file.name.startswith("."):
                    continue
                try:
                    facts = file.stat(follow_symlinks=False)
                except FileNotFoundError:  # moved or taken away since: what it was, the next look tells
                    continue
                number = _number(file.name)
                entries[number] = _Entry(Path(file.path), number, facts.st_size, facts.st_ctime_ns)
    return tuple(sorted(entries.values(), key=lambda e: (_TIME.match(e.path.name) is None, e.path.name)))


def _number(name: str) -> int:
    """A UID for a message that has none: made of its unique name, which no other message of the folder ever has."""
    unique = re.split("[:;!]2,", name, maxsplit=1)[0]
    return int.from_bytes(hashlib.sha256(unique.encode("utf-8", "surrogateescape")).digest()[:8], "big") & _LARGEST_NUMBER or 1
