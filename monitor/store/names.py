"""Names: the rows that inboxes, folders and streams have, made where they are new. Only for a transaction that writes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, insert, select, update

from monitor.model import StreamKey
from monitor.store.statements import among_given, given
from monitor.store.tables import folders, inboxes, streams

# Made once: every poll asks them.
_INBOX = select(inboxes.c.id).where(inboxes.c.name == bindparam("name"))
_FOLDER = select(folders).where(folders.c.inbox_id == bindparam("inbox"), folders.c.name == bindparam("name"))


def inbox_number(connection: Connection, name: str) -> int:
    number: int | None = connection.execute(_INBOX, {"name": name}).scalar()
    if number is None:
        number = int(connection.execute(insert(inboxes).values(name=name).returning(inboxes.c.id)).scalar_one())
    return number


def folder_row(connection: Connection, inbox: int, name: str, role: str) -> Row[Any]:
    """The folder as it stands; its role follows what the server says now."""
    asked = {"inbox": inbox, "name": name}
    known = connection.execute(_FOLDER, asked).first()
    if known is None:
        connection.execute(insert(folders).values(inbox_id=inbox, name=name, role=role, polls=0))
    elif known.role != role:
        connection.execute(update(folders).where(folders.c.id == known.id).values(role=role))
    else:
        return known
    return connection.execute(_FOLDER, asked).one()


def stream_numbers(connection: Connection, keys: Iterable[StreamKey]) -> dict[str, int]:
    """Stream → row. A stream's organisation follows the newest settings."""
    wanted = {key.stream: key.organisation for key in keys}
    numbers: dict[str, int] = {}
    asked = {"names": given(connection, wanted)}
    for row in connection.execute(_streams(connection.dialect.name), asked).all() if wanted else ():
        numbers[row.name] = row.id
        if row.organisation != wanted[row.name]:
            moved = update(streams).where(streams.c.id == row.id)
            connection.execute(moved.values(organisation=wanted[row.name]))
    for name in sorted(wanted.keys() - numbers.keys()):
        made = insert(streams).values(name=name, organisation=wanted[name]).returning(streams.c.id)
        numbers[name] = connection.execute(made).scalar_one()
    return numbers


@lru_cache
def _streams(dialect: str) -> Select[Any]:
    return select(streams).where(among_given(dialect, streams.c.name, "names"))
