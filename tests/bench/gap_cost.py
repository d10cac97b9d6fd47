"""What finding gaps costs: a tick over 100,000 streams, and a backtest of 500 streams over one year."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from monitor.detect.backtest import Setting
from monitor.detect.backtest import run as backtest
from monitor.detect.calendar import moment_of
from monitor.detect.detector import Detector
from monitor.detect.events import Events
from monitor.model import Send
from monitor.settings import GapSettings
from tests.bench.gaps.oracle import streams_of
from tests.bench.gaps.simulate import simulate

STREAMS = 100_000
FIRST_HOUR = 450_000.0


def run() -> list[str]:
    return [tick_line(*tick_seconds()), backtest_line(*backtest_seconds())]


def tick_line(first: float, median: float, slowest: float) -> str:
    words = f"{STREAMS:,} streams: a tick takes {median:.2f} s (slowest of 5: {slowest:.2f} s; target 1 s)"
    return f"{words}; the history of {4 * STREAMS:,} sends was taken in {first:.0f} s"


def backtest_line(seconds: float, sends: int) -> str:
    return f"backtest of 500 streams over one year ({sends:,} sends, one setting): {seconds:.1f} s (target 5 s)"


def tick_seconds() -> tuple[float, float, float]:
    """Seconds for the first look at a short history, and the median and slowest of five ticks a minute apart."""
    detector = Detector(lambda _stream, _organisation: GapSettings(), full_coverage=True)
    detector.add_sends(_sends())
    now = FIRST_HOUR + 24.0
    first = _seconds(partial(detector.assess, moment_of(now)))
    ticks = [_seconds(partial(detector.assess, moment_of(now + minute / 60))) for minute in range(1, 6)]
    return first, float(np.median(ticks)), max(ticks)


def backtest_seconds() -> tuple[float, int]:
    """Seconds for one setting, and how many sends there were."""
    streams = streams_of(simulate(3, 500, start=(2019, 1, 1), end=(2020, 1, 1)))
    names = np.repeat([s.name for s in streams], [s.times.size for s in streams])
    events = Events.from_columns(names, np.concatenate([s.times for s in streams]))
    return _seconds(lambda: backtest(events, [Setting.yearly(1.0)])), events.times.size


def _sends() -> Iterator[Send]:
    """Four sends of every stream within a day."""
    random = np.random.default_rng(1)
    offsets = np.sort(random.uniform(0, 24, (STREAMS, 4)), axis=1)
    for stream, times in enumerate(offsets):
        for place, offset in enumerate(times.tolist()):
            at = moment_of(FIRST_HOUR + offset)
            yield Send(
                id=stream * 4 + place,
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
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
