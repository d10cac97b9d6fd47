"""`gonequiet run` as systemd and Docker see it: a process that serves, takes SIGHUP and ends on SIGTERM."""

from __future__ import annotations

import os
import re
import resource
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from monitor.app.service import Service
from monitor.clock import SystemClock
from monitor.errors import StoreError
from monitor.settings import load_settings
from monitor.store.claim import SERVICE_LOCK
from tests.app.setting import eventually, metric, write_settings
from tests.cli.conftest import Run
from tests.servers.postgres import Postgres, away
from tests.servers.process import wait_for

RELOADED = "gonequiet_config_last_reload_successful"


HELD = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND granted"


@contextmanager
def running(settings: Path, log: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its page's address, once it has said that."""
    command = [sys.executable, "-m", "monitor", "run", "--config", str(settings)]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    with process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found, log.read_text()
            yield process, found[0]
        finally:
            process.kill()
            print(log.read_text())  # shown where the test fails


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_end_and_ends_well(number: signal.Signals, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running(write_settings(tmp_path), log) as (process, url):
        assert httpx.get(url, timeout=20).status_code == 200
        process.send_signal(number)
        process.send_signal(number)  # an impatient hand
        assert process.wait(60) == 0
    assert "stopped" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_it_may_open_as_many_files_as_the_system_allows(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] // 2, before[1]))
    try:
        with running(write_settings(tmp_path), tmp_path / "log") as (process, _):
            assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_sighup_takes_new_settings_and_keeps_the_old_where_they_are_faulty(tmp_path: Path) -> None:
    path, log = write_settings(tmp_path), tmp_path / "log"
    with running(path, log) as (process, url):

        def reloaded() -> float:
            return metric(httpx.get(f"{url}/metrics", timeout=20).text, RELOADED)

        good = path.read_text(encoding="utf-8")
        for _ in range(3):
            path.write_text(f"{good}\ndetect_evry: 1m\n", encoding="utf-8")
            os.kill(process.pid, signal.SIGHUP)
            eventually(lambda: reloaded() == 0, "the faulty settings are told of")
            path.write_text(good, encoding="utf-8")
            os.kill(process.pid, signal.SIGHUP)
            eventually(lambda: reloaded() == 1, "the good ones are taken")
        assert log.read_text().count("detect_evry") == 3
        assert process.poll() is None


@pytest.mark.parametrize("by", ["itself", "systemd"])
def test_a_sighup_while_it_starts_does_not_end_it(by: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "monitor", "run", "--config", str(write_settings(tmp_path))]
    if by == "systemd":
        unit = Path("config/systemd/gonequiet.service").read_text(encoding="utf-8")
        *shell, line = shlex.split(re.findall(r"(?m)^ExecStart=(.*)$", unit)[0])
        before, _, _ = line.partition("/opt/")
        command = [*shell, before + shlex.join(command)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        status = Path(f"/proc/{process.pid}/status")
        hup = 1 << (signal.SIGHUP - 1)

        def is_ignored() -> bool:
            ignored = re.search(r"(?m)^SigIgn:\s*(\w+)$", status.read_text())
            return ignored is not None and bool(int(ignored[1], 16) & hup)

        try:
            wait_for(is_ignored, lambda: "it never began", every=0.001)
            process.send_signal(signal.SIGHUP)
            assert "watches" in process.stdout.readline()
            process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_second_service_on_the_database_is_refused_until_the_first_is_gone(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, gonequiet: Run
) -> None:
    more = f"database: {request.getfixturevalue('postgres').new_database()}" if kind == "postgresql" else ""
    path = write_settings(tmp_path, more=more)
    with running(path, tmp_path / "log") as (process, _):
        ran = gonequiet("run", "-c", path)
        assert (ran.status, ran.out) == (2, "")
        [told] = ran.err.splitlines()
        assert "another `gonequiet run` is at work on this database; stop that one first" in told
        assert gonequiet("poll", "-c", path).status == 0
        assert gonequiet("rebuild", "-c", path).status == 0
        process.kill()
        process.wait(60)

    def starts() -> bool:
        try:
            Service(load_settings(path), SystemClock()).stop()
        except StoreError:
            return False  # PostgreSQL takes a moment to notice
        return True

    eventually(starts, "a service where the first was killed")


def test_a_used_port_is_told_in_one_line(tmp_path: Path, gonequiet: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path = write_settings(tmp_path, port=taken.getsockname()[1])
        ran = gonequiet("run", "-c", path)
    assert (ran.status, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1
    assert "web.port" in ran.err


def test_it_goes_on_after_postgresql_was_away_and_ends_where_another_took_over(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.new_database()
    path, log = write_settings(tmp_path, more=f"database: {url}"), tmp_path / "log"
    with running(path, log) as (process, page), psycopg.connect(url, autocommit=True) as other:
        with away(other):
            eventually(lambda: "a job failed" in log.read_text(), "it has noticed")
        eventually(lambda: bool(other.execute(HELD, (SERVICE_LOCK,)).fetchall()), "it has its claim again")
        eventually(lambda: httpx.get(f"{page}/healthz", timeout=20).status_code == 200, "it works again")
        with away(other):
            other.execute("SELECT pg_advisory_lock(%s)", (SERVICE_LOCK,))
        assert process.wait(60) == 2
    assert "another `gonequiet run` is at work on this database; stop that one first" in log.read_text().splitlines()[-1]
    assert "Traceback" not in log.read_text()
