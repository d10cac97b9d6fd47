"""Claim: one service a database. Two would judge the same streams and send every notice twice.

The system lets go of the lock when the process ends, however it ends. PostgreSQL also lets go where it restarts, so the lock is
asked for again and again. Commands that read, import or poll do not take it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from monitor.errors import StoreError
from monitor.store.database import Database

SERVICE_LOCK = 0x676F6E66
"""PostgreSQL's advisory lock of the running service; such locks are a database's own."""
_TAKEN = "another `gonequiet run` is at work on this database; stop that one first, or name another `database` or `data_dir`"


class TakenError(StoreError):
    """Another service is at work on the database."""


@contextmanager
def claimed(database: Database) -> Iterator[Callable[[], None]]:
    """Be its only service for as long as this lasts; TakenError where another one is.

    What is yielded is to be called now and then: it takes the claim again where PostgreSQL has dropped it. TakenError where
    another service was quicker, any other StoreError while the database is away.
    """
    if database.file is None:
        lock = _AdvisoryLock(database)
        with lock.held():
            yield lock.hold
    else:
        with _file_lock(database.name, database.file.with_name(f"{database.file.name}.lock")):
            yield _keeps


def _keeps() -> None:
    """A lock on a file lasts as long as the process."""


@contextmanager
def _file_lock(name: str, path: Path) -> Iterator[None]:
    """flock(2). The file stays behind: taking it away would let a third one lock a new file of that name."""
    try:
        file = path.open("ab")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror}); see who owns its folder") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TakenError(f"{name}: {_TAKEN}") from error
        except OSError as error:
            raise StoreError(f"{path}: cannot be locked ({error.strerror}); keep it on a disk of this machine") from error
        yield


class _AdvisoryLock:
    """Held by the session, so its connection is kept apart and goes to nobody else."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._opened = ExitStack()
        self._connection: Connection | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        try:
            self._take()
            yield
        finally:
            if self._connection is not None:
                with suppress(DBAPIError):  # PostgreSQL takes a moment to notice that a session is gone
                    self._connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": SERVICE_LOCK})
            self._let_go()

    def hold(self) -> None:
        """Ask over the session that holds it; where that is gone, another one takes it."""
        if self._connection is not None:
            with suppress(DBAPIError):
                self._connection.execute(text("SELECT 1"))
                return
            self._let_go()
        self._take()

    def _take(self) -> None:
        with ExitStack() as opened:
            connection = opened.enter_context(self._database.read())
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()
            if not connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": SERVICE_LOCK}).scalar_one():
                raise TakenError(f"{self._database.name}: {_TAKEN}")
            self._connection, self._opened = connection, opened.pop_all()

    def _let_go(self) -> None:
        """A session that is gone cannot be closed well."""
        self._connection = None
        with suppress(StoreError, DBAPIError):
            self._opened.close()
