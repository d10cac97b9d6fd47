"""What finding gaps costs: a tick over 100,000 streams, and a backtest of 500 streams over one year."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from monitor.app.garbage import leave_aside
from monitor.detect.backtest import run as backtest
from monitor.detect.backtest_result import Setting
from monitor.detect.bank import Floats, Rows
from monitor.detect.calendar import moment_of
from monitor.detect.detector import Detector
from monitor.detect.events import Events
from monitor.model import Send
from monitor.settings import GapSettings
from tests.bench.gaps.oracle import streams_of
from tests.bench.gaps.simulate import simulate

STREAMS = 100_000
A_DAY = 4
DAYS = 2
"""Days of mail before the first tick; it goes on while the detector ticks."""
SETTINGS = GapSettings()
FIRST_HOUR = 450_000.0
"""A midnight (UTC)."""
NOON = [36 + minute / 60 for minute in (10, 11, 12, 13, 14, 30, 45, 59, 61)]
"""Hours since the first when it ticks: within an hour, at the end of it, and in the next one, when an hour more is over."""
MIDNIGHT = [48 + minute / 60 for minute in (-1, 1, 10, 30, 59, 61, 62, 119, 121)]
"""The same while all streams begin to learn their profiles and irregularity for the day."""


@dataclass(frozen=True)
class Ticks:
    """Seconds of processor time."""

    first: float
    by_day: Sequence[float]
    at_midnight: Sequence[float]


def run() -> list[str]:
    return [tick_line(tick_seconds()), backtest_line(*backtest_seconds())]


def tick_line(ticks: Ticks) -> str:
    by_day, at_midnight = (f"{np.median(t):.2f} s (slowest: {max(t):.2f} s)" for t in (ticks.by_day, ticks.at_midnight))
    words = f"{STREAMS:,} streams, {A_DAY} sends a day each: a tick takes {by_day}, around midnight UTC {at_midnight}; target 1 s"
    return f"{words}; the first 36 hours of mail were taken in {ticks.first:.0f} s"


def backtest_line(seconds: float, sends: int) -> str:
    return f"backtest of 500 streams over one year ({sends:,} sends, one setting): {seconds:.1f} s (target 5 s)"


def tick_seconds() -> Ticks:
    """What the first look costs, and then ticks while mail goes on; as in the service, its objects are left aside after that."""
    detector, mail = Detector(lambda _stream, _organisation: SETTINGS, full_coverage=True), _mail()
    hours = [0.0, 36.0, *NOON, 47.0, *MIDNIGHT]
    first, *ticks = [_tick(detector, mail, since, until) for since, until in pairwise(hours)]
    return Ticks(first, ticks[: len(NOON)], ticks[-len(MIDNIGHT) :])


def _tick(detector: Detector, mail: tuple[Floats, Rows], since: float, until: float) -> float:
    """The seconds of a tick `until` hours after the first, when what came `since` the last tick has become known."""
    detector.add_sends(_sends(mail, since, until))
    seconds = _seconds(partial(detector.assess, moment_of(FIRST_HOUR + until)))
    leave_aside()
    return seconds


def backtest_seconds() -> tuple[float, int]:
    """Seconds for one setting, and how many sends there were."""
    streams = streams_of(simulate(3, 500, start=(2019, 1, 1), end=(2020, 1, 1)))
    names = np.repeat([s.name for s in streams], [s.times.size for s in streams])
    events = Events.from_columns(names, np.concatenate([s.times for s in streams]))
    return _seconds(lambda: backtest(events, [Setting.yearly(1.0)])), events.times.size


def _mail() -> tuple[Floats, Rows]:
    """Hours since the first and the streams that mail then, in order of time."""
    random = np.random.default_rng(1)
    number = STREAMS * A_DAY * (DAYS + 1)
    return np.sort(random.uniform(0, 24.0 * (DAYS + 1), number)), random.integers(0, STREAMS, number)


def _sends(mail: tuple[Floats, Rows], since: float, until: float) -> Iterator[Send]:
    hours, streams = mail
    first, end = np.searchsorted(hours, (since, until)).tolist()
    for place, (hour, stream) in enumerate(zip(hours[first:end].tolist(), streams[first:end].tolist(), strict=True), first):
        at = moment_of(FIRST_HOUR + hour)
        yield Send(
            id=place,
            stream=f"stream-{stream}",
            organisation=f"organisation-{stream // 10}",
            at=at,
            stored_at=at,
            inboxes=("seed",),
            copies=1,
            placements={"INBOX": 1},
            delivery=f"provider-{stream % 50}",
        )


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
