"""The engine: a day that is taken at once leaves behind what its hours do, one after another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np

from monitor.detect.bank import COLUMNS, Floats, Rows
from monitor.detect.defaults import load_defaults
from monitor.detect.engine import Engine
from monitor.detect.witnesses import ALWAYS, covered_time
from monitor.settings import GapSettings

FIRST, HOURS, ROWS = 460_007, 24 * 40, 24
ZONES = ["UTC", "America/New_York"]
LATE = {5, 6}
"""Rows that begin when the others are no longer young."""
HOLE = (FIRST + 300.3, FIRST + 331.7)
"""Without coverage for every other row."""


def an_engine() -> Engine:
    """Rows of both zones and witnesses, some with follow-ups in one session and with a ceiling."""
    proven = [(FIRST - 5.0, HOLE[0]), (HOLE[1], FIRST + HOURS + 5.0)]
    engine = Engine(load_defaults(), FIRST, ZONES, [ALWAYS, covered_time({"one": proven}, {"one": proven[0][0]}, ["one"])])
    kinds = [
        GapSettings(),
        GapSettings(thin=timedelta(hours=2)),
        GapSettings(ceiling=timedelta(hours=30)),
        GapSettings(fixed=timedelta(hours=5), thin=timedelta(hours=6)),
    ]
    for row in range(ROWS):
        engine.bank.add(kinds[row % 4], engine.defaults, budget=12.0, zone=row // 2 % 2, witness=row // 4 % 2)
    return engine


def sends() -> tuple[Floats, Rows]:
    """Busy and slow rows by turns, half of which fall silent for days now and then."""
    random = np.random.default_rng(3)
    columns = []
    for row in range(ROWS):
        times = FIRST + np.cumsum(random.gamma(2.0, random.choice([0.6, 2.0, 8.0]), 2000))
        for begins in FIRST + random.uniform(200, HOURS, 3) if row % 2 else ():
            times = times[(times < begins) | (times > begins + random.uniform(20, 120))]
        late = FIRST + 500 if row in LATE else FIRST
        columns.append(times[(times > late) & (times < FIRST + HOURS)])
    times, rows = np.concatenate(columns), np.repeat(np.arange(ROWS), [c.size for c in columns])
    order = np.argsort(times)
    return times[order], rows[order]


def taken(end_of: Callable[[Engine], int]) -> tuple[Engine, list[int]]:
    """The engine after all hours, and how many it took each time."""
    engine, (times, rows), spans = an_engine(), sends(), []
    while engine.hour < FIRST + HOURS:
        until = min(end_of(engine), FIRST + HOURS)
        spans.append(until - engine.hour)
        mine = (times >= engine.hour) & (times < until)
        engine.advance(float(until), times[mine], rows[mine])
    return engine, spans


def test_days_that_are_taken_at_once_leave_what_their_hours_do() -> None:
    """To the last bit, with a fleet, a hole, changes of level and hundreds of alarms, all of which are the same."""
    hours, _ = taken(lambda engine: engine.hour + 1)
    days, spans = taken(lambda engine: engine.lesson_ends)
    assert {6, 24} <= set(spans)
    assert sorted(map(repr, hours.closed)) == sorted(map(repr, days.closed))
    assert len(hours.closed) > 200
    assert {alarm.row for alarm in hours.closed} >= {1, 2, 3}
    for name in set(COLUMNS) - {"deadline"}:  # which is reckoned when a silence comes near it, at once for several
        np.testing.assert_array_equal(hours.bank.view(name), days.bank.view(name), err_msg=name)
    for name in ("seen", "expected", "usual"):
        np.testing.assert_array_equal(getattr(hours.fleet, name), getattr(days.fleet, name), err_msg=name)
    np.testing.assert_array_equal(hours.learning.contradicted, days.learning.contradicted)
    np.testing.assert_array_equal(hours.learning.feedback, days.learning.feedback)
    assert not (days.speeds == 1.0).all()


def test_profile_and_scale_are_learned_four_times_a_day_at_first_then_once_and_the_level_always() -> None:
    engine = an_engine()
    seen = []
    for hour in range(24 * 30):
        engine.advance(engine.hour + 1.0, np.array([engine.hour + 0.5]), np.array([0]))
        seen.append((engine.bank.profile[0].copy(), float(engine.bank.scale[0]), float(engine.bank.levels()[0]), engine.hour - 1))
        days = seen[-1][3] // 24 - FIRST // 24
        if hour >= 24 and seen[-1][3] % (6 if 0 < days <= 14 else 24):
            np.testing.assert_array_equal(seen[-1][0], seen[-2][0])
            assert seen[-1][1] == seen[-2][1]
        elif hour >= 24:
            assert (seen[-1][0] != seen[-2][0]).any()
        assert hour < 24 or seen[-1][2] != seen[-2][2]
