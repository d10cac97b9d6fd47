"""Places: where each copy lies and lay, and which of its places counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, bindparam, or_, select, union_all, update

from monitor.model import NewCopy, UidRange
from monitor.store.bulk import insert_rows
from monitor.store.documents import kept
from monitor.store.placement import counts_after, placed
from monitor.store.statements import among_given, chunks, given
from monitor.store.tables import copies, folders, inboxes, placements, streams, tab_stays

RANGES = 100
"""Ranges of UIDs in one statement."""


@dataclass(frozen=True, slots=True)
class Place:
    """One stay of a copy in a folder. `gone_at` is when it was first noticed to have left, None while it lies there."""

    inbox: str
    folder: str
    role: str
    uidvalidity: int
    uid: int
    sha256: str
    stream: str | None
    subject: str | None
    seen_at: datetime
    gone_at: datetime | None


def read_placed(connection: Connection, stream: str, since: datetime) -> list[tuple[str, int, datetime, str]]:
    """(inbox, send, when it was sent, role) of a stream's copies since then, where the mailbox provider chose the place."""
    query = (
        select(inboxes.c.name, copies.c.send_id, copies.c.at, copies.c.role)
        .join(inboxes, inboxes.c.id == copies.c.inbox_id)
        .join(streams, streams.c.id == copies.c.stream_id)
        .where(streams.c.name == stream, copies.c.at >= since, copies.c.send_id.is_not(None))
        .where(or_(copies.c.role.in_(("INBOX", "JUNK")), copies.c.role.like("TAB:%")))
        .order_by(copies.c.at, copies.c.id)
    )
    return [(row.name, row.send_id, row.at, row.role) for row in connection.execute(query)]


def unplaced(connection: Connection, folder: int, batch: Sequence[NewCopy]) -> list[NewCopy]:
    """Those whose UID is not known yet. A UID that was gone and is there again is no longer gone.

    A server that was brought back from an older copy may give a UID out once more: other mail under a known UID is new.
    """
    known: dict[tuple[int, int], Row[Any]] = {}
    for validity, some in groupby(batch, key=lambda c: c.raw.uidvalidity):
        asked = {"folder": folder, "validity": validity, "uids": given(connection, [copy.raw.uid for copy in some])}
        rows = connection.execute(_under_uids(connection.dialect.name), asked)
        known.update(((row.uidvalidity, row.uid), row) for row in rows)
    fresh: list[NewCopy] = []
    for copy in batch:
        row = known.get((copy.raw.uidvalidity, copy.raw.uid))
        if row is None:
            fresh.append(copy)
        elif not _is_same(row, copy):
            connection.execute(placements.delete().where(placements.c.id == row.id))
            fresh.append(copy)
        elif row.gone_at is not None:
            connection.execute(update(placements).where(placements.c.id == row.id).values(gone_at=None))
    return fresh


@lru_cache
def _under_uids(dialect: str) -> Select[Any]:
    return (
        select(placements, copies.c.digest, copies.c.message_id, copies.c.sent_at)
        .join(copies, copies.c.id == placements.c.copy_id)
        .where(placements.c.folder_id == bindparam("folder"), placements.c.uidvalidity == bindparam("validity"))
        .where(among_given(dialect, placements.c.uid, "uids"))
    )


def _is_same(row: Row[Any], copy: NewCopy) -> bool:
    """Whether the bytes are the same, or those of one message that was read once in whole and once in part."""
    if row.digest == copy.raw.sha256:
        return True
    return bool(row.message_id == kept(copy.message.message_id) and row.sent_at == copy.message.sent_at)


def note_places(
    connection: Connection, folder: Row[Any], fresh: Sequence[NewCopy], known: Mapping[str, Row[Any]], made: Mapping[str, int]
) -> None:
    """Where each was seen; a known copy that a filter moved counts in its new place from now on."""
    places = [
        {
            "copy_id": known[c.raw.sha256].id if c.raw.sha256 in known else made[c.raw.sha256],
            "folder_id": folder.id,
            "uidvalidity": c.raw.uidvalidity,
            "uid": c.raw.uid,
            "role": c.raw.role,
            "seen_at": c.raw.seen_at,
        }
        for c in fresh
    ]
    insert_rows(connection, placements, places, "ON CONFLICT DO NOTHING")
    for copy in fresh:
        row = known.get(copy.raw.sha256)
        if row is not None:
            moved = update(copies).where(copies.c.id == row.id)
            connection.execute(moved.values(folder_id=folder.id, role=placed(row.role, copy.raw.role)))


