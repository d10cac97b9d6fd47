"""Rhythms: what first gaps may teach, irregularity, how a lull of all others slows the clock, and feedback that settles."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from monitor.detect.bank import Bank, Floats, hours
from monitor.detect.calendar import HOURS_PER_WEEK
from monitor.detect.clocks import ALERT
from monitor.detect.defaults import load_defaults
from monitor.detect.engine import Engine
from monitor.detect.learning import MONTH, Learning
from monitor.detect.rhythm import deadlines, refresh_scales, return_periods
from monitor.detect.tails import KINDS, REGULAR
from monitor.settings import GapSettings

FIRST = 460_000
DEFAULT = GapSettings()


def engine_of(streams: int) -> Engine:
    """An engine with so many rows that have not mailed yet."""
    engine = Engine(load_defaults(), FIRST, ["UTC"])
    for _ in range(streams):
        engine.bank.add(GapSettings(), engine.defaults, budget=1.0, zone=0, witness=0)
    return engine


def pass_hour(engine: Engine, rows: list[int]) -> None:
    """One hour in which each of `rows` mails at half past."""
    times = np.full(len(rows), engine.hour + 0.5)
    engine.advance(engine.hour + 1.0, times, np.array(rows, np.int64))


def test_a_weekly_list_is_soon_seen_to_be_regular() -> None:
    """Its first gap, measured against a prior of many mails a day, would hide that for years."""
    engine = engine_of(1)
    for hour in range(20 * HOURS_PER_WEEK):
        pass_hour(engine, [0] if hour % HOURS_PER_WEEK == 10 else [])
    assert engine.bank.scale[0] < REGULAR
    assert KINDS[engine.bank.tail[0]] == ("<1/week", "regular")


def test_no_alarm_is_due_before_the_soonest_moment() -> None:
    """Limits are reckoned only once a silence has lasted as long as `soonest`: it must not be late."""
    engine = engine_of(4)
    random = np.random.default_rng(5)
    for _ in range(30 * 24):
        pass_hour(engine, (random.uniform(size=4) < (0.9, 0.3, 0.05, 0.02)).nonzero()[0].tolist())
    rows = np.arange(4)
    due = deadlines(engine.bank, rows, engine.learning.tails, engine.learning.feedback)
    assert np.isfinite(due).all()
    assert (np.diff(due, axis=1) > 0).all()
    assert (engine.bank.soonest[rows] <= due[:, 0]).all()
    assert (engine.bank.soonest[rows] > 0.3 * due[:, 0]).all()


def test_irregularity_is_what_all_kept_gaps_say() -> None:
    """It is reckoned anew only when a gap comes or goes on which it depends, with the first session of a day."""
    engine = engine_of(3)
    random = np.random.default_rng(7)
    for _ in range(40 * 24):
        pass_hour(engine, (random.uniform(size=3) < (0.8, 0.5, 0.1)).nonzero()[0].tolist())
    while engine.hour % 24 != 1:
        pass_hour(engine, [0, 1, 2] if engine.hour % 24 == 0 else [])
    known = engine.bank.scale[:3].copy()
    assert not engine.bank.stirred[:3].any()
    refresh_scales(engine.bank, np.arange(3), engine.bank.levels()[:3], engine.defaults)
    np.testing.assert_array_equal(engine.bank.scale[:3], known)


def scales_of(rings: list[Floats], sessions_per_day: float) -> tuple[Floats, Floats]:
    """What full rings say of lists with this level: extremes, and irregularity."""
    engine = engine_of(len(rings))
    rows = np.arange(len(rings))
    engine.bank.ring[rows], engine.bank.sessions[rows] = np.array(rings, np.float32), 500
    refresh_scales(engine.bank, rows, np.full(rows.size, sessions_per_day / 24), engine.defaults)
    return engine.bank.extremes[rows], engine.bank.scale[rows]


def test_slow_lists_are_told_apart_by_all_their_gaps_and_busy_ones_by_their_largest() -> None:
    """Two lists with the same twenty largest gaps, of which the one is like a clock otherwise."""
    largest = np.linspace(1.8, 3.0, 20)
    steady, wayward = np.append(np.full(108, 0.9), largest), np.append(np.linspace(0.1, 1.7, 108), largest)
    extremes, slow = scales_of([steady, wayward], 1.0)
    assert extremes[0] == extremes[1]
    assert slow[0] < extremes[0]
    assert slow[0] < 0.95 * slow[1]
    _, busy = scales_of([steady, wayward], 5.0)
    np.testing.assert_array_equal(busy, extremes)


def test_one_pause_hardly_changes_what_variation_says() -> None:
    steady = np.linspace(0.4, 1.6, 128)
    _, (usual, paused) = scales_of([steady, np.append(steady[1:], 60.0)], 1.0)
    (_, extreme), _ = scales_of([steady, np.append(steady[1:], 60.0)], 1.0)
    assert usual < paused < 0.8 * extreme


def test_the_slower_a_list_the_less_its_irregularity_excuses() -> None:
    """And no step lies between them, across which a list would be judged differently from one day to the next."""
    wild = np.random.default_rng(1).pareto(1.0, 128)
    excused = [float(scales_of([wild], rate)[1][0]) for rate in (0.05, 1 / 7, 0.3, 0.6, 0.99, 1.01, 3.0)]
    assert excused == sorted(excused)
    assert excused[0] == excused[1] == pytest.approx(1.3)
    assert excused[-3] == pytest.approx(excused[-2], rel=0.01)
    assert excused[-1] == pytest.approx(1.6)


def test_a_lull_of_all_others_slows_the_clock_within_hours() -> None:
    engine = engine_of(12)
    for _ in range(21 * 24):
        pass_hour(engine, list(range(12)))
    before = float(engine.speed[0])
    for _ in range(7):
        pass_hour(engine, [0])
    assert before > 0.9
    assert float(engine.speed[0]) < 0.5


def test_feedback_settles_at_what_the_tails_are_wrong_by() -> None:
    """Tails that promise half of what happens: the correction approaches ln 2 from below and stays."""
    learning = Learning.start(load_defaults(), 0)
    corrections = []
    for month in range(1, 37):
        promised = 4.0 * np.exp(-learning.feedback)
        learning.promised += promised
        learning.contradicted += 2.0 * promised
        learning.refit(Bank(), month * MONTH)
        corrections.append(float(learning.feedback[-1]))
    assert (np.diff(corrections) > 0).all()
    assert corrections[-1] == pytest.approx(np.log(2.0), abs=0.1)
    assert max(corrections) < np.log(2.0)


def corrected(rate_class: int, false: tuple[int, ...], *, settings: GapSettings = DEFAULT) -> Engine:
    """Lists of a class of which each year had so many false alarms, three years long, at one promised."""
    engine = engine_of(len(false))
    bank, learning = engine.bank, engine.learning
    for row in range(len(false)):
        bank.limit[row] = np.inf if settings.ceiling is None else hours(settings.ceiling)
    rows = slice(0, len(false))
    bank.last[rows], bank.sessions[rows], bank.rate_class[rows] = 0.0, 100, rate_class
    for day in range(1, 3 * 365):
        bank.last[rows] = 24.0 * day
        learning.pass_day(bank, 24 * day, np.full(len(false), 24.0))
        for row, number in enumerate(false):
            if number and day % (365 // number) == 0:
                learning.note_alarm(bank, row, int(bank.tail[row]), 30.0, 5.0)
        learning.refit(bank, 24 * day)
    return engine


def test_a_busy_list_is_corrected_by_its_own_false_alarms() -> None:
    """It needs more surprise after many false alarms and less after none; alarms that were wanted by hours prove nothing."""
    own = corrected(0, (6, 1, 0)).bank.feedback[:3]
    assert own[0] > 0.5
    assert own[1] == pytest.approx(0.0, abs=0.15)
    assert -0.8 < own[2] < -0.2
    assert corrected(2, (6, 1, 0)).bank.feedback[:3].tolist() == [0.0, 0.0, 0.0]


def test_alarms_that_a_ceiling_brings_about_correct_nothing() -> None:
    engine = corrected(0, (12, 12), settings=GapSettings(ceiling=timedelta(hours=4)))
    assert engine.bank.feedback[:2].tolist() == [0.0, 0.0]
    assert not engine.learning.feedback.any()


def test_what_is_promised_of_a_corrected_list_is_what_its_threshold_still_lets_through() -> None:
    """Else what was corrected would be corrected again, month by month."""
    engine = engine_of(2)
    bank, rows = engine.bank, slice(0, 2)
    bank.last[rows], bank.sessions[rows], bank.feedback[rows] = 0.0, 100, (0.0, np.log(2.0))
    engine.learning.pass_day(bank, 24, np.full(2, 24.0))
    assert bank.promised[1] == pytest.approx(bank.promised[0] / 2)
    assert engine.learning.promised.sum() == pytest.approx(bank.promised[rows].sum())


def test_what_a_list_is_corrected_by_moves_its_deadlines_and_what_is_said_of_its_silence() -> None:
    engine = engine_of(2)
    for _ in range(30 * 24):
        pass_hour(engine, [0, 1] if engine.hour % 3 == 0 else [])
    before = deadlines(engine.bank, np.arange(2), engine.learning.tails, engine.learning.feedback)
    engine.bank.feedback[0] = 1.0
    after = deadlines(engine.bank, np.arange(2), engine.learning.tails, engine.learning.feedback)
    assert (after[0] > before[0]).all()
    np.testing.assert_array_equal(after[1], before[1])
    engine.bank.elapsed[:2] = after[:, ALERT]
    years = return_periods(engine.bank, engine.learning.tails, engine.learning.feedback)
    np.testing.assert_allclose(years * engine.bank.budget[:2], 1.0, rtol=1e-6)


def test_the_own_tail_of_a_fleet_takes_over_within_half_a_year() -> None:
    """Gaps far shorter than the shipped tail knows: the silence that an alarm needs falls month by month, and not at once."""
    shipped, far = load_defaults().tails.by_kind[0], np.array([8.0])
    learning = Learning.start(load_defaults(), 0)
    short = np.random.default_rng(1).exponential(0.2, 4000)
    learning.gaps.append((short.astype(np.float32), np.zeros(4000, np.int8)))
    needed = []
    for month in range(8):
        learning.refit(Bank(), month * MONTH)
        needed.append(float(learning.tails.by_kind[0].inverse(far)[0]))
    assert needed[0] == pytest.approx(float(shipped.inverse(far)[0]), rel=0.01)
    assert (np.diff(needed[:6]) < 0).all()
    assert max(-np.diff(needed)) < 0.25 * needed[0]
    assert needed[6] == pytest.approx(needed[7], rel=0.01)
    assert needed[7] < 0.5 * needed[0]


def test_a_lull_slows_the_clock_of_a_slow_list_less() -> None:
    """Two lists of which one mails every other day; the dozen others rest."""
    engine = engine_of(14)
    for hour in range(21 * 24):
        pass_hour(engine, [*range(13), *([13] if hour % 48 == 0 else [])])
    for _ in range(8):
        pass_hour(engine, [0])
    assert engine.speed[0] < 0.5
    assert engine.speed[0] < engine.speed[13] < 0.8
