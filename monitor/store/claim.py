"""Claim: one service a database. Two would judge the same streams and send every notice twice.

The system lets go of the lock when the process ends, however it ends. Commands that read, import or poll do not take it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from monitor.errors import StoreError
from monitor.store.database import Database

SERVICE_LOCK = 0x676F6E66
"""PostgreSQL's advisory lock of the running service; such locks are a database's own."""
_TAKEN = "another `gonequiet run` is at work on this database; stop that one first, or name another `database` or `data_dir`"


@contextmanager
def claimed(database: Database) -> Iterator[None]:
    """Be its only service for as long as this lasts; StoreError where another one is."""
    if database.file is None:
        with _advisory_lock(database):
            yield
    else:
        with _file_lock(database.name, database.file.with_name(f"{database.file.name}.lock")):
            yield


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
            raise StoreError(f"{name}: {_TAKEN}") from error
        except OSError as error:
            raise StoreError(f"{path}: cannot be locked ({error.strerror}); keep it on a disk of this machine") from error
        yield


@contextmanager
def _advisory_lock(database: Database) -> Iterator[None]:
    """Held by the session, so its connection is kept apart and goes to nobody else."""
    with database.read() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()
        if not connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": SERVICE_LOCK}).scalar_one():
            raise StoreError(f"{database.name}: {_TAKEN}")
        yield
