"""Which time counts for a stream: proven time of the inboxes that witness it, less declared pauses.

An inbox is covered while every monitored folder of it is; a stream while at least one of its witnesses is. Time
before the first proof counts for learning (history, imports), but no alarm may be placed there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.detect.bank import Floats

_FIXED_POINT = 2.0**34
"""An hour: as fine as moments (hours since the epoch) are kept."""
Interval = tuple[float, float]
"""Half-open, hours since the epoch."""


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Sorted, disjoint intervals with the same union; empty ones vanish, touching ones join."""
    merged: list[Interval] = []
    for start, end in sorted(i for i in intervals if i[1] > i[0]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def intersect(one: Sequence[Interval], other: Sequence[Interval]) -> list[Interval]:
    """The time that lies in both; both are sorted and disjoint."""
    common: list[Interval] = []
    i = j = 0
    while i < len(one) and j < len(other):
        start, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if end > start:
            common.append((start, end))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return common


def subtract(intervals: Sequence[Interval], holes: Sequence[Interval]) -> list[Interval]:
    """What remains of `intervals` outside `holes`; both are sorted and disjoint."""
    rest: list[Interval] = []
    for first, end in intervals:
        start = first
        for a, b in holes:
            if b <= start or a >= end:
                continue
            if a > start:
                rest.append((start, a))
            start = max(start, b)
        if start < end:
            rest.append((start, end))
    return rest


@dataclass(frozen=True)
class CoveredTime:
    """Covered hours as a rising, piecewise linear function of time."""

    times: Floats
    totals: Floats
    alarms_from: float
    """No alarm may be placed before this hour."""
    pauses: tuple[Interval, ...] = ()
    """Declared ones, sorted and disjoint, also those to come."""

    @property
    def proven_until(self) -> float:
        """The end of what is proven; infinity where all time counts."""
        return float(self.times[-1]) if self.times.size else np.inf

    def at(self, time: float) -> float:
        """Covered hours up to `time` (only differences mean something)."""
        if self.times.size == 0:
            return time
        if time <= self.times[0]:
            return float(self.totals[0]) + (time - float(self.times[0]))
        return float(np.interp(time, self.times, self.totals))

    def at_each(self, times: Floats) -> Floats:
        """The same for many moments."""
        if self.times.size == 0:
            return times
        return np.asarray(np.interp(times, self.times, self.totals) + np.minimum(times - self.times[0], 0.0))

    def covers(self, times: Floats) -> NDArray[np.bool_]:
        """Which of these moments lie in covered time."""
        place = np.searchsorted(self.times, times, side="right")
        return np.asarray((place == 0) | (place % 2 == 1))

    def judged(self, start: Floats, end: Floats) -> Floats:
        """Covered hours between these moments in which an alarm may be placed, element by element."""
        first = np.minimum(np.maximum(start, self.alarms_from), end)
        return self.at_each(end) - self.at_each(first)

    def fixed_at(self, time: float) -> float:
        """The same in fixed point: sums of differences are exact, and the same whatever is proven before and after."""
        return time if self.times.size == 0 else round(self.at(time) * _FIXED_POINT) / _FIXED_POINT

    def when(self, total: float, earliest: float) -> float:
        """The first time, not before `earliest`, at which `at` reaches `total`."""
        if self.times.size == 0:
            return max(total, earliest)
        if total <= self.totals[0]:
            return max(float(self.times[0]) + (total - float(self.totals[0])), earliest)
        index = int(np.searchsorted(self.totals, total))
        if index >= self.totals.size:
            return earliest
        rise = float(self.totals[index] - self.totals[index - 1])
        share = (total - float(self.totals[index - 1])) / rise if rise > 0 else 0.0
        reached = float(self.times[index - 1]) + share * float(self.times[index] - self.times[index - 1])
        return max(reached, earliest)


ALWAYS = CoveredTime(np.empty(0), np.empty(0), -np.inf)
NEVER_AGAIN = np.inf


def covered_time(
    by_inbox: Mapping[str, Sequence[Interval]],
    live_from: Mapping[str, float],
    witnesses: Iterable[str],
    pauses: Sequence[Interval] = (),
) -> CoveredTime:
    """The covered time of a stream that `witnesses` receive.

    `by_inbox` holds sorted, disjoint proven intervals, `live_from` the first live proof of each inbox. Witnesses
    without any proof add nothing; where none has one, all time counts for learning and no alarm is possible.
    """
    proven = [name for name in witnesses if by_inbox.get(name)]
    union = merge(interval for name in proven for interval in by_inbox[name])
    lives = [live_from[name] for name in proven if name in live_from]
    alarms_from = min(lives, default=NEVER_AGAIN)
    if not union:
        return CoveredTime(np.empty(0), np.empty(0), NEVER_AGAIN) if not pauses else _function([], pauses, NEVER_AGAIN)
    return _function(union, pauses, alarms_from)


def paused_time(pauses: Sequence[Interval]) -> CoveredTime:
    """All time but declared pauses, for replays that count every hour as covered."""
    return _function([], pauses, -np.inf) if pauses else ALWAYS


def _function(union: Sequence[Interval], pauses: Sequence[Interval], alarms_from: float) -> CoveredTime:
    holes = merge(pauses)
    far = 1e9
    start = min([union[0][0] if union else far, *(a for a, _ in holes)])
    spans: list[Interval] = [(start - 1.0, union[0][0])] if union else [(start - 1.0, far)]
    counted = subtract(merge([*spans, *union]), holes)
    times: list[float] = []
    totals: list[float] = []
    total = 0.0
    for a, b in counted:
        times += [a, b]
        totals += [total, total + (b - a)]
        total += b - a
    return CoveredTime(np.array(times), np.array(totals), alarms_from, tuple(holes))
