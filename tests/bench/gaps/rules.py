"""The rules that are in use today or in textbooks, each with one threshold.

A rule gives every gap a score that rises with the silence, and can say when a threshold will be reached. All of them
are causal; windows hold the last 128 gaps.

- fixed hours: what `absent_over_time` in Prometheus and the period and grace of Healthchecks do
- k × median gap, k × longest gap
- phi accrual with a normal distribution (Hayashibara, Défago, Yared, Katayama 2004), which ranks (silence - mean) / deviation
- Poisson with an exponentially weighted rate: expected sends in the silence
- Poisson with an hour-of-week profile besides (Ihler, Hutchins, Smyth 2006, without their event process)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import maximum_filter1d

from tests.bench.gaps.protocol import Floats, Ints, Record, threshold_for
from tests.bench.gaps.simulate import hours_of_week

WINDOW = 128
_WEEK = 168
_NEVER = 1e9
"""Longer than anyone waits."""
_PROFILE_HALF_LIFE_WEEKS = 8.0
_PRIOR_SENDS = 120.0
"""Sends' worth of even activity to which a profile is shrunk."""


class Rule(Protocol):
    """One detector over all gaps of a record."""

    @property
    def name(self) -> str: ...

    def score(self) -> Floats:
        """The score that each gap has reached at its end."""

    def deadline(self, threshold: Floats) -> Floats:
        """When each gap reaches its threshold, hours since the epoch."""


@dataclass(frozen=True)
class Linear:
    """A rule whose score is (silence - offset) / unit."""

    name: str
    record: Record
    offset: Floats
    unit: Floats

    def score(self) -> Floats:
        return np.asarray((self.record.length - self.offset) / self.unit)

    def deadline(self, threshold: Floats) -> Floats:
        return self.record.start + np.maximum(self.offset + threshold * self.unit, 0.0)


