"""Killed at any instant, GoneQuiet loses no message, stores none twice, and claims to have seen no more than it has."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from sqlalchemy import Connection, create_engine, func, inspect, select

from monitor.alert.channels import open_channels
from monitor.alert.deliver import Courier
from monitor.app.counters import Counters
from monitor.app.polling import Poller
from monitor.app.session import Session, open_session
from monitor.model import NoticeState
from monitor.settings import load_settings
from monitor.store.store import Store
from monitor.store.tables import copies, coverage, folders, inboxes, placements
from tests.alert.servers import Hook, http_server
from tests.app.setting import write_settings
from tests.journey.hurried import HurriedClock
from tests.servers.dovecot import Dovecot, DovecotUser
from tests.servers.process import free_port

Key = tuple[str, str]
"""(inbox, Message-ID)."""

ROUNDS = 500 if os.environ.get("GONEQUIET_LONG") else 50
BACKLOG = 210
"""More than one batch, so that the first lives end within the first visit."""
EACH_LIFE = 4
"""So many more mails an inbox come in each life, on average: all of them are compared after each."""
LISTS = 50
CHANNELS = """
alerts:
  channels: [{{name: hook, kind: webhook, url: "http://127.0.0.1:{port}/"}}]
  routes: [{{channels: [hook]}}]
"""


@dataclass
class Postman:
    """Delivers mail to all inboxes while the block lasts, up to number `until`, and notes when each was surely there."""

    users: list[DovecotUser]
    clock: HurriedClock
    until: int = BACKLOG
    there: dict[Key, datetime] = field(default_factory=dict)
    """When its delivery was over."""

    def deliver(self, numbers: range) -> None:
        raws = {f"{number}@gonequiet.example": _mail(number) for number in numbers}
        for user in self.users:
            user.deliver_all(list(raws.values()))
            now = self.clock.now()
            self.there.update({(user.name, message_id): now for message_id in raws})

    @contextmanager
    def at_work(self, first: int) -> Iterator[None]:
        over = threading.Event()

        def work() -> None:
            number = first
            while not over.wait(0.05):
                if number < self.until:
                    self.deliver(range(number, number + 2))
                    number += 2

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def test_a_kill_at_any_instant_costs_a_repeat_and_no_loss(dovecot: Dovecot, tmp_path: Path) -> None:
    began = datetime.now(UTC)
    clock = HurriedClock(began)
    users = [dovecot.user() for _ in range(2)]
    postman = Postman(users, clock)
    postman.deliver(range(BACKLOG))
    gone = dovecot.user().settings().model_copy(update={"name": "gone", "port": free_port()})
    chance = random.Random()
    with http_server() as hook:
        path = write_settings(
            tmp_path, *(user.settings() for user in users), gone, more=CHANNELS.format(port=hook.port), every="2h"
        )
        database = load_settings(path).database_url
        with _mother(path, began, tmp_path / "log") as mother, postman.at_work(BACKLOG):
            lives, worked, stored, longest = 0, 0, 0, 1.0
            while lives < ROUNDS or worked < ROUNDS // 10:
                postman.until += EACH_LIFE
                _live_and_die(mother, longest * 50 ** -chance.random())
                before, stored = stored, _claims_only_what_it_has(database, dict(postman.there))
                lives, worked = lives + 1, worked + (stored > before)
                # On a slow machine lives become longer, until every third or so ends after it has stored something.
                longest *= 0.8 if stored > before else 1.15
        assert "Traceback" not in (tmp_path / "log").read_text()
        with open_session(load_settings(path)) as session:
            _catch_up(session, clock)
            _has_everything_once(session.store, database, postman)
            _has_told_everything(session.store, hook)


@contextmanager
def _mother(settings: Path, began: datetime, log: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.journey.to_be_killed", str(settings), began.isoformat()]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
    with process:
        try:
            yield process
        finally:
            process.kill()


def _live_and_die(mother: subprocess.Popen[str], seconds: float) -> None:
    assert mother.stdin
    assert mother.stdout
    mother.stdin.write("live\n")
    mother.stdin.flush()
    child = int(mother.stdout.readline())
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    assert mother.stdout.readline() == "gone\n"


def _claims_only_what_it_has(database: str, there: Mapping[Key, datetime]) -> int:
    """Up to the checkpoint every UID is stored; up to the end of coverage every message that was there then.

    Gives how many messages are stored.
    """
    stored: Counter[Key] = Counter()
    in_place = select(func.count()).where(placements.c.folder_id == folders.c.id).scalar_subquery()
    until = select(func.max(coverage.c.until)).where(coverage.c.folder_id == folders.c.id).scalar_subquery()
    claims = select(inboxes.c.name, folders.c.last_uid, in_place.label("stored"), until.label("until"))
    claims = claims.join(folders, folders.c.inbox_id == inboxes.c.id).where(folders.c.name == "INBOX")
    engine = create_engine(database)
    with engine.connect() as connection:
        if inspect(connection).has_table("coverage"):
            stored = _stored(connection)
            for row in connection.execute(claims).all():
                assert row.stored == (row.last_uid or 0)
                proven = {key for key, at in there.items() if key[0] == row.name and row.until and at <= row.until}
                assert proven <= stored.keys()
    engine.dispose()
    return stored.total()


def _stored(connection: Connection) -> Counter[Key]:
    rows = connection.execute(select(inboxes.c.name, copies.c.message_id).join(copies, copies.c.inbox_id == inboxes.c.id))
    return Counter((row.name, row.message_id) for row in rows)


def _catch_up(session: Session, clock: HurriedClock) -> None:
    """One last quiet round."""
    poller = Poller(session.store, session.reader, session.settings.collect, clock, Counters())
    for inbox in session.settings.inboxes:
        while poller.poll(inbox).has_more:
            pass
    poller.close()
    session.watch().round(clock.now())
    alerts = session.settings.alerts
    # Later than any back-off that a try in the middle of a kill may have left behind.
    Courier(session.store, open_channels(alerts.channels), alerts.max_tries).deliver_due(clock.now() + timedelta(days=2))


def _has_everything_once(store: Store, database: str, postman: Postman) -> None:
    engine = create_engine(database)
    with engine.connect() as connection:
        assert _stored(connection) == Counter(postman.there.keys())
        digests = connection.execute(select(copies.c.digest)).scalars().all()
        assert connection.execute(select(func.count()).where(copies.c.truncated)).scalar_one() == 0
    engine.dispose()
    assert sum(store.copies_total().values()) == len(postman.there)
    sends = list(store.sends())
    assert len(sends) == len({message_id for _, message_id in postman.there})
    assert {send.copies for send in sends} == {len(postman.users)}
    for digest in digests:
        assert hashlib.sha256(store.original(digest)).hexdigest() == digest


def _has_told_everything(store: Store, hook: Hook) -> None:
    """Every alert and every notice arrived; a repeat bears the key of the first."""
    alerts = store.alerts()
    assert "inbox_blind:gone" in {alert.key for alert in alerts}
    notices = [notice for alert in alerts for notice in store.notices(alert.id)]
    assert {notice.state for notice in notices} == {NoticeState.SENT}
    assert {notice.key for notice in notices} == {request.headers["idempotency-key"] for request in hook.requests}


def _mail(number: int) -> bytes:
    domain = f"list{number % LISTS}.example.org"
    lines = [
        f"From: The List <hello@{domain}>",
        f"Date: {format_datetime(datetime.now(UTC))}",
        f"Message-ID: <{number}@gonequiet.example>",
        f"Subject: Number {number}",
        "",
        f"This is number {number}.",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")
