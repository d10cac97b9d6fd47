"""After a day without us the backlog is read before anything is found, and coverage shows what was live and what was not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.app.service import Service
from monitor.clock import SteppedClock
from monitor.model import CoverageKind
from monitor.settings import load_settings
from monitor.store.store import Store
from tests.app.setting import eventually, write_settings
from tests.app.test_following import letter
from tests.servers.dovecot import Dovecot, DovecotUser
from tests.servers.scripted_imap import Box, ScriptedImap, scripted

DAY = timedelta(days=1)


def serve(path: Path, clock: SteppedClock) -> Service:
    service = Service(load_settings(path), clock, settings_path=path)
    service.start()
    return service


def caught_up(service: Service, clock: SteppedClock) -> None:
    """Let time pass until all was read and judged."""
    since = clock.now()

    def is_done() -> bool:
        clock.move_to(clock.now() + timedelta(seconds=1))
        return service.caught_up(since)

    eventually(is_done, "all was read and judged")


@pytest.fixture
def users(dovecot: Dovecot) -> list[DovecotUser]:
    return [dovecot.user() for _ in range(2)]


def test_the_backlog_is_read_before_any_finding(users: list[DovecotUser], tmp_path: Path) -> None:
    clock = SteppedClock(datetime.now(UTC))
    path = write_settings(tmp_path, *(user.settings() for user in users), every="5m")
    for user in users:
        user.deliver_all([letter(number) for number in range(3)])
    service = serve(path, clock)
    try:
        for _ in range(3):
            caught_up(service, clock)
            clock.move_to(clock.now() + timedelta(minutes=6))
    finally:
        service.stop()
    left = clock.now()
    for user in users:
        user.deliver_all([letter(number) for number in range(3, 40)])
    clock.move_to(left + DAY)
    service = serve(path, clock)
    try:
        caught_up(service, clock)
        clock.move_to(clock.now() + timedelta(minutes=6))
        caught_up(service, clock)
    finally:
        service.stop()
    settings = load_settings(path)
    with Store.open(settings.database_url, settings.originals_dir) as store:
        assert store.alerts() == ()  # not even one about ourselves: nobody was asked before the inboxes were
        assert len(list(store.sends())) == 40
        for user in users:
            inbox = [c for c in store.coverage(inbox=user.name) if c.folder == "INBOX"]
            assert [c.kind for c in inbox][-3:] == [CoverageKind.LIVE, CoverageKind.RETROSPECTIVE, CoverageKind.LIVE]
            away = inbox[-2]
            assert away.start <= left < away.end <= left + DAY + timedelta(minutes=1)
            assert away.end - away.start > timedelta(hours=23)


def test_an_inbox_that_stays_away_is_told_of_all_the_same(users: list[DovecotUser], tmp_path: Path) -> None:
    clock = SteppedClock(datetime.now(UTC))
    with scripted(ScriptedImap({"INBOX": Box({1: letter(1)})})) as server:
        path = write_settings(tmp_path, users[0].settings(), server.settings().model_copy(update={"ca_file": None}), every="5m")
        path.write_text(path.read_text().replace("    ca_file: None\n", ""))
        service = serve(path, clock)
        try:
            for _ in range(3):
                caught_up(service, clock)
                clock.move_to(clock.now() + timedelta(minutes=6))
        finally:
            service.stop()
    clock.move_to(clock.now() + DAY)
    service = serve(path, clock)
    try:

        def is_told() -> bool:
            clock.move_to(clock.now() + timedelta(seconds=1))
            return [alert.key for alert in service._store.alerts()] == ["inbox_blind:seed"]

        eventually(is_told, "it is told of")
    finally:
        service.stop()
