"""The simulator: reproducible, and as regular and busy as it says."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench.gaps.simulate import KINDS, hours_of_week, simulate

YEAR = {"start": (2018, 6, 1), "end": (2019, 6, 1)}


def test_the_same_seed_gives_the_same_lists() -> None:
    one, other = simulate(3, 12, **YEAR), simulate(3, 12, **YEAR)
    for a, b in zip(one.lists, other.lists, strict=True):
        assert np.array_equal(a.times, b.times)


def test_another_seed_gives_other_lists() -> None:
    assert not np.array_equal(simulate(3, 1, **YEAR).lists[0].times, simulate(4, 1, **YEAR).lists[0].times)


def test_more_lists_do_not_change_the_first_ones() -> None:
    few, many = simulate(5, 4, **YEAR), simulate(5, 8, **YEAR)
    for a, b in zip(few.lists, many.lists, strict=False):
        assert np.array_equal(a.times, b.times)


def test_times_rise_within_the_span_and_follow_their_sessions() -> None:
    made = simulate(6, 30, **YEAR)
    for known in made.lists:
        assert np.all(np.diff(known.times) > 0)
        assert made.first <= known.times[0]
        assert known.times[-1] < made.end
        assert np.all(known.sessions <= known.times)


def test_sessions_come_as_often_as_the_intensity_says() -> None:
    made = simulate(7, 60, **YEAR)
    regular = [x for x in made.lists if x.kind == "national"]
    assert regular
    for known in regular:
        sessions = np.unique(known.sessions).size
        assert sessions == pytest.approx(known.intensity.sum(), rel=0.1)


def test_every_kind_is_drawn() -> None:
    assert {x.kind for x in simulate(8, 80, **YEAR).lists} == {k.name for k in KINDS}


def test_hour_of_the_week_follows_daylight_saving() -> None:
    before = 1_552_168_800 // 3600  # 2019-03-09T22:00Z, 17:00 on a Saturday in New York
    cells, _ = hours_of_week(before, 25)
    assert cells[0] == 5 * 24 + 17
    assert cells[24] == 6 * 24 + 18
