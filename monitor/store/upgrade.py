"""Upgrade: bring the schema up to date when the store is opened, once, whoever else opens it at the same moment."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from monitor.errors import StoreError
from monitor.store.database import Database

MIGRATIONS = Path(__file__).with_name("migrations")


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """Which schema the database has and which this program writes."""

    current: str | None
    """None: the database is empty."""
    newest: str
    backups: tuple[Path, ...] = ()
    """Copies made before changes, newest last; SQLite only."""

    @property
    def is_current(self) -> bool:
        return self.current == self.newest


def schema_status(database: Database) -> SchemaStatus:
    """Look, and change nothing."""
    with database.read() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return SchemaStatus(current, _scripts().get_current_head() or "", _backups(database))


def bring_up_to_date(database: Database, revision: str = "head") -> Path | None:
    """Run the missing migrations in one transaction; the path of the backup if one was made (a SQLite file with data).

    Two processes cannot do it at once: what is missing is looked up again inside the transaction that holds the writers'
    lock. A database that a newer program has written is left alone (StoreError).
    """
    if schema_status(database).is_current:
        return None  # as nearly always; nobody has to wait for a writer
    with database.exclusive() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        known = {script.revision for script in _scripts().walk_revisions()}
        if current is not None and current not in known:
            raise StoreError(
                f"{database.name}: schema {current} was written by a newer GoneQuiet; install that one, or restore a backup"
            )
        if current == _scripts().as_revision_number(revision):
            return None
        backup = _back_up_before_change(database, current)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        _check_references(database, connection)
    return backup


def back_up(database: Database, target: Path) -> None:
    """Write a whole, consistent copy of a SQLite database while others read and write. It appears complete or not at all."""
    if database.file is None:
        raise StoreError(f"{database.name}: back up PostgreSQL with pg_dump")
    partial = target.with_name(target.name + ".partial")
    try:
        partial.touch(mode=0o600)
        with closing(sqlite3.connect(database.file)) as source, closing(sqlite3.connect(partial)) as copy:
            source.backup(copy)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(target)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise StoreError(f"{target}: the backup could not be written ({error}); the database was not changed") from error


def _back_up_before_change(database: Database, current: str | None) -> Path | None:
    if database.file is None or current is None:
        return None
    target = database.file.with_name(f"{database.file.name}.schema-{current}.backup")
    number = 1
    while target.exists():
        number += 1
        target = database.file.with_name(f"{database.file.name}.schema-{current}-{number}.backup")
    back_up(database, target)
    return target


def _backups(database: Database) -> tuple[Path, ...]:
    if database.file is None:
        return ()
    found = database.file.parent.glob(f"{database.file.name}.schema-*.backup")
    return tuple(sorted(found, key=lambda path: path.stat().st_mtime))


def _check_references(database: Database, connection: Connection) -> None:
    """Foreign keys are off while SQLite rebuilds tables, so look once at the end that each row still finds its parent."""
    if database.is_sqlite and (broken := connection.execute(text("PRAGMA foreign_key_check")).first()):
        raise StoreError(f"{database.name}: a row of {broken[0]} refers to nothing; the schema was not changed")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
