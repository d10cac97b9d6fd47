"""Canaries: our own mail to the seed inboxes, from before it is sent until it arrives, and which of it never did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from monitor.model import Canary, MissingCanaries, NewCopy
from monitor.store import counters
from monitor.store.columns import to_micros
from monitor.store.documents import storable
from monitor.store.names import inbox_number
from monitor.store.tables import canaries, inboxes

PLACES = {"INBOX": "inbox", "JUNK": "junk"}
"""Folder role → the result that is counted; any other is `other`."""


@dataclass(frozen=True, slots=True)
class CanaryRecord:
    """What the canaries of one inbox did lately; times are UTC."""

    newest: Canary
    last_arrived: Canary | None
    delays: tuple[timedelta, ...]
    """From sending to delivery, of those that arrived since the moment that was asked for."""


def keep(connection: Connection, made: Iterable[Canary]) -> None:
    """Keep new ones, before they are sent."""
    for canary in made:
        row = {"inbox_id": inbox_number(connection, canary.inbox), "token": canary.token, "made_at": canary.made_at}
        connection.execute(insert(canaries).values(tries=canary.tries, given_up=canary.given_up, **row))


def mark(connection: Connection, canary: Canary) -> None:
    """Note how the last try to send it went."""
    values = {
        "sent_at": canary.sent_at,
        "tries": canary.tries,
        "error": storable(canary.error) if canary.error is not None else None,
        "given_up": canary.given_up,
    }
    connection.execute(update(canaries).where(canaries.c.token == canary.token).values(values))
    totals = counters.tally()
    totals[counters.CANARIES, (canary.inbox, "failed" if canary.sent_at is None else "sent")] += 1
    counters.add(connection, totals)


def note_arrivals(connection: Connection, inbox: int, arrivals: Iterable[NewCopy]) -> None:
    """Mark those that lie in the inbox that they were sent to; the first arrival counts."""
    totals = counters.tally()
    for copy in arrivals:
        if copy.canary is None:
            continue
        raw = copy.raw
        expected = (canaries.c.token == copy.canary, canaries.c.inbox_id == inbox, canaries.c.arrived_at.is_(None))
        row = connection.execute(select(canaries).where(*expected)).first()
        if row is None:
            continue
        connection.execute(update(canaries).where(canaries.c.id == row.id).values(arrived_at=raw.delivered_at, role=raw.role))
        took = to_micros(raw.delivered_at) - to_micros(row.sent_at or row.made_at)
        totals[counters.CANARIES, (raw.inbox, PLACES.get(raw.role, "other"))] += 1
        totals[counters.CANARY_DELAYS, (raw.inbox,)] += max(took, 0)  # INTERNALDATE has whole seconds
    counters.add(connection, totals)


def newest(connection: Connection) -> dict[str, Canary]:
    """Inbox → the canary that was made last for it."""
    last = select(func.max(canaries.c.id)).group_by(canaries.c.inbox_id)
    return {row.inbox: _as_canary(row) for row in connection.execute(_all().where(canaries.c.id.in_(last)))}


def records(connection: Connection, since: datetime) -> dict[str, CanaryRecord]:
    """Inbox → what its canaries did, with the delays of those that arrived from `since` on."""
    arrived = select(func.max(canaries.c.id)).where(canaries.c.arrived_at.is_not(None)).group_by(canaries.c.inbox_id)
    last = {row.inbox: _as_canary(row) for row in connection.execute(_all().where(canaries.c.id.in_(arrived)))}
    delays: dict[str, list[timedelta]] = defaultdict(list)
    for row in connection.execute(_all().where(canaries.c.arrived_at >= since, canaries.c.sent_at.is_not(None))):
        delays[row.inbox].append(max(row.arrived_at - row.sent_at, timedelta(0)))
    return {
        inbox: CanaryRecord(canary, last.get(inbox), tuple(delays.get(inbox, ()))) for inbox, canary in newest(connection).items()
    }


def unsent(connection: Connection) -> list[Canary]:
    """Those that no server has taken, of each inbox those made after the last one that was sent; in order of `made_at`."""
    sent = (
        select(canaries.c.inbox_id, func.max(canaries.c.id).label("id"))
        .where(canaries.c.sent_at.is_not(None))
        .group_by(canaries.c.inbox_id)
        .subquery()
    )
    query = (
        _all()
        .outerjoin(sent, sent.c.inbox_id == canaries.c.inbox_id)
        .where(canaries.c.sent_at.is_(None), canaries.c.id > func.coalesce(sent.c.id, 0))
        .where(canaries.c.error.is_not(None))
    )
    return [_as_canary(row) for row in connection.execute(query.order_by(canaries.c.made_at, canaries.c.id))]


def missing(connection: Connection, sent_before: datetime, since: datetime) -> list[MissingCanaries]:
    """The runs of canaries that were sent in [since, sent_before) and have not arrived, by inbox and time."""
    overdue = _all().where(canaries.c.arrived_at.is_(None), canaries.c.sent_at < sent_before, canaries.c.sent_at >= since)
    rows = connection.execute(overdue.order_by(inboxes.c.name, canaries.c.sent_at)).all()
    found = []
    for _, of_inbox in groupby(rows, key=lambda row: row.inbox):
        found += _runs(connection, list(of_inbox))
    return found


def forget(connection: Connection, before: datetime) -> None:
    """Take away old ones that arrived between two that arrived: no question is left about them."""
    neighbours = select(
        canaries.c.id,
        canaries.c.made_at,
        canaries.c.arrived_at,
        func.lag(canaries.c.arrived_at).over(partition_by=canaries.c.inbox_id, order_by=canaries.c.id).label("earlier"),
        func.lead(canaries.c.arrived_at).over(partition_by=canaries.c.inbox_id, order_by=canaries.c.id).label("later"),
    ).subquery()
    settled = select(neighbours.c.id).where(
        neighbours.c.made_at < before,
        neighbours.c.arrived_at.is_not(None),
        neighbours.c.earlier.is_not(None),
        neighbours.c.later.is_not(None),
    )
    connection.execute(delete(canaries).where(canaries.c.id.in_(settled)))


def _runs(connection: Connection, rows: Sequence[Row[Any]]) -> list[MissingCanaries]:
    """One inbox's missing ones, cut where one that arrived lies between them."""
    runs: list[tuple[list[Row[Any]], Row[Any] | None, Row[Any] | None]] = []
    for row in rows:
        if runs and (runs[-1][2] is None or row.sent_at < runs[-1][2].sent_at):
            runs[-1][0].append(row)
            continue
        good = select(canaries).where(canaries.c.inbox_id == row.inbox_id, canaries.c.arrived_at.is_not(None))
        earlier = good.where(canaries.c.sent_at < row.sent_at).order_by(canaries.c.sent_at.desc()).limit(1)
        later = good.where(canaries.c.sent_at > row.sent_at).order_by(canaries.c.sent_at).limit(1)
        runs.append(([row], connection.execute(earlier).first(), connection.execute(later).first()))
    return [
        MissingCanaries(
            inbox=run[0].inbox,
            first_sent_at=run[0].sent_at,
            number=len(run),
            good_before=before.sent_at if before is not None else None,
            good_after=after.sent_at if after is not None else None,
            arrived_after=after.arrived_at if after is not None else None,
        )
        for run, before, after in runs
    ]


def _all() -> Any:
    return select(canaries, inboxes.c.name.label("inbox")).join(inboxes, inboxes.c.id == canaries.c.inbox_id)


def _as_canary(row: Row[Any]) -> Canary:
    return Canary(
        inbox=row.inbox,
        token=row.token,
        made_at=row.made_at,
        sent_at=row.sent_at,
        tries=row.tries,
        error=row.error,
        given_up=row.given_up,
        arrived_at=row.arrived_at,
        role=row.role,
    )
