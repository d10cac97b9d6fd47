"""A private PostgreSQL on loopback, from the distribution's package; an empty database for each test that asks."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from tests.servers.process import free_port, wait_for

MISSING = "PostgreSQL is not installed; as root on Debian or Ubuntu: apt-get install postgresql"
PACKAGED = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server. Everyone on loopback may log in as `tester`: it holds nothing and dies with the tests."""

    port: int
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(f"postgresql://tester@127.0.0.1:{self.port}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        return f"postgresql://tester@127.0.0.1:{self.port}/{name}"


@contextmanager
def away(ours: psycopg.Connection[TupleRow]) -> Iterator[None]:
    """The database of this connection for nobody else: all others are ended, as by a restart, and none is let in."""
    postgres = make_conninfo(ours.info.dsn, dbname="postgres")
    with psycopg.connect(postgres, autocommit=True) as beside:
        name = sql.Identifier(ours.info.dbname)
        beside.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        try:
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            ours.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
            yield
        finally:
            beside.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))


def _programs() -> Path | None:
    """The folder with `initdb` of the newest version."""
    found = sorted(PACKAGED.glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for the whole run. It refuses to run as root, so root starts it as the package's user `postgres`."""
    programs = _programs()
    if programs is None:
        pytest.skip(MISSING)
    # Not below pytest's folder: only its owner may enter that one.
    folder = Path(tempfile.mkdtemp(prefix="gonequiet-postgres-"))
    drop = _as_postgres(folder)
    data, port = folder / "data", free_port()
    try:
        initialise = [str(programs / "initdb"), "-D", str(data), "-U", "tester", "-A", "trust", "--locale=C.UTF-8", "--no-sync"]
        made = subprocess.run(initialise, preexec_fn=drop, cwd=folder, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        options = ["-h", "127.0.0.1", "-p", str(port), "-k", "", "-c", "fsync=off", "-c", "max_connections=60"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, *options], preexec_fn=drop, cwd=folder, stdout=log, stderr=log
            )
        try:
            wait_for(lambda: _answers(port), lambda: (folder / "log").read_text()[-2000:])
            yield Postgres(port)
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_postgres(folder: Path) -> Callable[[], None] | None:
    if os.geteuid() != 0:
        return None
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip(MISSING)
    os.chown(folder, user.pw_uid, user.pw_gid)

    def drop() -> None:
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)

    return drop


def _answers(port: int) -> bool:
    with suppress(psycopg.OperationalError):
        psycopg.connect(f"postgresql://tester@127.0.0.1:{port}/postgres", connect_timeout=5).close()
        return True
    return False
