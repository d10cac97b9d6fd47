"""Coverage: proven intervals and checkpoints of folders, kept merged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from monitor.model import Checkpoint, Coverage, CoverageKind
from monitor.store.statements import AT_ONCE
from monitor.store.tables import coverage, folders, inboxes, placements

FORGOTTEN_AFTER = timedelta(days=7)
"""A folder that was proven so much earlier than another of its inbox is gone (renamed, deleted) and monitored no more."""
_OF_CHECKPOINT = ("uidvalidity", "last_uid", "uidnext", "highestmodseq", "messages", "proven_at", "state")

# What every poll asks, made once: to put a statement together costs more than SQLite takes for it.
_CHECKPOINTS = (
    select(folders)
    .join(inboxes, inboxes.c.id == folders.c.inbox_id)
    .where(inboxes.c.name == bindparam("inbox"), folders.c.uidvalidity.is_not(None))
)
_KEEP_CHECKPOINT = (
    update(folders)
    .where(folders.c.id == bindparam("folder"))
    .values({name: bindparam(f"new_{name}") for name in _OF_CHECKPOINT} | {"polls": folders.c.polls + bindparam("more")})
)
_NEWEST = (
    select(coverage)
    .where(coverage.c.folder_id == bindparam("folder"))
    .order_by(coverage.c.until.desc(), coverage.c.id.desc())
    .limit(1)
)
_GROW = (
    update(coverage)
    .where(coverage.c.id == bindparam("number"))
    .values({"until": bindparam("new_until"), "polls": coverage.c.polls + bindparam("more")})
)


def checkpoints(connection: Connection, inbox: str) -> dict[str, Checkpoint]:
    rows = connection.execute(_CHECKPOINTS, {"inbox": inbox})
    return {
        row.name: Checkpoint(
            folder=row.name,
            uidvalidity=row.uidvalidity,
            last_uid=row.last_uid,
            proven_at=row.proven_at,
            uidnext=row.uidnext,
            highestmodseq=row.highestmodseq,
            messages=row.messages,
            state=row.state,
        )
        for row in rows
    }


def known_uids(connection: Connection, inbox: str, folder: str, uidvalidity: int) -> frozenset[int]:
    query = select(placements.c.uid).join(folders, folders.c.id == placements.c.folder_id)
    query = query.join(inboxes, inboxes.c.id == folders.c.inbox_id)
    found = connection.execute(
        query.where(
            inboxes.c.name == inbox,
            folders.c.name == folder,
            placements.c.uidvalidity == uidvalidity,
            placements.c.gone_at.is_(None),
        )
    )
    return frozenset(found.scalars())


def keep_checkpoint(connection: Connection, folder: Row[Any], checkpoint: Checkpoint, polls: int) -> None:
    """Set the folder's checkpoint; `polls` more have proven it readable.

    A look at an earlier moment than the last one says that our clock was ahead: what was proven of the time to come is not.
    """
    if folder.proven_at is not None and checkpoint.proven_at < folder.proven_at:
        ahead = (coverage.c.folder_id == folder.id) & (coverage.c.until > checkpoint.proven_at)
        connection.execute(delete(coverage).where(ahead, coverage.c.since >= checkpoint.proven_at))
        connection.execute(update(coverage).where(ahead).values(until=checkpoint.proven_at))
    values = {f"new_{name}": getattr(checkpoint, name) for name in _OF_CHECKPOINT}
    connection.execute(_KEEP_CHECKPOINT, {"folder": folder.id, "more": polls, **values})


def keep_coverage(connection: Connection, folder: int, intervals: Sequence[Coverage]) -> None:
    """Add intervals. One that begins where the folder's newest of its kind ends, or within it, makes that one longer."""
    for interval in sorted(intervals, key=lambda c: (c.start, c.end)):
        newest = connection.execute(_NEWEST, {"folder": folder}).first()
        if newest is not None and newest.kind == interval.kind.value and newest.since <= interval.start <= newest.until:
            if interval.end > newest.until:  # else it is known, as after a crash and a repeated visit
                connection.execute(_GROW, {"number": newest.id, "new_until": interval.end, "more": interval.polls})
        else:
            row = {"since": interval.start, "until": interval.end, "kind": interval.kind.value, "polls": interval.polls}
            connection.execute(insert(coverage).values(folder_id=folder, **row))


def read_coverage(
    connection: Connection, start: datetime | None, end: datetime | None, names: Sequence[str] | None
) -> list[Coverage]:
    """Whole intervals of these inboxes (None: of all) that reach into [start, end), in order of their start."""
    query = (
        select(coverage, folders.c.name.label("folder"), inboxes.c.name.label("inbox"))
        .join(folders, folders.c.id == coverage.c.folder_id)
        .join(inboxes, inboxes.c.id == folders.c.inbox_id)
    )
    if start is not None:
        query = query.where(coverage.c.until > start)
    if end is not None:
        query = query.where(coverage.c.since < end)
    if names is not None:
        query = query.where(inboxes.c.name.in_(names))
    return [_as_coverage(row) for row in connection.execute(query.order_by(coverage.c.since, coverage.c.id))]


def monitored_folders(connection: Connection, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Inbox → its folders that are being read; () for one that was never read."""
    wanted = set(names)
    found: dict[str, list[tuple[str, datetime]]] = {name: [] for name in sorted(wanted)}
    query = select(inboxes.c.name.label("inbox"), folders.c.name, folders.c.proven_at).join(
        inboxes, inboxes.c.id == folders.c.inbox_id
    )
    query = query.where(folders.c.proven_at.is_not(None))
    few = query.where(inboxes.c.name.in_(wanted)) if len(wanted) <= AT_ONCE else query
    for row in connection.execute(few):
        if row.inbox in wanted:
            found[row.inbox].append((row.name, row.proven_at))
    return {inbox: tuple(sorted(still_there(known))) for inbox, known in found.items()}


def still_there(known: Sequence[tuple[str, datetime]]) -> list[str]:
    """Of an inbox's folders, each with the time it was last proven, those that are being read."""
    newest = max((at for _, at in known), default=None)
    return [name for name, at in known if newest is not None and newest - at < FORGOTTEN_AFTER]


def _as_coverage(row: Row[Any]) -> Coverage:
    return Coverage(row.inbox, row.folder, row.since, row.until, CoverageKind(row.kind), row.polls)
