"""Arrivals: what follows from the times of sends alone is the same for many hours at once as for one after another."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detect.bank import COLUMNS
from monitor.detect.defaults import load_defaults
from monitor.detect.engine import Engine
from monitor.settings import GapSettings

FIRST = 460_000
HOURS = 30
ROWS = 3
MOMENTS = st.lists(
    st.tuples(st.integers(0, HOURS * 20 - 1), st.integers(0, ROWS - 1), st.integers(1, 3)), min_size=1, max_size=120
)
"""Sends: when (in steps of three minutes, so that several fall into one session), of which row, standing for how many."""


def an_engine() -> Engine:
    engine = Engine(load_defaults(), FIRST, ["UTC"])
    for _ in range(ROWS):
        engine.bank.add(GapSettings(), engine.defaults, budget=1.0, zone=0, witness=0)
    return engine


def columns_of(moments: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    steps, rows, weights = (np.array(column, np.int64) for column in zip(*moments, strict=True))
    return FIRST + steps / 20.0, rows, weights


@settings(max_examples=60, deadline=None)
@given(MOMENTS, st.integers(0, HOURS))
def test_hours_made_ready_together_are_taken_as_one_by_one(moments: list[tuple[int, int, int]], cut: int) -> None:
    times, rows, weights = columns_of(moments)
    one_by_one, together = an_engine(), an_engine()
    for hour in range(FIRST, FIRST + HOURS):
        mine = np.floor(times) == hour
        one_by_one.advance(hour + 1.0, times[mine], rows[mine], weights[mine])
    for part, hours in ((times < FIRST + cut, range(cut)), (times >= FIRST + cut, range(cut, HOURS))):
        arrivals = together.arrivals(times[part], rows[part], weights[part])
        for hour in hours:
            together.take(FIRST + hour + 1.0, arrivals.in_hour(FIRST + hour))
    for name in COLUMNS:
        np.testing.assert_array_equal(one_by_one.bank.view(name), together.bank.view(name), err_msg=name)
    np.testing.assert_array_equal(one_by_one.fleet.seen, together.fleet.seen)


@settings(max_examples=200, deadline=None)
@given(MOMENTS)
def test_a_send_begins_a_session_unless_it_follows_soon_after_the_begin_of_one(moments: list[tuple[int, int, int]]) -> None:
    times, rows, _ = columns_of(moments)
    arrivals = an_engine().arrivals(times, rows)
    hours = [found for hour in range(HOURS) if (found := arrivals.in_hour(FIRST + hour)) is not None]
    expected = []
    begun: dict[int, float] = {}
    for at, row in sorted(zip(times.tolist(), rows.tolist(), strict=True)):
        if row not in begun or at > begun[row] + 0.25:
            begun[row] = at
            expected.append((at, row))
    found_all = [pair for h in hours for pair in zip(h.sessions.times.tolist(), h.sessions.rows.tolist(), strict=True)]
    assert sorted(found_all) == expected
    assert sum(h.times.size for h in hours) == times.size
