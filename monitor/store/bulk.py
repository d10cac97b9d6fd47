"""Bulk: many rows in one statement, as the driver takes them. SQLAlchemy's care for each value costs more than storing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select, text

from monitor.store.columns import Moment, to_micros

Row = Mapping[str, object]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row], conflict: str = "") -> None:
    """Insert rows that all name the same columns, at least two; `conflict` is what to do about those that are there."""
    if rows:
        names = tuple(rows[0])
        columns, marks = ", ".join(names), ", ".join([_mark(connection)] * len(names))
        statement = f"INSERT INTO {table.name} ({columns}) VALUES ({marks}) {conflict}"  # noqa: S608  names of our own tables
        connection.exec_driver_sql(statement, _ready(table, names, rows))


def update_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Set these columns of rows that stand; `id` says of which."""
    if rows:
        names = tuple(name for name in rows[0] if name != "id")
        mark = _mark(connection)
        changes = ", ".join(f"{name} = {mark}" for name in names)
        statement = f"UPDATE {table.name} SET {changes} WHERE id = {mark}"  # noqa: S608  names of our own tables
        connection.exec_driver_sql(statement, _ready(table, (*names, "id"), rows))


def next_numbers(connection: Connection, table: Table, count: int) -> list[int]:
    """Numbers for rows to be inserted, ascending; only for a transaction that writes."""
    if connection.dialect.name == "sqlite":
        newest: int = connection.execute(_newest(table)).scalar() or 0
        return list(range(newest + 1, newest + 1 + count))
    numbers = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")
    return sorted(connection.execute(numbers, {"name": table.name, "count": count}).scalars())


@lru_cache
def _newest(table: Table) -> Select[Any]:
    return select(func.max(table.c.id))


def _mark(connection: Connection) -> str:
    return "?" if connection.dialect.name == "sqlite" else "%s"


def _ready(table: Table, names: tuple[str, ...], rows: Sequence[Row]) -> list[tuple[object, ...]]:
    take, times = itemgetter(*names), _times(table, names)
    ready: list[tuple[object, ...]] = []
    for row in rows:
        values = list(take(row))
        for place in times:
            moment = values[place]
            if isinstance(moment, datetime):
                values[place] = to_micros(moment)
        ready.append(tuple(values))
    return ready


@lru_cache
def _times(table: Table, names: tuple[str, ...]) -> tuple[int, ...]:
    """Which of these columns hold times."""
    return tuple(place for place, name in enumerate(names) if isinstance(table.c[name].type, Moment))
