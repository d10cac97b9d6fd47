"""Recognise: a message that is stored already under other bytes, as it was moved, read in part, or its folder rebuilt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from monitor.model import NewCopy
from monitor.store.documents import kept
from monitor.store.statements import chunks
from monitor.store.tables import placements

IDENTITY = ("message_id", "sent_at", "from_address", "stream_id")


def recognise(
    connection: Connection,
    stored: Iterable[Row[Any]],
    inbox: int,
    folder: int,
    arrivals: Sequence[tuple[NewCopy, Mapping[str, Any]]],
    beside: Iterable[int],
) -> dict[str, Row[Any]]:
    """SHA-256 of what came → the copy that it is. `arrivals` come with the rows that they would be; their bytes are new here.
    `stored` are the copies that have any of their Message-IDs, oldest first; `beside` are those whose own bytes came with these.

    Message-ID, Date and From must agree, as there are senders that write one Message-ID into everything. A copy that lies
    somewhere else still is another one, unless one of the two was read in part and their sizes agree; and two UIDs of
    one folder are two messages.
    """
    candidates: dict[tuple[object, ...], list[Row[Any]]] = defaultdict(list)
    for row in stored:
        if row.inbox_id == inbox and row.sent_at is not None and row.from_address is not None:
            candidates[tuple(getattr(row, name) for name in IDENTITY)].append(row)
    if not candidates:
        return {}
    lying = _lying(connection, [row.id for rows in candidates.values() for row in rows])
    found: dict[str, Row[Any]] = {}
    taken = set(beside)
    for copy, made in arrivals:
        same = candidates.get(tuple(made[name] for name in IDENTITY), ())
        it = next((row for row in same if row.id not in taken and _is_it(row, copy, folder, lying[row.id])), None)
        if it is not None:
            found[copy.raw.sha256] = it
            taken.add(it.id)
    return found


def _is_it(row: Row[Any], copy: NewCopy, folder: int, places: Sequence[tuple[int, int]]) -> bool:
    """`places` are (folder, UIDVALIDITY) where the stored copy lies."""
    raw = copy.raw
    if (folder, raw.uidvalidity) in places or _differ(row.address, kept(copy.address)):
        return False
    if (row.awaits_body or raw.awaits_body) and row.size == raw.size:
        return True
    return all(place == folder for place, _ in places)


def _differ(one: str | None, other: str | None) -> bool:
    """Whether they came to two of our addresses: a list may give the mails of one send one Message-ID."""
    return one is not None and other is not None and one != other


def _lying(connection: Connection, numbers: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for some in chunks(numbers):
        query = select(placements.c.copy_id, placements.c.folder_id, placements.c.uidvalidity)
        for row in connection.execute(query.where(placements.c.copy_id.in_(some), placements.c.gone_at.is_(None))):
            found[row.copy_id].append((row.folder_id, row.uidvalidity))
    return found
