"""Import marks: how far an archive has been read, kept in the transaction that stores what was read."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from monitor.model import ArchiveMark
from monitor.store.statements import insert_into
from monitor.store.tables import marks


def read(connection: Connection, archive: str) -> ArchiveMark:
    """The beginning where nothing is marked."""
    done, position = _names(archive)
    found = {row.name: row.value for row in connection.execute(select(marks).where(marks.c.name.in_([done, position])))}
    return ArchiveMark(found.get(done, 0), found.get(position, 0))


def keep(connection: Connection, archive: str, mark: ArchiveMark) -> None:
    statement = insert_into(connection, marks)
    rows = [{"name": name, "value": value} for name, value in zip(_names(archive), (mark.done, mark.position), strict=True)]
    known = {"value": statement.excluded.value}
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=known), rows)


def forget(connection: Connection, archive: str) -> None:
    connection.execute(delete(marks).where(marks.c.name.in_(_names(archive))))


def _names(archive: str) -> tuple[str, str]:
    return f"import:{archive}:octets", f"import:{archive}:position"
