"""A machine whose clock was set back goes on at once, and takes back what it claimed of the time to come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.app.service import Service
from monitor.app.step_guard import StepGuard
from monitor.clock import Clock
from monitor.model import Coverage
from monitor.settings import load_settings
from tests.app.setting import eventually, write_settings
from tests.servers.dovecot import Dovecot


class SetClock:
    """A clock that the test sets forwards and back; it runs on by itself in between."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift


def test_only_a_step_back_is_told() -> None:
    wall, steady = [1000.0], [0.0]
    told: list[float] = []
    guard = StepGuard(told.append, wall=lambda: wall[0], steady=lambda: steady[0])
    for seconds, passed in ((5, 5), (3600, 5), (-2, 5), (-7200, 5), (5, 5)):
        wall[0] += seconds
        steady[0] += passed
        guard.look()
    assert told == [7205.0]
    guard.close()


def test_coverage_of_the_time_to_come_is_taken_back_and_polling_and_judging_go_on(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.user()
    clock = SetClock()
    proper: Clock = clock
    path = write_settings(tmp_path, user.settings())
    service = Service(load_settings(path), proper, settings_path=path)
    service.start()

    def caught_up() -> None:
        now = clock.now()
        eventually(lambda: service.caught_up(now), "all was read and judged")

    try:
        caught_up()
        clock.shift = timedelta(days=365)
        caught_up()
        ahead = [c for c in service._store.coverage() if c.end > datetime.now(UTC) + timedelta(days=300)]
        assert ahead
        clock.shift = timedelta()
        eventually(lambda: not _of_the_time_to_come(service), "what lay ahead is taken back")
        caught_up()
        assert not service._parts.watch.assess(clock.now()).findings
        for job in service._scheduler.get_jobs():  # as a scheduler is left by the same step of the machine's clock
            job.modify(next_run_time=clock.now() + timedelta(days=365))
        service._run_again(0.0)
        caught_up()
    finally:
        service.stop()


def _of_the_time_to_come(service: Service) -> list[Coverage]:
    return [c for c in service._store.coverage() if c.end > datetime.now(UTC) + timedelta(minutes=1)]
