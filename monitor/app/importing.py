"""Import: past mail and recorded events from files into the store, resumable, with what was skipped and why."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from monitor.app.helpers import Asked, Dkim, HelperError, Helpers, spare_cores
from monitor.app.import_batches import in_batches
from monitor.app.in_parts import Reading, in_order
from monitor.app.ingest import Reader
from monitor.collect.archive import BEGINNING, archive_digest, archive_size, read_archive
from monitor.collect.archived import ArchivedMessage, ArchiveProblem
from monitor.collect.events import ArchivedEvent, read_events
from monitor.model import ArchiveMark, Identification, Message, NewCopy, RawMessage, StreamKey
from monitor.store.imports import ImportBatch, Imported
from monitor.store.store import Store

Found = TypeVar("Found", bound=ArchivedMessage | ArchivedEvent | ArchiveProblem)
Progress = Callable[[int], None]
"""Is told how many octets of the file have been read."""
WORTH_HELP = 20_000_000
"""Octets of an archive from which on another process, which takes some seconds to begin, is worth it."""
NAMED = 100
"""So many skipped things of an archive are named one by one; all are counted."""
AHEAD = timedelta(days=1)
"""So far a clock may be ahead of ours; what lies further in the future has a wrong time."""
_PARTICULAR = re.compile(r"[:(].*", re.DOTALL)


@dataclass
class Summary:
    """What came of importing one file or folder."""

    path: Path
    imported: Imported = field(default_factory=Imported)
    skipped: list[ArchiveProblem] = field(default_factory=list)
    """The first of them."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why things were skipped → how many."""
    resumed_at: int = 0
    """Octets that an interrupted import had read before."""

    def skip(self, problem: ArchiveProblem) -> None:
        self.reasons[_PARTICULAR.sub("", problem.reason).strip()] += 1
        if len(self.skipped) < NAMED:
            self.skipped.append(problem)


def import_mail(
    path: Path, name: str, store: Store, reader: Reader, now: datetime, progress: Progress, *, helpers: int | None = None
) -> Summary:
    """Read an archive into the inbox `import:NAME`. Importing again adds nothing twice; after an interruption it goes on.

    `helpers` other processes read messages; None: as many as there are spare cores, none for a small archive.
    """
    archive = f"{name}:{archive_digest(path)}"
    start = store.import_mark(archive)
    summary = Summary(path, resumed_at=start.done)
    if start != BEGINNING:
        store.tidy_originals()
    if helpers is None:
        helpers = spare_cores() if archive_size(path) - start.done >= WORTH_HELP else 0
    found = _good(_believable(read_archive(path, start), path, now), summary, progress)
    with _begun(reader, helpers) as others:
        summary.imported = store.save_batches(_read(found, name, reader, now, others), archive)
    if store.import_mark(archive) != BEGINNING:
        store.forget_import_mark(archive)
    return summary


def import_events(path: Path, name: str, store: Store, now: datetime, progress: Progress) -> Summary:
    """Read `sender_id,timestamp` rows: each is a copy of which only sender and time are known."""
    summary = Summary(path)

    def copies() -> Iterator[NewCopy]:
        for number, found in enumerate(_believable(read_events(path), path, now), start=1):
            if isinstance(found, ArchiveProblem):
                summary.skip(found)
                continue
            progress(number)
            yield _as_copy(found, name, now)

    summary.imported = store.save_imported(copies())
    return summary


def _believable(found: Iterable[Found], path: Path, now: datetime) -> Iterator[Found | ArchiveProblem]:
    """What lies far in the future comes out as a problem."""
    for item in found:
        if not isinstance(item, ArchiveProblem):
            at = item.at if isinstance(item, ArchivedEvent) else item.delivered_at
            if at is not None and at - now > AHEAD:
                yield ArchiveProblem(item.source or path, item.position, f"lies in the future ({at.isoformat()})")
                continue
        yield item


@dataclass(frozen=True, slots=True)
class _Good:
    """A message or an event, and the mark once it is stored."""

    item: ArchivedMessage | ArchivedEvent
    mark: ArchiveMark


def _good(
    found: Iterable[ArchivedMessage | ArchivedEvent | ArchiveProblem], summary: Summary, progress: Progress
) -> Iterator[_Good]:
    for item in found:
        if isinstance(item, ArchiveProblem):
            summary.skip(item)
        else:
            progress(item.done)
            yield _Good(item, ArchiveMark(item.done, item.position))


@contextmanager
def _begun(reader: Reader, number: int) -> Iterator[Helpers | None]:
    """Helpers while in the context; None where none are wanted or can begin."""
    try:
        helpers = Helpers(reader.settings, reader.canary_key, number) if number else None
    except HelperError:
        helpers = None
    with nullcontext() if helpers is None else closing(helpers):
        yield helpers


def _read(found: Iterable[_Good], name: str, reader: Reader, now: datetime, others: Helpers | None) -> Iterator[ImportBatch]:
    """Batches with their messages read; each helper has one of them ahead of what is being stored."""
    ask = partial(_asked, others) if others is not None else None
    begun = ((batch, Reading(reader, _messages(batch, name, now), (), ask)) for batch in in_batches(found, _size))
    for batch, read in in_order(begun, others.number if others is not None else 0):
        copies = iter(read.copies)
        in_turn = [_as_copy(g.item, name, now) if isinstance(g.item, ArchivedEvent) else next(copies) for g in batch]
        yield ImportBatch(tuple(in_turn), batch[-1].mark, read.frames)


def _asked(others: Helpers, messages: Sequence[RawMessage], dkim: Dkim) -> Asked | None:
    try:
        return others.read(messages, dkim, frames=True)
    except HelperError:
        return None


def _messages(batch: Sequence[_Good], name: str, now: datetime) -> list[RawMessage]:
    return [_as_raw(good.item, name, now) for good in batch if isinstance(good.item, ArchivedMessage)]


def _size(good: _Good) -> int:
    return len(good.item.raw) if isinstance(good.item, ArchivedMessage) else 0


def _as_raw(found: ArchivedMessage, name: str, now: datetime) -> RawMessage:
    return RawMessage(
        inbox=f"import:{name}",
        folder=found.folder,
        role=found.role,
        uidvalidity=0,
        uid=found.position,
        delivered_at=min(found.delivered_at or datetime.fromtimestamp(found.source.stat().st_mtime, UTC), now),
        seen_at=now,
        raw=found.raw,
        size=len(found.raw),
    )


def _as_copy(event: ArchivedEvent, name: str, now: datetime) -> NewCopy:
    facts = {
        "sender_id": event.sender_id,
        "timestamp": event.at.isoformat(),
        "send_id": event.send_id,
        "provider": event.provider,
        "inbox": event.inbox,
    }
    line = json.dumps({key: value for key, value in facts.items() if value is not None}).encode()
    at = min(event.at, now)
    raw = RawMessage(f"import:{event.inbox or name}", "INBOX", "INBOX", 0, 0, at, now, line, len(line))
    job = event.send_id or f"{event.sender_id} {event.at.isoformat()}"
    return NewCopy(
        raw=raw,
        message=Message(
            message_id=None,
            from_address=None,
            from_name=None,
            from_domain=None,
            subject=None,
            sent_at=at,
            return_path=None,
            list_id=None,
            list_unsubscribe=(),
            delivered_to=(),
            headers=(),
            fields={},
        ),
        identification=Identification(delivery=event.provider),
        key=StreamKey(event.sender_id, event.organisation or event.sender_id),
        at=at,
        send_fingerprints=(f"job:{job}",),
    )
