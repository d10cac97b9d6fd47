"""Killed at any instant, a listener has stored all that it answered for; the rest comes again, and each is kept once."""

from __future__ import annotations

import os
import random
import signal
import smtplib
import subprocess
import sys
from collections import Counter
from pathlib import Path

from sqlalchemy import create_engine, select

from monitor.settings import load_settings
from monitor.store.store import Store
from monitor.store.tables import copies, placements
from tests.servers.process import free_port, wait_for

ROUNDS = 40 if os.environ.get("GONEQUIET_LONG") else 2
ENOUGH = 40
"""Messages that a life takes before its end comes near."""


class Queue:
    """A mail server's queue: what was not answered for with 250 stays, and is handed over again."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.accepted: list[int] = []
        self.tried: Counter[int] = Counter()
        self._next = 0
        self._waiting: list[int] = []

    def drain(self, most: int) -> None:
        """Hand over the oldest until `most` were accepted or the listener is gone."""
        accepted = 0
        while accepted < most:
            if not self._waiting:
                self._waiting.append(self._next)
                self._next += 1
            number = self._waiting[0]
            self.tried[number] += 1
            try:
                with smtplib.LMTP("127.0.0.1", self._port) as client:
                    client.timeout = 20
                    client.sendmail("bounce@list.example", ["acme@seeds.example"], _mail(number))
            except (OSError, smtplib.SMTPException):
                return
            self.accepted.append(self._waiting.pop(0))
            accepted += 1


def test_what_was_answered_for_is_stored_and_the_rest_comes_again(tmp_path: Path) -> None:
    port, chance = free_port(), random.Random()
    path = tmp_path / "gonequiet.yaml"
    path.write_text(
        "data_dir: data\ntick: 0.05s\nweb: {port: 0}\ncollect: {poll_every: 1s, verify_dkim: off}\ninboxes:\n"
        f"  - {{name: seeds, kind: listener, listen: '127.0.0.1:{port}', addresses: ['@seeds.example']}}\n"
    )
    command = [sys.executable, "-m", "monitor", "run", "--config", str(path)]
    queue = Queue(port)
    with (tmp_path / "log").open("ab") as log:
        for _ in range(ROUNDS):
            life = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                wait_for(lambda: _answers(port), lambda: (tmp_path / "log").read_text()[-2000:])
                queue.drain(ENOUGH)
                killer = subprocess.Popen(["sh", "-c", f"sleep {chance.random() / 5:.3f}; kill -9 {life.pid}"])
                queue.drain(100_000)
                killer.wait()
            finally:
                if life.poll() is None:
                    life.send_signal(signal.SIGKILL)
                life.wait()
            assert _stored(path) >= set(queue.accepted)
        life = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_for(lambda: _answers(port), lambda: (tmp_path / "log").read_text()[-2000:])
            queue.drain(5)
        finally:
            life.terminate()
            assert life.wait(30) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()
    settings = load_settings(path)
    with Store.open(settings.database_url, settings.originals_dir) as store:
        [subscription] = store.subscriptions()
        assert subscription.copies == len(set(queue.accepted)) == len(queue.accepted)
        assert len(list(store.sends())) == len(queue.accepted)


def _stored(path: Path) -> set[int]:
    """Numbers of the messages that are there with their place; none is there twice."""
    engine = create_engine(load_settings(path).database_url)
    with engine.connect() as connection:
        rows = connection.execute(select(copies.c.subject).join(placements, placements.c.copy_id == copies.c.id)).scalars().all()
        whole = connection.execute(select(copies.c.subject)).scalars().all()
    engine.dispose()
    assert max(Counter(whole).values(), default=1) == 1
    assert set(rows) == set(whole)
    return {int(subject.removeprefix("Number ")) for subject in whole}


def _answers(port: int) -> bool:
    try:
        with smtplib.LMTP("127.0.0.1", port) as client:
            return client.noop()[0] == 250
    except (OSError, smtplib.SMTPException):
        return False


def _mail(number: int) -> str:
    return (
        f"From: news@list.example\r\nMessage-ID: <{number}@list.example>\r\n"
        f"Date: Wed, 07 Jan 2026 03:{number % 60:02}:00 +0000\r\n"
        f"Subject: Number {number}\r\n\r\nThis is number {number}.\r\n"
    )
