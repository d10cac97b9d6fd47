"""The protocol: labels, exposure, delays and intervals on cases that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from tests.bench.gaps.protocol import (
    Stream,
    false_alarms,
    injected_delays,
    measure,
    poisson_interval,
    record_of,
    threshold_for,
    trailing_rate,
)

DAILY = Stream("daily", np.arange(0.0, 24 * 60, 24.0), 24 * 60.0)


def test_a_gap_runs_to_the_next_send_and_the_last_to_the_end_of_observation() -> None:
    record = record_of([DAILY], warm_up=1)
    assert record.start.size == 60
    assert record.length.tolist() == [24.0] * 60
    assert record.closed.tolist() == [True] * 59 + [False]


def test_gaps_count_from_the_twentieth_send() -> None:
    assert record_of([DAILY]).counted.tolist() == [False] * 19 + [True] * 41


def test_sends_after_the_end_of_observation_are_left_out() -> None:
    record = record_of([Stream("daily", DAILY.times, 24 * 30.0)], warm_up=1)
    assert record.start[-1] == 24 * 30.0
    assert record.end[-1] == 24 * 30.0


def test_a_real_stop_is_longer_than_a_fortnight_and_twenty_mean_gaps() -> None:
    hourly = np.arange(0.0, 24 * 30, 1.0)
    for silence, is_stop in ((13 * 24.0, False), (15 * 24.0, True)):
        times = np.concatenate([hourly, hourly + hourly[-1] + silence])
        assert record_of([Stream("s", times, times[-1])], warm_up=1).is_stop.any() == is_stop
    slow = np.concatenate([np.arange(0.0, 8760, 168.0), [8760 + 15 * 24.0]])
    assert not record_of([Stream("s", slow, slow[-1])], warm_up=1).is_stop.any()


def test_trailing_rate_of_an_even_stream_is_its_rate() -> None:
    assert trailing_rate(np.arange(0.0, 2400, 6.0))[1:] == pytest.approx(4.0)


def test_one_slot_a_week_belongs_to_the_rarest_class() -> None:
    weekly = Stream("weekly", np.arange(0.0, 168.0 * 100, 168.0), 168.0 * 100)
    assert set(record_of([weekly], warm_up=2).rate_class[1:]) == {3}


def test_only_an_alarm_that_a_send_contradicts_is_false() -> None:
    record = record_of([DAILY], warm_up=1)
    early = false_alarms(record, record.start + 23.0)
    assert early.tolist() == [True] * 59 + [False]
    assert not false_alarms(record, record.start + 24.0).any()


def test_delays_are_counted_from_stops_spread_evenly_over_the_gap() -> None:
    record = record_of([DAILY], warm_up=1)
    delays = injected_delays(record, record.start + 36.0, record.exposed(2) | record.exposed(1), 4800)
    assert delays.min() == pytest.approx(12.0, abs=0.4)
    assert delays.max() == pytest.approx(36.0, abs=0.4)
    assert np.median(delays) == pytest.approx(24.0, abs=0.4)


def test_a_stop_under_an_open_alarm_has_no_delay() -> None:
    record = record_of([DAILY], warm_up=1)
    delays = injected_delays(record, record.start + 12.0, record.exposed(2) | record.exposed(1), 4800)
    assert np.mean(delays == 0.0) == pytest.approx(0.5, abs=0.01)


def test_real_stops_that_are_not_told_in_time_count_as_never() -> None:
    hourly = np.arange(0.0, 24 * 30, 1.0)
    times = np.concatenate([hourly, hourly + 2000.0])
    record = record_of([Stream("s", times, times[-1])])
    found = measure(record, record.start + 10.0, 0)
    missed = measure(record, record.start + 1e6, 0)
    assert (found.stops, found.stops_found, found.stop_median) == (1, 1, 10.0)
    assert (missed.stops, missed.stops_found, missed.stop_median) == (1, 0, float("inf"))


@pytest.mark.parametrize("count", [0, 1, 7, 40])
def test_poisson_interval_leaves_two_and_a_half_percent_on_each_side(count: int) -> None:
    low, high = poisson_interval(count, 2.0)
    assert poisson.cdf(count, high * 2.0) == pytest.approx(0.025)
    if count:
        assert poisson.sf(count - 1, low * 2.0) == pytest.approx(0.025)
    else:
        assert low == 0.0


def test_threshold_gives_the_wanted_number_of_false_alarms() -> None:
    random = np.random.default_rng(1)
    times = np.cumsum(random.exponential(2.0, 3000))
    record = record_of([Stream("s", times, times[-1])])
    for wanted in (0, 1, 10):
        threshold = threshold_for(record, record.length, 0, wanted)
        assert int((false_alarms(record, record.start + threshold) & record.exposed(0)).sum()) == wanted