class HourOfWeekPoisson:
    """Expected sends in the silence, the trailing rate spread over the hours of the New York week.

    A stream's profile is learned weekly from the weeks before, with a half-life of eight weeks.
    """

    name = "hour-of-week Poisson"

    def __init__(self, record: Record) -> None:
        self.record = record
        first = int(record.start.min()) // _WEEK * _WEEK
        count = int(record.end.max()) - first + 2
        local, _ = hours_of_week(first, count)
        hour = np.floor(record.start).astype(np.int64)
        self._cell = local[hour - first]
        self._fraction = record.start - hour
        self._row, self._cumulated = self._profiles((hour - first) // _WEEK)
        self._begun = self._within(self._cell + self._fraction)

    def score(self) -> Floats:
        at = self._cell + self._fraction + self.record.length
        return np.asarray((self._within(at % _WEEK) + np.floor(at / _WEEK) * _WEEK - self._begun) * self.record.rate / 24)

    def deadline(self, threshold: Floats) -> Floats:
        target = self._begun + np.minimum(threshold, _NEVER) / self.record.rate * 24
        weeks = np.floor(target / _WEEK)
        at = self._invert(target - weeks * _WEEK) + weeks * _WEEK
        return np.asarray(self.record.start + np.maximum(at - self._cell - self._fraction, 0.0))

    def _profiles(self, week: Ints) -> tuple[Ints, Floats]:
        """For each gap the row of its cumulated profile (0 at Monday 00:00, 168 a week later), from earlier weeks."""
        keep = 0.5 ** (1 / _PROFILE_HALF_LIFE_WEEKS)
        rows = np.zeros(week.size, np.int64)
        tables: list[Floats] = []
        for part in self.record.slices():
            counts = np.zeros(_WEEK)
            known, latest = np.unique(week[part], return_index=True)
            edges = [*latest.tolist(), part.stop - part.start]
            for i, w in enumerate(known):
                if i:
                    counts *= keep ** (w - known[i - 1])
                rows[part.start + edges[i] : part.start + edges[i + 1]] = len(tables)
                profile = (counts + _PRIOR_SENDS / _WEEK) / (counts.sum() + _PRIOR_SENDS)
                tables.append(np.concatenate([[0.0], np.cumsum(profile)]) * _WEEK)
                np.add.at(counts, self._cell[part][edges[i] : edges[i + 1]], 1.0)
        return rows, np.array(tables)

    def _within(self, at: Floats) -> Floats:
        """The cumulated profile at `at` in [0, 168)."""
        cell = np.minimum(at.astype(np.int64), _WEEK - 1)
        low = self._cumulated[self._row, cell]
        return np.asarray(low + (self._cumulated[self._row, cell + 1] - low) * (at - cell))

    def _invert(self, amount: Floats) -> Floats:
        """Where the cumulated profile reaches `amount` in [0, 168): bisection over the cells of all gaps at once."""
        low, high = np.zeros(amount.size, np.int64), np.full(amount.size, _WEEK)
        while np.any(high - low > 1):
            middle = (low + high) // 2
            right = self._cumulated[self._row, middle] <= amount
            low, high = np.where(right, middle, low), np.where(right, high, middle)
        before = self._cumulated[self._row, low]
        return np.asarray(low + (amount - before) / (self._cumulated[self._row, low + 1] - before))


def rules_for(record: Record) -> list[Rule]:
    """Every rule over this record."""
    zero, one = np.zeros(record.start.size), np.ones(record.start.size)
    median = _windowed(record, _medians)
    longest = _windowed(record, _longest)
    mean, deviation = _windowed(record, _means), _windowed(record, _deviations)
    return [
        Linear("fixed hours", record, zero, one),
        Linear("k × median gap", record, zero, np.maximum(median, 1 / 60)),
        Linear("k × longest gap", record, zero, np.maximum(longest, 1 / 60)),
        Linear("phi accrual, normal", record, mean, np.maximum(deviation, 1 / 60)),
        Linear("Poisson, trailing rate", record, zero, 24 / record.rate),
        HourOfWeekPoisson(record),
    ]


def tuned_deadlines(record: Record, rule: Rule, false: dict[int, int]) -> Floats:
    """The rule's deadlines with one threshold a class, chosen in hindsight so that it gives `false[class]` false alarms."""
    score = rule.score()
    thresholds = np.array([threshold_for(record, score, c, n) for c, n in sorted(false.items())])
    return rule.deadline(thresholds[record.rate_class])


def _windowed(record: Record, summary: Callable[[Floats], Floats]) -> Floats:
    """`summary` over the completed gaps before each send; where there is none yet, a span that no one waits for."""
    result = np.full(record.start.size, _NEVER)
    for part in record.slices():
        gaps = record.length[part][:-1]
        if gaps.size:
            result[part.start + 1 : part.stop] = summary(gaps)
    return result


def _medians(gaps: Floats) -> Floats:
    early = [float(np.median(gaps[: i + 1])) for i in range(min(gaps.size, WINDOW - 1))]
    if gaps.size < WINDOW:
        return np.array(early)
    return np.concatenate([early, np.median(sliding_window_view(gaps, WINDOW), axis=1)])


def _longest(gaps: Floats) -> Floats:
    return np.asarray(maximum_filter1d(gaps, WINDOW, origin=WINDOW // 2 - 1, mode="constant", cval=0.0))


def _means(gaps: Floats) -> Floats:
    return _window_sum(gaps) / np.minimum(np.arange(1, gaps.size + 1), WINDOW)


def _deviations(gaps: Floats) -> Floats:
    spread = _window_sum(gaps**2) / np.minimum(np.arange(1, gaps.size + 1), WINDOW) - _means(gaps) ** 2
    return np.sqrt(np.maximum(spread, 0.0))


def _window_sum(values: Floats) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, values.size + 1)
    return np.asarray(total[ends] - total[np.maximum(ends - WINDOW, 0)])
