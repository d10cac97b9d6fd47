"""Covered time: unions, holes, pauses and the time before the first proof."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.detect.witnesses import ALWAYS, CoveredTime, covered_time, intersect, merge, paused_time, subtract

SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda p: (float(min(p)), float(max(p)))), max_size=8)


def hours_in(spans: list[tuple[float, float]]) -> set[int]:
    return {h for a, b in spans for h in range(int(a), int(b))}


@given(SPANS, SPANS)
def test_intervals_behave_as_sets_of_hours(one: list[tuple[float, float]], other: list[tuple[float, float]]) -> None:
    a, b = merge(one), merge(other)
    assert hours_in(a) == hours_in(one)
    assert hours_in(intersect(a, b)) == hours_in(one) & hours_in(other)
    assert hours_in(subtract(a, b)) == hours_in(one) - hours_in(other)


def test_one_covered_witness_is_enough() -> None:
    time = covered_time({"a": [(0.0, 10.0)], "b": [(8.0, 20.0)]}, {"a": 0.0, "b": 8.0}, ["a", "b"])
    assert time.at(25.0) - time.at(0.0) == 20.0


def test_holes_and_declared_pauses_do_not_count() -> None:
    time = covered_time({"a": [(0.0, 10.0), (15.0, 30.0)]}, {"a": 0.0}, ["a"], [(20.0, 22.0)])
    assert time.at(30.0) - time.at(0.0) == 23.0
    assert time.when(time.at(12.0) + 6.0, 0.0) == pytest.approx(23.0)


def test_history_counts_for_learning_but_allows_no_alarm() -> None:
    time = covered_time({"a": [(100.0, 110.0)]}, {"a": 100.0}, ["a"])
    assert time.at(100.0) - time.at(40.0) == 60.0
    assert time.alarms_from == 100.0


def judged(time: CoveredTime, *spans: tuple[float, float]) -> list[float]:
    starts, ends = np.array(spans).T
    return [float(hours) for hours in time.judged(starts, ends)]


def test_only_covered_time_from_the_first_proof_on_is_judged() -> None:
    time = covered_time({"a": [(100.0, 110.0), (120.0, 130.0)]}, {"a": 100.0}, ["a"])
    assert judged(time, (0.0, 90.0), (96.0, 106.0), (105.0, 125.0), (112.0, 118.0)) == [0.0, 6.0, 10.0, 0.0]
    assert judged(covered_time({}, {}, ["a"]), (0.0, 24.0)) == [0.0]
    assert judged(paused_time(((100.0, 110.0),)), (0.0, 24.0), (98.0, 112.0)) == [24.0, 4.0]
    assert judged(ALWAYS, (0.0, 24.0)) == [24.0]


def test_a_send_lies_in_covered_time_or_in_a_hole() -> None:
    time = covered_time({"a": [(100.0, 110.0), (120.0, 130.0)]}, {"a": 100.0}, ["a"])
    assert time.covers(np.array([50.0, 100.0, 109.0, 110.0, 115.0, 120.0, 130.0])).tolist() == [
        *(True, True, True),
        *(False, False, True, False),
    ]
    assert ALWAYS.covers(np.array([7.0])).all()


def test_without_pauses_a_replay_counts_every_hour() -> None:
    assert paused_time(()) is ALWAYS
    assert ALWAYS.at(7.5) == 7.5


@given(st.floats(470_000, 470_200), st.floats(470_000, 470_200), st.floats(470_200, 470_300))
def test_a_covered_span_is_as_long_whatever_is_proven_around_it(one: float, other: float, proven: float) -> None:
    """To the last bit: what was concluded before an inbox's first proof must stand when it is known."""
    first, end = sorted((one, other))
    later = covered_time({"a": [(first, proven)]}, {"a": first}, ["a"])
    earlier = covered_time({"a": [(469_000.1, proven)]}, {"a": first}, ["a"])
    lengths = [time.fixed_at(end) - time.fixed_at(first) for time in (ALWAYS, later, earlier)]
    assert lengths == [end - first] * 3
