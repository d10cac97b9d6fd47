"""Grouping: keep `sends` what `detect/sends.py` says of the stored copies, around whatever has just changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Integer, Row, RowMapping, bindparam, column, func, insert, select, update, values

from monitor.detect.sends import OPEN_FOR, Group, GroupedCopy, Regrouped, regroup
from monitor.model import Confidence
from monitor.store.columns import Moment, RowNumber
from monitor.store.documents import names_from_json, to_json
from monitor.store.statements import AT_ONCE, chunks
from monitor.store.tables import copies, inboxes, sends

_IDENTIFIED = ("platform", "delivery", "account", "platform_confidence", "delivery_confidence")
_READ = tuple(
    copies.c[name]
    for name in ("id", "at", "digest", "message_id", "fingerprints", "send_id", "seen_at", "role", "subject", *_IDENTIFIED)
)

SURENESS = {Confidence.CERTAIN.value: 3, Confidence.LIKELY.value: 2, Confidence.POSSIBLE.value: 1, None: 0}


def group_again(
    connection: Connection, changes: Mapping[int, Sequence[datetime]], left: AbstractSet[int] = frozenset()
) -> tuple[int, ...]:
    """Group what changes at these times (stream's row → times) have touched; the rows of sends that are new.

    `left` are sends that copies were taken out of, to another stream.
    """
    waiting = [_Span(stream, *ends) for stream, times in sorted(changes.items()) for ends in _spans(times)]
    found: list[_Found] = []
    while waiting:
        known = _copies_of(connection, waiting)
        answers = [(span, rows, regroup([_value(row) for row in rows], span.first, span.last)) for span, rows in known]
        found += [
            _Found(span.stream, group, rows) for span, rows, answer in answers if span.reaches(answer) for group in answer.groups
        ]
        waiting = [span.wider(answer) for span, _, answer in answers if not span.reaches(answer)]
    return _store(connection, found, left)


@dataclass(frozen=True, slots=True)
class _Span:
    """Changes of one stream that are walked together, and how far beyond them its copies are read."""

    stream: int
    first: datetime
    last: datetime
    reach: timedelta = 2 * OPEN_FOR

    def reaches(self, answer: Regrouped) -> bool:
        return answer.until <= self.last + self.reach

    def wider(self, answer: Regrouped) -> _Span:
        return replace(self, reach=answer.until - self.last + 4 * self.reach)


@dataclass(frozen=True, slots=True)
class _Found:
    """A send as it is now, and the rows among which its copies are."""

    stream: int
    group: Group
    rows: Sequence[Row[Any]]


def _spans(times: Iterable[datetime]) -> list[tuple[datetime, datetime]]:
    """Changes that lie close together are walked together."""
    spans: list[tuple[datetime, datetime]] = []
    for at in sorted(set(times)):
        if spans and at - spans[-1][1] <= 4 * OPEN_FOR:
            spans[-1] = (spans[-1][0], at)
        else:
            spans.append((at, at))
    return spans


def _copies_of(connection: Connection, spans: Sequence[_Span]) -> list[tuple[_Span, list[Row[Any]]]]:
    """The stored copies of each span, with the sends that they are in, all read at once."""
    found: list[tuple[_Span, list[Row[Any]]]] = [(span, []) for span in spans]
    for start, some in zip(range(0, len(spans), AT_ONCE), chunks(spans), strict=True):
        rows = [(start + n, span.stream, span.first - OPEN_FOR, span.last + span.reach) for n, span in enumerate(some)]
        named = (column("span", Integer), column("stream", RowNumber), column("since", Moment), column("until", Moment))
        asked = values(*named).data(rows).cte("asked")
        query = (
            select(asked.c.span, *_READ, inboxes.c.name.label("inbox"), sends.c.at.label("send_at"))
            .select_from(asked)
            .join(copies, (copies.c.stream_id == asked.c.stream) & copies.c.at.between(asked.c.since, asked.c.until))
            .join(inboxes, inboxes.c.id == copies.c.inbox_id)
            .outerjoin(sends, sends.c.id == copies.c.send_id)
        )
        for row in connection.execute(query):
            found[row.span][1].append(row)
    return found


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


def _store(connection: Connection, found: Sequence[_Found], left: AbstractSet[int]) -> tuple[int, ...]:
    """Write the sends that are not as they were; the rows of the new ones."""
    groups = [f.group for f in found]
    stored = _stored(connection, [g.id for g in groups if g.id is not None])
    write = _next_write(connection) if found or left else 0
    fresh: list[tuple[Group, dict[str, Any]]] = []
    changed: list[dict[str, Any]] = []
    for f in found:
        columns = _columns(f)
        if f.group.id is None:
            fresh.append((f.group, {"changed": write, **columns}))
        elif columns != {name: stored[f.group.id][name] for name in columns}:
            changed.append({"number": f.group.id, "changed": write, **columns})
    made = _insert(connection, [columns for _, columns in fresh])
    for (group, _), number in zip(fresh, made, strict=True):
        group.id = number
    for some in chunks(changed):
        connection.execute(update(sends).where(sends.c.id == bindparam("number")), some)
    moved = [{"copy": c.id, "send": g.id} for g in groups for c in g.copies if c.send != g.id]
    for some in chunks(moved):
        connection.execute(update(copies).where(copies.c.id == bindparam("copy")).values(send_id=bindparam("send")), some)
    left |= {c.send for g in groups for c in g.copies if c.send is not None and c.send != g.id}
    _retire(connection, left - {g.id for g in groups if g.id is not None}, write)
    return tuple(made)


def _stored(connection: Connection, numbers: Sequence[int]) -> dict[int, RowMapping]:
    rows = [row for some in chunks(numbers) for row in connection.execute(select(sends).where(sends.c.id.in_(some))).mappings()]
    return {row["id"]: row for row in rows}


def _insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[int]:
    statement = insert(sends).returning(sends.c.id, sort_by_parameter_order=True)
    return [number for some in chunks(rows) for number in connection.execute(statement, some).scalars()]


def _columns(found: _Found) -> dict[str, Any]:
    """A send as its copies show it: named by the first, identified by the one that says most."""
    ids = {copy.id for copy in found.group.copies}
    members = sorted((row for row in found.rows if row.id in ids), key=lambda row: (row.at, row.digest, row.inbox))
    surest = max(members, key=lambda m: (SURENESS[m.delivery_confidence], SURENESS[m.platform_confidence]))
    return {
        "stream_id": found.stream,
        "at": found.group.at,
        "stored_at": min(m.seen_at for m in members),
        "copies": len(members),
        "inboxes": to_json(sorted({m.inbox for m in members})),
        "placements": to_json(Counter(m.role for m in members)),
        "subject": members[0].subject,
        "message_id": members[0].message_id,
        **{name: getattr(surest, name) for name in _IDENTIFIED},
    }


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
