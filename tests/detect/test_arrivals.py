"""Arrivals: what follows from the times of sends alone is the same for many hours at once as for one after another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detect.arrivals import Arrivals
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
def test_hours_that_are_taken_together_are_taken_as_one_by_one(moments: list[tuple[int, int, int]], cut: int) -> None:
    times, rows, weights = columns_of(moments)
    one_by_one, together = an_engine(), an_engine()
    ways: list[tuple[Engine, Callable[[Engine], int]]] = [
        (one_by_one, lambda engine: engine.hour + 1),
        (together, lambda engine: engine.lesson_ends),
    ]
    for engine, end_of in ways:
        while engine.hour < FIRST + HOURS:
            until = min(end_of(engine), *(end for end in (FIRST + cut, FIRST + HOURS) if end > engine.hour), FIRST + HOURS)
            mine = (times >= engine.hour) & (times < until)
            engine.advance(float(until), times[mine], rows[mine], weights[mine])
    assert one_by_one.hour == together.hour
    for name in COLUMNS:
        one, other = one_by_one.bank.view(name), together.bank.view(name)
        if name == "deadline":  # is reckoned when a silence comes near it, and for some silences at once
            one, other = (np.where(np.isnan(one) | np.isnan(other), np.nan, column) for column in (one, other))
        np.testing.assert_array_equal(one, other, err_msg=name)
    np.testing.assert_array_equal(one_by_one.fleet.seen, together.fleet.seen)


@settings(max_examples=200, deadline=None)
@given(MOMENTS)
def test_a_send_begins_a_session_unless_it_follows_soon_after_the_begin_of_one(moments: list[tuple[int, int, int]]) -> None:
    times, rows, _ = columns_of([(step % 480, row, weight) for step, row, weight in moments])
    sends = Arrivals(an_engine().bank, ["UTC"], FIRST, times, rows)
    expected = []
    begun: dict[int, float] = {}
    for at, row in sorted(zip(times.tolist(), rows.tolist(), strict=True)):
        if row not in begun or at > begun[row] + 0.25:
            begun[row] = at
            expected.append((at, row))
    assert sorted(zip(sends.sessions.times.tolist(), sends.sessions.rows.tolist(), strict=True)) == expected
    assert sends.times.size == times.size
