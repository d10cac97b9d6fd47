"""The oracle keeps its promise and nobody beats it; the rules measure what they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaincc

from tests.bench.gaps.oracle import Oracle, streams_of
from tests.bench.gaps.protocol import Stream, false_alarms, measure, record_of
from tests.bench.gaps.rules import HourOfWeekPoisson, Linear, rules_for, tuned_deadlines
from tests.bench.gaps.simulate import SimulatedList, Simulation, simulate

FIRST = 420_000
HOURS = 20_000


def known_list(shape: float) -> Simulation:
    """One list with gamma gaps around a level of one send in two hours at day and none at night."""
    random = np.random.default_rng(11)
    intensity = np.where(np.arange(HOURS) % 24 < 12, 0.5, 0.0)
    cumulated = np.concatenate([[0.0], np.cumsum(intensity)])
    marks = np.cumsum(random.gamma(shape, 1 / shape, 20_000))
    marks = marks[marks < cumulated[-1]]
    times = FIRST + np.interp(marks, cumulated, np.arange(cumulated.size))
    return Simulation(FIRST, FIRST + HOURS, (SimulatedList("known", "known", times, times, intensity, shape),))


@pytest.mark.parametrize("shape", [1.0, 4.0])
def test_the_oracle_realises_the_probability_that_it_promises(shape: float) -> None:
    simulation = known_list(shape)
    record = record_of(streams_of(simulation))
    chance = 0.02
    deadline = Oracle(simulation, record).deadline(np.full(record.start.size, -np.log(chance)))
    expected = record.counted.sum() * chance
    assert abs(false_alarms(record, deadline).sum() - expected) < 4 * np.sqrt(expected)


def test_score_and_deadline_of_the_oracle_agree() -> None:
    simulation = known_list(3.0)
    record = record_of(streams_of(simulation))
    oracle = Oracle(simulation, record)
    threshold = np.full(record.start.size, 2.0)
    inside = record.closed & (oracle.deadline(threshold) < record.end)
    assert np.array_equal(inside, record.closed & (oracle.score() > 2.0))


def test_a_poisson_process_is_told_after_minus_log_p_expected_sends() -> None:
    simulation = known_list(1.0)
    record = record_of(streams_of(simulation))
    deadline = Oracle(simulation, record).deadline(np.full(record.start.size, 3.0))
    by_day = (record.start - FIRST) % 24 < 1
    assert deadline[by_day] - record.start[by_day] == pytest.approx(6.0)
    assert gammaincc(1.0, 3.0) == pytest.approx(np.exp(-3.0))


def test_no_rule_is_quicker_than_the_oracle_at_the_same_false_alarms() -> None:
    simulation = simulate(9, 40, start=(2018, 6, 1), end=(2019, 6, 1))
    record = record_of(streams_of(simulation))
    false = dict.fromkeys(range(4), 40)
    best = measure(record, tuned_deadlines(record, Oracle(simulation, record), false), 0)
    for rule in rules_for(record):
        assert measure(record, tuned_deadlines(record, rule, false), 0).delay_median > best.delay_median, rule.name


def test_score_and_deadline_of_every_rule_agree() -> None:
    record = record_of(streams_of(simulate(10, 12, start=(2018, 6, 1), end=(2019, 1, 1))))
    counted = record.counted & record.closed
    for rule in rules_for(record):
        score = rule.score()
        threshold = float(np.quantile(score[counted], 0.9))
        early = rule.deadline(np.full(score.size, threshold)) < record.end
        assert np.array_equal(early[counted], score[counted] > threshold), rule.name


def test_rules_look_only_at_what_came_before() -> None:
    random = np.random.default_rng(2)
    times = FIRST + np.cumsum(random.exponential(3.0, 600))
    whole = record_of([Stream("s", times, times[-1])])
    half = record_of([Stream("s", times[:300], times[-1])])
    for a, b in zip(rules_for(whole), rules_for(half), strict=True):
        score_a, score_b = a.score()[30:299], b.score()[30:299]
        assert score_a == pytest.approx(score_b), a.name


def test_hour_of_week_poisson_learns_the_night() -> None:
    simulation = known_list(1.0)
    record = record_of(streams_of(simulation))
    rule = HourOfWeekPoisson(record)
    assert isinstance(rules_for(record)[0], Linear)
    waited = rule.deadline(np.full(record.start.size, 1.0)) - record.start
    hour = (record.start - FIRST) % 24
    late = record.counted & (record.position > 1500)
    assert np.median(waited[late & (hour > 11)]) > np.median(waited[late & (hour < 6)]) + 6
