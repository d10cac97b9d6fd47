"""Reread: put what reading a stored message again brought in place of what was stored of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, select, update

from monitor.model import Awaited, Bodies, NewCopy
from monitor.store.bulk import update_rows
from monitor.store.grouping import group_again
from monitor.store.intake import columns_of, describe, number_streams
from monitor.store.placement import placed
from monitor.store.repeats import same_messages, settle_repeats
from monitor.store.statements import chunks
from monitor.store.tables import copies, evidence, folders, inboxes, placements, problems, tab_stays


def keep_again(connection: Connection, read: Mapping[int, NewCopy]) -> None:
    """Replace the columns of these copies (by number), what was identified and what was odd, and group again."""
    changes: dict[int, list[datetime]] = defaultdict(list)
    left: set[int] = set()
    numbers = number_streams(connection, list(read.values()))
    new: list[dict[str, Any]] = []
    for old in _known(connection, list(read)):
        columns = columns_of(read[old.id], numbers)
        moved = columns["stream_id"] != old.stream_id
        if old.stream_id is not None:
            changes[old.stream_id].append(old.at)
        if columns["stream_id"] is not None:
            changes[columns["stream_id"]].append(columns["at"])
        if moved and old.send_id is not None:
            left.add(old.send_id)
        new.append({"id": old.id, "send_id": None if moved else old.send_id, **columns})
    update_rows(connection, copies, new)
    for numbered in chunks(list(read)):
        connection.execute(delete(evidence).where(evidence.c.copy_id.in_(numbered)))
        connection.execute(delete(problems).where(problems.c.copy_id.in_(numbered)))
    describe(connection, list(read.items()))
    settle_repeats(connection, same_messages(connection, new), (), changes)
    group_again(connection, changes, left=left)


def keep_whole(connection: Connection, whole: Mapping[int, NewCopy]) -> None:
    """These copies, of which only the headers were stored, are here whole: their bytes count from now on."""
    inbox_of = {row.id: row.inbox_id for row in _known(connection, list(whole))}
    _no_longer_awaited(connection, list(inbox_of))
    homes = {(row.inbox_id, row.digest): row.id for row in _same_bytes(connection, [copy.raw.sha256 for copy in whole.values()])}
    fits: dict[int, NewCopy] = {}
    twins: list[tuple[int, int]] = []
    for number, copy in sorted(whole.items()):
        home = homes.setdefault((inbox_of[number], copy.raw.sha256), number)
        if home == number:
            fits[number] = copy
        else:
            twins.append((number, home))
    rows = [
        {"id": number, "digest": copy.raw.sha256, "size": copy.raw.size, "truncated": copy.raw.truncated}
        for number, copy in fits.items()
    ]
    update_rows(connection, copies, rows)
    keep_again(connection, fits)
    _merge(connection, twins)


def _merge(connection: Connection, twins: Sequence[tuple[int, int]]) -> None:
    """What came again, headers first, turns out to be a copy that is here already: (copy, the one that it is).

    A folder was rebuilt and the message has no Message-ID, or it lies there twice. The totals of copies keep it, as they only
    ever grow.
    """
    changes: dict[int, list[datetime]] = defaultdict(list)
    left: set[int] = set()
    for number, home in twins:
        rows = {row.id: row for row in _known(connection, (number, home))}
        again, known = rows[number], rows[home]
        for table in (placements, tab_stays):
            connection.execute(update(table).where(table.c.copy_id == again.id).values(copy_id=known.id))
        for table in (evidence, problems):
            connection.execute(delete(table).where(table.c.copy_id == again.id))
        connection.execute(delete(copies).where(copies.c.id == again.id))
        lies = {"folder_id": again.folder_id, "role": placed(known.role, again.role)}
        connection.execute(update(copies).where(copies.c.id == known.id).values(lies))
        for row in (again, known):
            if row.stream_id is not None:
                changes[row.stream_id].append(row.at)
        if again.send_id is not None:
            left.add(again.send_id)
    group_again(connection, changes, left=left)


def keep_bodies(connection: Connection, bodies: Bodies, read: Mapping[int, NewCopy]) -> None:
    """What was read of one folder, by UID. Of those that the server did not give, the headers are all there is."""
    uids = sorted({*read, *bodies.missing})
    numbers: dict[int, int] = {}
    for some in chunks(uids):
        query = (
            select(placements.c.uid, copies.c.id)
            .join(copies, copies.c.id == placements.c.copy_id)
            .join(folders, folders.c.id == placements.c.folder_id)
            .join(inboxes, inboxes.c.id == folders.c.inbox_id)
            .where(inboxes.c.name == bodies.inbox, folders.c.name == bodies.folder, copies.c.awaits_body)
            .where(placements.c.uidvalidity == bodies.uidvalidity, placements.c.uid.in_(some))
        )
        numbers.update((row.uid, row.id) for row in connection.execute(query))
    keep_whole(connection, {numbers[uid]: copy for uid, copy in read.items() if uid in numbers})
    _no_longer_awaited(connection, [numbers[uid] for uid in bodies.missing if uid in numbers])


_AWAITED: Select[Any] = (
    select(copies.c.id, placements.c.uidvalidity, placements.c.uid, folders.c.name)
    .join(inboxes, inboxes.c.id == copies.c.inbox_id)
    .join(placements, placements.c.copy_id == copies.c.id)
    .join(folders, (folders.c.id == placements.c.folder_id) & (folders.c.uidvalidity == placements.c.uidvalidity))
    .where(inboxes.c.name == bindparam("inbox"), copies.c.awaits_body, placements.c.gone_at.is_(None))
    .order_by(copies.c.delivered_at.desc(), copies.c.id.desc())
    .limit(bindparam("most"))
)
"""Made once: every poll asks it."""


def awaited(connection: Connection, inbox: str, most: int) -> dict[str, Awaited]:
    """Folder → the newest messages there whose headers alone are stored, `most` in all."""
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in {row.id: row for row in connection.execute(_AWAITED, {"inbox": inbox, "most": most})}.values():
        found[row.name].append(row)
    return {name: Awaited(rows[0].uidvalidity, tuple(row.uid for row in rows)) for name, rows in found.items()}


def stored_headers(connection: Connection, inbox: str, folder: str, uidvalidity: int, before: int) -> frozenset[str]:
    """Digests of copies in this folder whose headers alone are stored, under UIDs below `before`."""
    query = (
        select(copies.c.digest)
        .join(inboxes, inboxes.c.id == copies.c.inbox_id)
        .join(placements, placements.c.copy_id == copies.c.id)
        .join(folders, folders.c.id == placements.c.folder_id)
        .where(inboxes.c.name == inbox, copies.c.awaits_body, folders.c.name == folder)
        .where(placements.c.uidvalidity == uidvalidity, placements.c.uid < before, placements.c.gone_at.is_(None))
    )
    return frozenset(connection.execute(query).scalars())


def _known(connection: Connection, numbers: Sequence[int]) -> list[Row[Any]]:
    return [row for some in chunks(numbers) for row in connection.execute(select(copies).where(copies.c.id.in_(some)))]


def _same_bytes(connection: Connection, digests: Sequence[str]) -> list[Row[Any]]:
    query: Select[Any] = select(copies)
    return [row for some in chunks(digests) for row in connection.execute(query.where(copies.c.digest.in_(some)))]


def _no_longer_awaited(connection: Connection, numbers: Sequence[int]) -> None:
    for some in chunks(numbers):
        connection.execute(update(copies).where(copies.c.id.in_(some)).values(awaits_body=False))
