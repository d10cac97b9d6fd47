"""Who stopped together: whoever sent after the others fell silent did not, and whoever may just be pausing is not sure."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detect.bank import Floats
from monitor.detect.calendar import hours_of
from monitor.detect.gaps import Reading
from monitor.detect.onset import MOST_MOMENTS, chances_of_stop, surprises_at
from tests.detect.streams import DAY, HOUR, START, detector, regular_sends


def chances(last: list[float], per_hour: list[float], now: float = 100.0) -> list[float]:
    """Members whose silences grow by so much surprise an hour."""
    known, rate = np.array(last), np.array(per_hour)

    def before(moments: Floats) -> Floats:
        return np.asarray(rate[:, None] * np.maximum(moments[None, :] - known[:, None], 0.0))

    return [float(x) for x in chances_of_stop(known, rate * (now - known), before, now)]


def test_those_silent_since_one_moment_stopped_and_those_that_sent_after_it_did_not() -> None:
    found = chances([80.0, 81.0, 82.0, 83.0, 97.0, 98.0, 99.0, 99.5], [0.4] * 8)
    assert min(found[:4]) > 0.95
    assert max(found[4:]) < 0.05


def test_a_slow_list_that_was_not_due_yet_is_not_sure() -> None:
    *stopped, slow, lively = chances([80.0, 81.0, 82.0, 83.0, 79.0, 99.0], [0.4] * 4 + [0.02] + [0.4])
    assert min(stopped) > 0.95
    assert 0.3 < slow < 0.9
    assert lively < 0.05


def test_a_silence_that_had_lasted_long_before_the_others_says_no_more_than_what_it_added_since() -> None:
    """One that paused for days before the moment is as sure as one that mailed just before it."""
    long_silent = chances([20.0, 81.0, 82.0, 83.0, 97.0, 98.0, 99.0], [0.4] * 7)[0]
    fresh = chances([81.5, 81.0, 82.0, 83.0, 97.0, 98.0, 99.0], [0.4] * 7)[0]
    assert long_silent == pytest.approx(fresh, abs=0.05)


def test_of_many_members_the_moment_is_found_as_well() -> None:
    stopped = [float(x) for x in np.linspace(70.0, 80.0, 3 * MOST_MOMENTS)]
    lively = [float(x) for x in np.linspace(92.0, 99.5, 3 * MOST_MOMENTS)]
    found = chances(stopped + lively, [0.4] * len(stopped + lively))
    assert min(found[: len(stopped)]) > 0.9
    assert max(found[len(stopped) :]) < 0.1


def looked_at(moments: int) -> int:
    """How many moments are asked for in all among so many members."""
    asked = 0

    def before(at: Floats) -> Floats:
        nonlocal asked
        asked += at.size
        return np.zeros((moments, at.size))

    chances_of_stop(np.arange(float(moments)), np.ones(moments), before, float(moments))
    return asked


def test_twice_the_members_ask_for_hardly_more_moments() -> None:
    assert looked_at(2000) <= 1.5 * looked_at(1000)


def reading_at(hours_after: float) -> Reading:
    reading = detector(regular_sends("a.example", 6 * HOUR, 40 * DAY))._read(hours_of(START + 40 * DAY) + hours_after)
    assert reading is not None
    return reading


def test_the_surprise_at_an_earlier_moment_is_what_was_said_then() -> None:
    early, late = reading_at(12.0), reading_at(30.0)
    row = np.array([late.frame.roster.streams["a.example"]])
    again = surprises_at(late, row, np.array([0.0, early.now, late.now]))
    assert again[0] == pytest.approx([0.0, early.surprises[row[0]], late.surprises[row[0]]], rel=0.01)