def note_vanished(
    connection: Connection, folder: int, uidvalidity: int, vanished: Sequence[UidRange], at: datetime
) -> dict[int, list[datetime]]:
    """Note what lies in the folder no more: in these ranges, and all under another UIDVALIDITY.

    Stream's row → times of copies that count in another place since.
    """
    gone: list[int] = []
    left: set[int] = set()
    standing = select(placements.c.id, placements.c.copy_id).where(
        placements.c.folder_id == folder, placements.c.gone_at.is_(None)
    )
    here = placements.c.uidvalidity == uidvalidity
    queries = [standing.where(~here)]
    for some in chunks(vanished, RANGES):
        queries.append(standing.where(here, or_(*(placements.c.uid.between(first, last) for first, last in some))))
    for query in queries:
        for row in connection.execute(query):
            gone.append(row.id)
            left.add(row.copy_id)
    for numbers in chunks(gone):
        connection.execute(update(placements).where(placements.c.id.in_(numbers)).values(gone_at=at))
    return _settle(connection, sorted(left))


def _settle(connection: Connection, left: Sequence[int]) -> dict[int, list[datetime]]:
    changes: dict[int, list[datetime]] = defaultdict(list)
    for some in chunks(left):
        standing: dict[int, list[Row[Any]]] = defaultdict(list)
        lying = select(placements).where(placements.c.copy_id.in_(some), placements.c.gone_at.is_(None))
        for place in connection.execute(lying.order_by(placements.c.seen_at, placements.c.id)):
            standing[place.copy_id].append(place)
        for row in connection.execute(select(copies).where(copies.c.id.in_(list(standing)))).all():
            role = counts_after(row.role, [place.role for place in standing[row.id]])
            if role != row.role:
                place = next(place for place in reversed(standing[row.id]) if place.role == role)
                connection.execute(update(copies).where(copies.c.id == row.id).values(role=role, folder_id=place.folder_id))
                if row.stream_id is not None:
                    changes[row.stream_id].append(row.at)
    return changes


def read_moves(
    connection: Connection, since: datetime | None, until: datetime | None, stream: str | None, inbox: str | None
) -> list[Place]:
    """The stays of all copies that left a folder in [since, until), in order of copy and time: from where to where."""
    columns = ("copy_id", "folder_id", "uidvalidity", "uid", "role", "seen_at", "gone_at")
    tables = (placements, tab_stays)
    left = select(union_all(*(_left(table, since, until) for table in tables)).cte("moved").c.copy_id)
    queries = (select(*(table.c[name] for name in columns)).where(table.c.copy_id.in_(left)) for table in tables)
    stays = union_all(*queries).subquery()
    query = (
        select(stays, copies.c.digest, copies.c.subject)
        .add_columns(folders.c.name.label("folder"), inboxes.c.name.label("inbox"), streams.c.name.label("stream"))
        .join(copies, copies.c.id == stays.c.copy_id)
        .join(folders, folders.c.id == stays.c.folder_id)
        .join(inboxes, inboxes.c.id == folders.c.inbox_id)
        .outerjoin(streams, streams.c.id == copies.c.stream_id)
        .where(*_only(stream, inbox))
        .order_by(copies.c.at, stays.c.copy_id, stays.c.seen_at, stays.c.uid)
    )
    return [_as_place(row) for row in connection.execute(query)]


def _left(table: Table, since: datetime | None, until: datetime | None) -> Select[Any]:
    """The copies that left a place in that time."""
    query = select(table.c.copy_id).where(table.c.gone_at.is_not(None))
    if since is not None:
        query = query.where(table.c.gone_at >= since)
    return query.where(table.c.gone_at < until) if until is not None else query


def _only(stream: str | None, inbox: str | None) -> Iterable[Any]:
    if stream is not None:
        yield streams.c.name == stream
    if inbox is not None:
        yield inboxes.c.name == inbox


def _as_place(row: Row[Any]) -> Place:
    return Place(
        inbox=row.inbox,
        folder=row.folder,
        role=row.role,
        uidvalidity=row.uidvalidity,
        uid=row.uid,
        sha256=row.digest,
        stream=row.stream,
        subject=row.subject,
        seen_at=row.seen_at,
        gone_at=row.gone_at,
    )
