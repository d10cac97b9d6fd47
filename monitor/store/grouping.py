"""Grouping: keep `sends` what `detect/sends.py` says of the stored copies, around whatever has just changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, select, update

from monitor.detect.sends import Group
from monitor.model import Confidence
from monitor.store.bulk import insert_rows, next_numbers, update_rows
from monitor.store.documents import authentication_from_text, authentication_to_text, names_to_json, to_json
from monitor.store.spans import Arrivals, Walked, walk
from monitor.store.statements import among_given, given
from monitor.store.tables import copies, sends

NONE = Arrivals()
_NEWEST = select(func.max(sends.c.changed))
SURENESS = {Confidence.CERTAIN.value: 3, Confidence.LIKELY.value: 2, Confidence.POSSIBLE.value: 1, None: 0}


def group_again(
    connection: Connection,
    changes: Mapping[int, Sequence[datetime]],
    arrivals: Arrivals = NONE,
    left: AbstractSet[int] = frozenset(),
) -> Grouped:
    """Group what changes at these times (stream's row → times) have touched.

    `arrivals` are those among them that are not stored yet, and will be with the sends that they are in. `left` are sends
    that copies were taken out of, to another stream.
    """
    touched = [found for walked in walk(connection, changes, arrivals) for found in _touched(walked)]
    groups = [found.group for found in touched]
    write = _next_write(connection) if touched or left else 0
    moved = [(copy, group) for group in groups for copy in group.copies if group.id is None or copy.send != group.id]
    left |= {copy.send for copy, _ in moved if copy.send is not None}
    made = _write(connection, touched, write)
    homes = {copy.id: group.id for copy, group in moved if group.id is not None}
    stored = [{"id": number, "send_id": send} for number, send in homes.items() if number < arrivals.first]
    update_rows(connection, copies, stored)
    _retire(connection, left - {group.id for group in groups if group.id is not None}, write)
    return Grouped(made, homes)


@dataclass(frozen=True, slots=True)
class Grouped:
    """What grouping changed."""

    made: int
    """New sends."""
    homes: Mapping[int, int]
    """Copy → send, of those that are in another send than before."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A send as it is now, and the walk that found it."""

    walked: Walked
    group: Group


def _touched(walked: Walked) -> Iterator[_Found]:
    """Without the sends nearby that are as they were: nothing came, went or changed at the times of their copies."""
    times = set(walked.span.times)
    for group in walked.answer.groups:
        number, members = group.id, group.copies
        was = walked.copies[members[0].id].send_copies
        if number is None or was != len(members) or any(copy.send != number or copy.at in times for copy in members):
            yield _Found(walked, group)


def _write(connection: Connection, touched: Sequence[_Found], write: int) -> int:
    """Write the sends that are not as they were; how many are new."""
    stored = _stored(connection, [f.group.id for f in touched if f.group.id is not None])
    fresh: list[tuple[Group, dict[str, Any]]] = []
    changed: list[dict[str, Any]] = []
    for found in touched:
        group, columns = found.group, _columns(found)
        if group.id is None:
            fresh.append((group, columns))
        elif columns != {name: stored[group.id][name] for name in columns}:
            changed.append({"id": group.id, "changed": write, **columns})
    made = next_numbers(connection, sends, len(fresh)) if fresh else []
    for (group, columns), number in zip(fresh, made, strict=True):
        group.id = columns["id"] = number
        columns["changed"] = write
    insert_rows(connection, sends, [columns for _, columns in fresh])
    update_rows(connection, sends, changed)
    return len(made)


def _stored(connection: Connection, numbers: Sequence[int]) -> dict[int, RowMapping]:
    if not numbers:
        return {}
    rows = connection.execute(_with_numbers(connection.dialect.name), {"numbers": given(connection, numbers)})
    return {row["id"]: row for row in rows.mappings()}


@lru_cache
def _with_numbers(dialect: str) -> Select[Any]:
    return select(sends).where(among_given(dialect, sends.c.id, "numbers"))


def _columns(found: _Found) -> dict[str, Any]:
    """A send as its copies show it: named by the first, identified by the one that says most."""
    members = [found.walked.copies[copy.id].facts for copy in found.group.copies]
    first = surest = members[0]
    if len(members) > 1:
        surest = max(members, key=lambda m: (SURENESS[m.delivery_confidence], SURENESS[m.platform_confidence]))
    return {
        "stream_id": found.walked.span.stream,
        "at": found.group.at,
        "stored_at": min([m.seen_at for m in members]),
        "copies": len(members),
        "inboxes": names_to_json(tuple(sorted(found.group.inboxes))),
        "placements": _counted(tuple([m.role for m in members])),
        "subject": first.subject,
        "message_id": first.message_id,
        "authentication": _best(tuple(dict.fromkeys([surest.authentication, *(m.authentication for m in members)]))),
        "platform": surest.platform,
        "delivery": surest.delivery,
        "account": surest.account,
        "platform_confidence": surest.platform_confidence,
        "delivery_confidence": surest.delivery_confidence,
        "sdids": surest.sdids,
    }


@lru_cache(maxsize=1024)
def _counted(roles: tuple[str, ...]) -> str:
    return to_json(Counter(roles))


@lru_cache(maxsize=1024)
def _best(noted: tuple[str | None, ...]) -> str | None:
    """What several receivers noted of one send: a pass of any of them counts, as only the way to it can have broken another."""
    best: dict[str, str] = {}
    for method, result in chain.from_iterable(map(authentication_from_text, noted)):
        if result == "pass" or method not in best:
            best[method] = result
    return authentication_to_text(best.items())


def _retire(connection: Connection, candidates: AbstractSet[int], write: int) -> None:
    """Mark sends that lost all their copies to others; readers are told of it as of any other change."""
    for number in candidates:
        left = connection.execute(select(func.count()).select_from(copies).where(copies.c.send_id == number)).scalar_one()
        if left == 0:
            connection.execute(update(sends).where(sends.c.id == number).values(copies=0, changed=write))


def _next_write(connection: Connection) -> int:
    """Writers go one after another, so a reader who has seen number n has seen all before it."""
    newest: int | None = connection.execute(_NEWEST).scalar()
    return (newest or 0) + 1
