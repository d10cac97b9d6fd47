"""Counters: totals for the metrics, kept in the transaction that they count, so that no scrape counts rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, select

from monitor.store.bulk import insert_rows
from monitor.store.tables import counters

COPIES = "copies"
"""(stream, delivery or `unknown`, role where it was first seen)."""
PROBLEMS = "problems"
"""(field)."""
IDENTIFIED = "identified"
"""(delivery or `unknown`, confidence or `none`)."""
NOTICES = "notices"
"""(channel, `sent`, `retried` or `failed`)."""
ALERTS = "alerts"
"""(kind, event)."""
CANARIES = "canaries"
"""(inbox, `sent`, `failed`, `inbox`, `junk` or `other`): tries of ours, and where those that arrived lay."""
CANARY_DELAYS = "canary_delays"
"""(inbox): microseconds from sending to delivery, of all that arrived."""
FETCHED = "fetched"
"""(inbox, day in UTC): octets of messages; of the last days only."""

Key = tuple[str, ...]


def add(connection: Connection, totals: Mapping[tuple[str, Key], int]) -> None:
    """Add to the totals named (counter, labels)."""
    rows = [
        dict(zip(("name", "first", "second", "third", "value"), (name, *labels, *[""] * (3 - len(labels)), number), strict=True))
        for (name, labels), number in sorted(totals.items())
    ]
    insert_rows(
        connection,
        counters,
        rows,
        "ON CONFLICT (name, first, second, third) DO UPDATE SET value = counters.value + excluded.value",
    )


def replace(connection: Connection, totals: Mapping[tuple[str, Key], int]) -> None:
    """Put these in place of all totals of messages."""
    connection.execute(delete(counters).where(counters.c.name.in_({COPIES, IDENTIFIED, PROBLEMS})))
    add(connection, totals)


def read(connection: Connection, name: str, labels: int) -> dict[Key, int]:
    """Labels, `labels` of them, → total."""
    rows = connection.execute(select(counters).where(counters.c.name == name))
    return {(row.first, row.second, row.third)[:labels]: row.value for row in rows}


def add_fetched(connection: Connection, inbox: str, at: datetime, octets: int) -> None:
    """Count what was fetched on this day, and forget the days before yesterday."""
    if octets:
        add(connection, {(FETCHED, (inbox, _day(at))): octets})
        of_inbox = delete(counters).where(counters.c.name == FETCHED, counters.c.first == inbox)
        connection.execute(of_inbox.where(counters.c.second < _day(at - timedelta(days=1))))


def fetched(connection: Connection, inbox: str, at: datetime) -> int:
    """Octets of messages that were fetched from an inbox on this day."""
    today = (counters.c.name == FETCHED) & (counters.c.first == inbox) & (counters.c.second == _day(at))
    return connection.execute(select(counters.c.value).where(today)).scalar() or 0


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()


def tally() -> Counter[tuple[str, Key]]:
    """An empty count to fill."""
    return Counter()
