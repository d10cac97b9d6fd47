"""Database: the engine, and the two ways to use it, reading side by side and writing one at a time.

SQLite runs in WAL mode, so readers and the writer do not wait for each other. A kill at any instant leaves the last commit
whole. `synchronous` is NORMAL: a power cut may take back the last commits, messages together with their checkpoint, which
costs a repeated fetch. Where that is not enough (alerts are stored before they are sent) a write asks to be durable.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, ProgrammingError

from monitor.errors import StoreError

_EXPECTED = "expected sqlite:///… or postgresql://…, such as sqlite:////var/lib/gonequiet/gonequiet.sqlite3"

BUSY_SECONDS = 60
"""How long to wait for another process that writes."""

WRITER_LOCK = 0x676F6E65
"""PostgreSQL's advisory lock for writers: all grouping and numbering happens one transaction after another."""


class Database:
    """One database for many threads. StoreError names it, without its password, and what to mend."""

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
        except ArgumentError as error:
            raise StoreError(f"the database's URL cannot be read; {_EXPECTED}") from error
        self.name = self._url.render_as_string(hide_password=True)
        if self._url.get_backend_name() not in {"sqlite", "postgresql"}:
            raise StoreError(f"{self.name}: {_EXPECTED}")
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self._writing = threading.Lock()
        self.engine = self._engine()

    @property
    def file(self) -> Path | None:
        """SQLite's file; None for PostgreSQL."""
        return Path(self._url.database) if self.is_sqlite and self._url.database else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view; nothing is written."""
        with self._explained(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Connection]:
        """One transaction: all of it is kept, or nothing. `durable`: it survives a power cut once this returns."""
        pragma = f"synchronous={'FULL' if durable else 'NORMAL'}"
        with self._explained(), self._writing, self.engine.connect() as connection, self._transaction(connection, pragma):
            yield connection

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """One transaction that may change the schema: foreign keys are not looked at while SQLite rebuilds a table."""
        with self._explained(), self._writing, self.engine.connect() as connection:
            try:
                with self._transaction(connection, "foreign_keys=OFF"):
                    yield connection
            finally:
                self._set(connection, "foreign_keys=ON")

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _transaction(self, connection: Connection, pragma: str) -> Iterator[None]:
        self._set(connection, pragma)
        connection.execution_options(gonequiet_write=True)
        with connection.begin():
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": WRITER_LOCK})
            yield

    def _set(self, connection: Connection, pragma: str) -> None:
        """SQLite only, and only outside of a transaction, where alone these pragmas have an effect."""
        raw = connection.connection.dbapi_connection
        if self.is_sqlite and raw is not None:
            raw.cursor().execute(f"PRAGMA {pragma}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (IntegrityError, ProgrammingError):
            raise  # a mistake of ours
        except DBAPIError as error:
            raise StoreError(f"{self.name}: {_reason(error)}") from error

    def _make_private(self, *_: object) -> None:
        """A new file is for its owner only, and SQLite gives its -wal and -shm the same mode; it says itself what goes wrong."""
        if self.file is not None and not self.file.exists():
            with suppress(OSError):
                self.file.touch(mode=0o600)

    def _engine(self) -> Engine:
        if not self.is_sqlite:
            return create_engine(self._url, hide_parameters=True, pool_pre_ping=True, pool_size=8, max_overflow=24)
        options = {"timeout": BUSY_SECONDS, "check_same_thread": False}
        engine = create_engine(self._url, hide_parameters=True, pool_size=8, max_overflow=24, connect_args=options)
        event.listen(engine, "do_connect", self._make_private)
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        return engine


_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "cache_size=-32768",
    # Pages, 16 MB: a backlog writes to the same pages again and again, and they go into the file, with a wait for the disk, once.
    "wal_autocheckpoint=4000",
)


def _prepare(connection: object, _record: object) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]  # we say BEGIN ourselves, see _begin
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]


def _begin(connection: Connection) -> None:
    """A writer takes its lock at once: one that began as a reader could not wait for another and would fail."""
    writes = connection.get_execution_options().get("gonequiet_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _reason(error: DBAPIError) -> str:
    said = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
    for words, advice in _ADVICE:
        if words in said:
            return f"{said}; {advice}"
    return said


_ADVICE = (
    ("unable to open", "see that its folder is there and may be written to"),
    ("readonly", "the user who runs this must own the file and its folder"),
    ("read-only", "the user who runs this must own the file and its folder"),
    ("database or disk is full", "make room on the disk; nothing of this step was kept, it will be repeated"),
    ("is locked", f"another process has been writing for over {BUSY_SECONDS} s"),
    ("not a database", "this file is something else; name another in `database` or `data_dir`"),
    ("malformed", "restore the newest backup (`gonequiet db status` lists them); originals are kept apart and unharmed"),
    ("onnection", "see that the server runs, and the host, user and password in `database`"),
)
