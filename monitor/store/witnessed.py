"""Witnessed: over which time a stream's inboxes could be read, and which of them saw it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from monitor.model import Coverage, CoverageKind
from monitor.store.coverage import monitored_folders, read_coverage
from monitor.store.covered import Stretch, any_of, inbox_stretches
from monitor.store.health import FailureRun, failure_runs
from monitor.store.sends import witnesses
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
    monitored = monitored_folders(connection, wanted)
    intervals: dict[str, list[Coverage]] = defaultdict(list)
    for interval in read_coverage(connection, start, end, wanted):
        intervals[interval.inbox].append(interval)
    for interval in _before_they_were(connection, wanted):
        intervals[interval.inbox].append(interval)
    failed: dict[str, list[FailureRun]] = defaultdict(list)
    for run in failure_runs(connection, start, end, wanted):
        failed[run.inbox].append(run)
    found = []
    for name in wanted:
        stretches = inbox_stretches(intervals[name], monitored.get(name, ()), start, end)
        sends, last_at = seen.get(name, (0, None))
        found.append(InboxWitness(name, tuple(stretches), tuple(failed[name]), sends, last_at))
    return Witnessed(start, end, tuple(found), tuple(any_of(s for inbox in found for s in inbox.stretches)))


def _before_they_were(connection: Connection, names: Sequence[str]) -> Iterator[Coverage]:
    """A folder that was first seen later than the others held no mail before, and takes nothing from their proof."""
    query = (
        select(inboxes.c.name.label("inbox"), folders.c.name, func.min(coverage.c.since).label("since"))
        .join(folders, folders.c.inbox_id == inboxes.c.id)
        .join(coverage, coverage.c.folder_id == folders.c.id)
        .where(inboxes.c.name.in_(names))
        .group_by(inboxes.c.name, folders.c.name)
    )
    born: dict[str, dict[str, datetime]] = defaultdict(dict)
    for row in connection.execute(query):
        born[row.inbox][row.name] = row.since
    for inbox, since in born.items():
        first = min(since.values())
        yield from (Coverage(inbox, folder, first, at) for folder, at in since.items() if at > first)


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
