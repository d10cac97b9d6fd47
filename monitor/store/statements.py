"""Statements that SQLite and PostgreSQL both know but SQLAlchemy names per dialect."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Connection, Subquery, Table, Text, any_, bindparam, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

AT_ONCE = 500
"""Rows or values in one statement; well below the number of parameters that either database takes."""


def insert_into(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say ON CONFLICT."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def among(connection: Connection, column: ColumnElement[Any], values: Collection[str] | Collection[int]) -> ColumnElement[bool]:
    """That the column has one of these values, however many: one parameter, where IN would write and parse one for each."""
    if connection.dialect.name == "sqlite":
        return column.in_(select(func.json_each(json.dumps(list(values))).table_valued("value").c.value))
    return column == any_(literal(list(values), postgresql.ARRAY(column.type)))


def among_given(dialect: str, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """The same for a statement that is made once, by dialect: the values come as the parameter `name`, see `given`."""
    if dialect == "sqlite":
        return column.in_(select(func.json_each(bindparam(name, type_=Text)).table_valued("value").c.value))
    return column == any_(bindparam(name, type_=postgresql.ARRAY(column.type)))


def given(connection: Connection, values: Iterable[str] | Iterable[int]) -> object:
    """Many values as one parameter."""
    return json.dumps(list(values)) if connection.dialect.name == "sqlite" else list(values)


def pairs(dialect: str) -> Subquery:
    """A table of given pairs, `number` and `text`, to be joined: IN would be looked up for each number with each text."""
    if dialect == "sqlite":
        each = func.json_each(bindparam("pairs", type_=Text)).table_valued("value").c.value
        return select(func.json_extract(each, "$[0]").label("number"), func.json_extract(each, "$[1]").label("text")).subquery()
    numbers = func.unnest(bindparam("numbers", type_=postgresql.ARRAY(BigInteger)))
    texts = func.unnest(bindparam("texts", type_=postgresql.ARRAY(Text)))
    return select(numbers.label("number"), texts.label("text")).subquery()


def given_pairs(connection: Connection, values: Iterable[tuple[int, str]]) -> dict[str, object]:
    """The parameters of a statement with `pairs`."""
    given = list(values)
    if connection.dialect.name == "sqlite":
        return {"pairs": json.dumps(given)}
    return {"numbers": [number for number, _ in given], "texts": [text for _, text in given]}


def chunks(values: Sequence[T], size: int = AT_ONCE) -> Iterator[Sequence[T]]:
    """The values in runs of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
