"""Grouping: keep `sends` what `detect/sends.py` says of the stored copies, around whatever has just changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, bindparam, func, insert, select, update

from monitor.detect.sends import OPEN_FOR, Group, GroupedCopy, regroup
from monitor.model import Confidence
from monitor.store.documents import names_from_json, to_json
from monitor.store.statements import chunks
from monitor.store.tables import copies, inboxes, sends

SURENESS = {Confidence.CERTAIN.value: 3, Confidence.LIKELY.value: 2, Confidence.POSSIBLE.value: 1, None: 0}


def group_again(connection: Connection, changes: Mapping[int, Sequence[datetime]]) -> tuple[int, ...]:
    """Group what changes at these times (stream's row → times) have touched; the rows of sends that are new."""
    made: list[int] = []
    write = _next_write(connection) if any(changes.values()) else 0
    for stream, times in sorted(changes.items()):
        for first, last in _spans(times):
            made += _group_span(connection, stream, first, last, write)
    return tuple(made)


def _spans(times: Iterable[datetime]) -> list[tuple[datetime, datetime]]:
    """Changes that lie close together are walked together."""
    spans: list[tuple[datetime, datetime]] = []
    for at in sorted(set(times)):
        if spans and at - spans[-1][1] <= 3 * OPEN_FOR:
            spans[-1] = (spans[-1][0], at)
        else:
            spans.append((at, at))
    return spans


def _group_span(connection: Connection, stream: int, first: datetime, last: datetime, write: int) -> list[int]:
    reach = 2 * OPEN_FOR
    while True:
        rows = _copies_between(connection, stream, first - OPEN_FOR, last + reach)
        found = regroup([_value(row) for row in rows.values()], first, last)
        if found.until <= last + reach:
            return _store(connection, stream, found.groups, rows, write)
        reach = found.until - last + timedelta(days=reach.days)


def _copies_between(connection: Connection, stream: int, start: datetime, end: datetime) -> dict[int, Row[Any]]:
    query = (
        select(copies, inboxes.c.name.label("inbox"), sends.c.at.label("send_at"))
        .join(inboxes, inboxes.c.id == copies.c.inbox_id)
        .outerjoin(sends, sends.c.id == copies.c.send_id)
        .where(copies.c.stream_id == stream, copies.c.at.between(start, end))
    )
    return {row.id: row for row in connection.execute(query)}


def _value(row: Row[Any]) -> GroupedCopy:
    return GroupedCopy(
        id=row.id,
        inbox=row.inbox,
        at=row.at,
        digest=row.digest,
        message_id=row.message_id,
        fingerprints=names_from_json(row.fingerprints),
        send=row.send_id,
        send_at=row.send_at,
    )


def _store(connection: Connection, stream: int, groups: Sequence[Group], rows: Mapping[int, Row[Any]], write: int) -> list[int]:
    """Write the sends that are not as they were; the rows of the new ones."""
    stored = _stored(connection, [g.id for g in groups if g.id is not None])
    fresh: list[tuple[Group, dict[str, Any]]] = []
    changed: list[dict[str, Any]] = []
    for group in groups:
        columns = _columns(group, [rows[copy.id] for copy in group.copies])
        if group.id is None:
            fresh.append((group, columns))
        elif columns != {name: stored[group.id][name] for name in columns}:
            changed.append({"number": group.id, "changed": write, **columns})
    made = _insert(connection, [{"stream_id": stream, "changed": write, **columns} for _, columns in fresh])
    for (group, _), number in zip(fresh, made, strict=True):
        group.id = number
    for some in chunks(changed):
        connection.execute(update(sends).where(sends.c.id == bindparam("number")), some)
    moved = [{"copy": c.id, "send": g.id} for g in groups for c in g.copies if c.send != g.id]
    for some in chunks(moved):
        connection.execute(update(copies).where(copies.c.id == bindparam("copy")).values(send_id=bindparam("send")), some)
    left = {c.send for g in groups for c in g.copies if c.send is not None and c.send != g.id}
    _retire(connection, left - {g.id for g in groups if g.id is not None}, write)
    return made


def _stored(connection: Connection, numbers: Sequence[int]) -> dict[int, RowMapping]:
    rows = [row for some in chunks(numbers) for row in connection.execute(select(sends).where(sends.c.id.in_(some))).mappings()]
    return {row["id"]: row for row in rows}


def _insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[int]:
    statement = insert(sends).returning(sends.c.id, sort_by_parameter_order=True)
    return [number for some in chunks(rows) for number in connection.execute(statement, some).scalars()]


def _columns(group: Group, members: Sequence[Row[Any]]) -> dict[str, Any]:
    """A send as its copies show it: named by the first, identified by the one that says most."""
    first = members[0]
    surest = max(members, key=lambda m: (SURENESS[m.delivery_confidence], SURENESS[m.platform_confidence]))
    return {
        "at": group.at,
        "stored_at": min(m.seen_at for m in members),
        "copies": len(members),
        "inboxes": to_json(sorted({m.inbox for m in members})),
        "placements": to_json(Counter(m.role for m in members)),
        "subject": first.subject,
        "message_id": first.message_id,
        **{name: getattr(surest, name) for name in _IDENTIFIED},
    }


_IDENTIFIED = ("platform", "delivery", "account", "platform_confidence", "delivery_confidence")


def _retire(connection: Connection, candidates: AbstractSet[int], write: int) -> None:
    """Mark sends that lost all their copies to others; readers are told of it as of any other change."""
    for number in candidates:
        left = connection.execute(select(func.count()).select_from(copies).where(copies.c.send_id == number)).scalar_one()
        if left == 0:
            connection.execute(update(sends).where(sends.c.id == number).values(copies=0, changed=write))


def _next_write(connection: Connection) -> int:
    """Writers go one after another, so a reader who has seen number n has seen all before it."""
    newest: int | None = connection.execute(select(func.max(sends.c.changed))).scalar()
    return (newest or 0) + 1
