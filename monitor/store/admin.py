"""Admin: look at a database, bring it up to date or copy it, without opening the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from monitor.store.database import Database
from monitor.store.tables import copies, sends, streams
from monitor.store.upgrade import SchemaStatus, back_up, bring_up_to_date, schema_status


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """What `gonequiet db status` shows."""

    name: str
    """The URL without its password."""
    schema: SchemaStatus
    octets: int | None
    """Of the SQLite file with its write-ahead log; None for PostgreSQL."""
    rows: dict[str, int]
    """copies, sends and streams; empty while the schema is not current."""


def status(url: str) -> DatabaseStatus:
    """Look, and change nothing (SQLite makes an empty file where there was none)."""
    with _opened(url) as database:
        schema = schema_status(database)
        rows = {}
        if schema.is_current:
            with database.read() as connection:
                for table in (copies, sends, streams):
                    rows[table.name] = connection.execute(select(func.count()).select_from(table)).scalar_one()
        return DatabaseStatus(database.name, schema, _octets(database.file), rows)


def upgrade(url: str) -> Path | None:
    """Run the missing migrations; the path of the backup, None where none was needed."""
    with _opened(url) as database:
        return bring_up_to_date(database)


def backup(url: str, target: Path) -> None:
    """Copy a SQLite database whole, while it is in use. Originals are files of their own: copy their folder beside it."""
    with _opened(url) as database:
        back_up(database, target)


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


def _octets(file: Path | None) -> int | None:
    if file is None:
        return None
    parts = (file, file.with_name(f"{file.name}-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())
