"""Repeats: one message that arrives again, in another inbox or much later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from monitor.store.bulk import update_rows
from monitor.store.statements import given_pairs, pairs
from monitor.store.tables import copies

_IDENTITY = ("id", "inbox_id", "stream_id", "message_id", "sent_at", "from_address", "address")
_COLUMNS = (*_IDENTITY, "at", "size", "role", "awaits_body")


def same_messages(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> Sequence[Row[Any]]:
    """The stored copies of these rows' streams that have any of their Message-IDs, in the order in which they came."""
    wanted = {
        (row["stream_id"], row["message_id"])
        for row in rows
        if row["stream_id"] is not None and row["message_id"] is not None and row["sent_at"] is not None
    }
    return connection.execute(_with_message_ids(connection.dialect.name), given_pairs(connection, wanted)).all() if wanted else ()


@lru_cache
def _with_message_ids(dialect: str) -> Select[Any]:
    pair = pairs(dialect).c
    found = select(*(copies.c[name] for name in _COLUMNS))
    return found.where(copies.c.stream_id == pair.number, copies.c.message_id == pair.text).order_by(copies.c.id)


def settle_repeats(
    connection: Connection,
    stored: Iterable[Row[Any]],
    arrivals: Iterable[MutableMapping[str, Any]],
    changes: MutableMapping[int, list[datetime]],
) -> None:
    """One message that arrives again much later (a mailbox moved, an archive imported) is no new send.

    All copies with its Message-ID and Date count at the earliest time of any of them: those that are `stored`, and the rows
    of `arrivals`, which are to be. Date must agree too: there are senders that write one Message-ID into everything.
    """
    found: dict[tuple[int, str, datetime], list[Row[Any]]] = defaultdict(list)
    for row in stored:
        if row.message_id and row.sent_at is not None:
            found[row.stream_id, row.message_id, row.sent_at].append(row)
    arrived: dict[tuple[int, str, datetime], list[MutableMapping[str, Any]]] = defaultdict(list)
    for new in arrivals:
        if new["stream_id"] is not None and new["message_id"] and new["sent_at"] is not None:
            arrived[new["stream_id"], new["message_id"], new["sent_at"]].append(new)
    for key in {**found, **arrived}:
        known, fresh = found.get(key, []), arrived.get(key, [])
        if len(known) + len(fresh) > 1:
            changes[key[0]] += _at_the_earliest(connection, known, fresh)


def _at_the_earliest(
    connection: Connection, known: Sequence[Row[Any]], fresh: Sequence[MutableMapping[str, Any]]
) -> list[datetime]:
    """Move them; the times that copies moved from and to."""
    earliest: datetime = min([*(row.at for row in known), *(new["at"] for new in fresh)])
    late = [row for row in known if row.at != earliest]
    update_rows(connection, copies, [{"id": row.id, "at": earliest} for row in late])
    moved = [row.at for row in late]
    for new in fresh:
        if new["at"] != earliest:
            moved.append(new["at"])
            new["at"] = earliest
    return [earliest, *moved] if moved else []
