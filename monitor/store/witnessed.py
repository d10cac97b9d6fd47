"""Witnessed: over which time a stream's inboxes could be read, and which of them saw it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from monitor.model import Coverage, CoverageKind
from monitor.store.coverage import still_there
from monitor.store.covered import Stretch, any_of, inbox_stretches
from monitor.store.health import FailureRun, failure_runs
from monitor.store.sends import witnesses
from monitor.store.statements import among
from monitor.store.tables import copies, coverage, folders, inboxes, streams


@dataclass(frozen=True, slots=True)
class InboxWitness:
    """What one inbox could see in a stretch of time, and what it saw of the stream."""

    inbox: str
    stretches: tuple[Stretch, ...]
    """When all its monitored folders were proven readable, in order, disjoint."""
    failures: tuple[FailureRun, ...]
    sends: int = 0
    """Of the stream, that reached this inbox; 0 where no stream was asked for."""
    last_at: datetime | None = None
    """The newest of them."""

    def covered(self, kind: CoverageKind | None = None) -> timedelta:
        """How much time that is; of one kind only, if asked."""
        return sum((s.end - s.start for s in self.stretches if kind in (None, s.kind)), timedelta())


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The answer for [start, end): by inbox, and for any of them together."""

    start: datetime
    end: datetime
    inboxes: tuple[InboxWitness, ...]
    stretches: tuple[Stretch, ...]
    """When at least one of them could be read; live where one of them was live."""


def read_witnessed(
    connection: Connection, stream: str | None, names: Sequence[str] | None, start: datetime, end: datetime
) -> Witnessed:
    """Of these inboxes (None: those that get the stream, or all that are polled)."""
    seen = _received(connection, stream, start, end) if stream is not None else {}
    wanted = names
    if wanted is None:
        wanted = sorted({*witnesses(connection, [stream], end), *seen}) if stream is not None else _polled(connection)
    monitored = _folders(connection, wanted)
    intervals: dict[str, list[Coverage]] = defaultdict(list)
    for interval in (*_proven(connection, monitored.values(), start, end), *_before_they_were(monitored)):
        intervals[interval.inbox].append(interval)
    failed: dict[str, list[FailureRun]] = defaultdict(list)
    for run in failure_runs(connection, start, end, wanted):
        failed[run.inbox].append(run)
    found = []
    for name in wanted:
        stretches = inbox_stretches(intervals[name], [folder.name for folder in monitored[name]], start, end)
        sends, last_at = seen.get(name, (0, None))
        found.append(InboxWitness(name, tuple(stretches), tuple(failed[name]), sends, last_at))
    return Witnessed(start, end, tuple(found), tuple(any_of(s for inbox in found for s in inbox.stretches)))


@dataclass(frozen=True, slots=True)
class _Folder:
    """One that is being read. `first` is the begin of what was ever proven of it; None: nothing was."""

    id: int
    inbox: str
    name: str
    first: datetime | None


def _folders(connection: Connection, names: Sequence[str]) -> dict[str, list[_Folder]]:
    """Inbox → its folders that are being read, in order of their names."""
    first = select(coverage.c.since).where(coverage.c.folder_id == folders.c.id)  # the oldest: intervals do not overlap
    query = (
        select(
            folders.c.id,
            inboxes.c.name.label("inbox"),
            folders.c.name,
            folders.c.proven_at,
            first.order_by(coverage.c.until).limit(1).scalar_subquery().label("first"),
        )
        .join(inboxes, inboxes.c.id == folders.c.inbox_id)
        .where(folders.c.proven_at.is_not(None))
        .order_by(folders.c.name)
    )
    known: dict[str, list[Any]] = {name: [] for name in names}
    for row in connection.execute(query.where(among(connection, inboxes.c.name, names))):
        known[row.inbox].append(row)
    read = {inbox: set(still_there([(row.name, row.proven_at) for row in rows])) for inbox, rows in known.items()}
    return {
        inbox: [_Folder(row.id, inbox, row.name, row.first) for row in rows if row.name in read[inbox]]
        for inbox, rows in known.items()
    }


def _proven(connection: Connection, monitored: Iterable[Sequence[_Folder]], start: datetime, end: datetime) -> Iterator[Coverage]:
    """Intervals of these folders that reach into [start, end)."""
    by_number = {folder.id: folder for some in monitored for folder in some}
    query = select(coverage.c.folder_id, coverage.c.since, coverage.c.until, coverage.c.kind)
    query = query.where(coverage.c.until > start, coverage.c.since < end)
    for row in connection.execute(query.where(among(connection, coverage.c.folder_id, by_number.keys()))):
        folder = by_number[row.folder_id]
        yield Coverage(folder.inbox, folder.name, row.since, row.until, CoverageKind(row.kind))


def _before_they_were(monitored: Mapping[str, Sequence[_Folder]]) -> Iterator[Coverage]:
    """A folder that was first seen later than the others held no mail before, and takes nothing from their proof."""
    for inbox, known in monitored.items():
        begun = {folder.name: folder.first for folder in known if folder.first is not None}
        first = min(begun.values(), default=None)
        yield from (Coverage(inbox, name, first, at) for name, at in begun.items() if first is not None and at > first)


def _polled(connection: Connection) -> list[str]:
    query = select(inboxes.c.name).where(~inboxes.c.name.startswith("import:")).order_by(inboxes.c.name)
    return list(connection.execute(query).scalars())


def _received(connection: Connection, stream: str, start: datetime, end: datetime) -> Mapping[str, tuple[int, datetime]]:
    """Inbox → how many of the stream's sends reached it in that time, and the newest."""
    query = (
        select(inboxes.c.name, func.count(copies.c.send_id.distinct()).label("sends"), func.max(copies.c.at).label("last_at"))
        .join(inboxes, inboxes.c.id == copies.c.inbox_id)
        .join(streams, streams.c.id == copies.c.stream_id)
        .where(streams.c.name == stream, copies.c.at >= start, copies.c.at < end)
        .group_by(inboxes.c.name)
    )
    return {row.name: (row.sends, row.last_at) for row in connection.execute(query)}
