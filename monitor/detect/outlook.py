"""When a running silence will have lasted so long, if nothing arrives and all stays covered: the engine's clock, run ahead.

Time ahead falls into stretches between changes of daylight saving and the edges of declared pauses. Within one, the weekly
profile repeats, so that a row costs one week's sums however far ahead it lies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from monitor.detect.bank import Bank, Floats, Rows
from monitor.detect.calendar import HOURS_PER_WEEK, hour_of_week, hours_of_week
from monitor.detect.witnesses import CoveredTime, Interval

_CHUNK = 4096
_AHEAD = 24 * 366
"""Hours over which changes of daylight saving are looked for."""


def reach(
    bank: Bank, rows: Rows, starts: Floats, needed: Floats, factor: Floats, zones: list[str], witnesses: Sequence[CoveredTime]
) -> Floats:
    """The time (hours) at which `needed` more profile-hours will have passed after `starts`, at the fleet's `factor`.

    NaN where `needed` is not finite. Declared pauses of the row's witness do not count.
    """
    return _by_kind(bank, rows, starts, needed / factor, zones, witnesses)


def wait(bank: Bank, rows: Rows, starts: Floats, needed: Floats, witnesses: Sequence[CoveredTime]) -> Floats:
    """The time at which `needed` more covered hours will have passed after `starts`; NaN where that is not finite."""
    return _by_kind(bank, rows, starts, needed, None, witnesses)


def _by_kind(
    bank: Bank, rows: Rows, starts: Floats, needed: Floats, zones: list[str] | None, witnesses: Sequence[CoveredTime]
) -> Floats:
    """Rows with the same zone and pauses go together; without zones every hour counts the same."""
    result = np.full(rows.size, np.nan)
    pauses: dict[tuple[Interval, ...], int] = {}
    paused = np.array([pauses.setdefault(w.pauses, len(pauses)) for w in witnesses], np.int64)[bank.witness[rows]]
    kinds = bank.zone[rows] * len(pauses) + paused if zones else paused
    places = np.nonzero(np.isfinite(needed) & np.isfinite(starts))[0]
    for kind in np.unique(kinds[places]).tolist():
        zone, pause = zones[kind // len(pauses)] if zones else "UTC", tuple(pauses)[kind % len(pauses)]
        mine = places[kinds[places] == kind]
        for chunk in np.array_split(mine, max(1, -(-mine.size // _CHUNK))):
            profile = bank.profile[rows[chunk]].astype(np.float64) if zones else np.ones((chunk.size, HOURS_PER_WEEK))
            result[chunk] = _reach(profile, starts[chunk], np.maximum(needed[chunk], 0.0), zone, pause)
    return result


def _reach(profile: Floats, starts: Floats, needed: Floats, zone: str, pauses: Sequence[Interval]) -> Floats:
    found = np.full(starts.size, np.nan)
    at, left = starts.copy(), needed.copy()
    for begin, end, is_paused in _stretches(float(starts.min()), zone, pauses):
        inside = np.nonzero(np.isnan(found) & (at < end))[0]
        if not inside.size:
            continue
        at[inside] = np.maximum(at[inside], begin)
        if not is_paused:
            weeks = _Weeks.of(profile[inside], at[inside], zone)
            reached = weeks.when(left[inside])
            is_there = reached <= end
            found[inside[is_there]] = reached[is_there]
            if is_there.all():
                continue
            left[inside] -= weeks.until(end)
        at[inside] = end
    return found


def _stretches(start: float, zone: str, pauses: Sequence[Interval]) -> Iterator[tuple[float, float, bool]]:
    """(begin, end, whether it is a pause) from `start` on, in order; the last one has no end."""
    changes = [float(h) for h in _changes(int(start) // (24 * 30) * (24 * 30), zone) if h > start]
    edges = sorted({start, *changes, *(edge for pause in pauses for edge in pause if edge > start)})
    for begin, end in zip(edges, [*edges[1:], np.inf], strict=True):
        yield begin, end, any(a <= begin < b for a, b in pauses)


@lru_cache(1024)
def _changes(hour: int, zone: str) -> tuple[int, ...]:
    """The hours from `hour` on that do not follow on the clock from the one before: daylight saving begins or ends."""
    steps = np.diff(hours_of_week(hour, _AHEAD, zone)) % HOURS_PER_WEEK
    return tuple((np.nonzero(steps != 1)[0] + hour + 1).tolist())


@dataclass(frozen=True)
class _Weeks:
    """The profile's sums over the week that begins at `starts`, row by row."""

    starts: Floats
    lag: Floats
    """How far into its first hour each start lies."""
    pace: Floats
    passed: Floats
    """At the end of each of the 169 pieces: the rest of the first hour, 167 hours, the beginning of that first hour."""

    @classmethod
    def of(cls, profile: Floats, starts: Floats, zone: str) -> _Weeks:
        hours = np.floor(starts).astype(np.int64)
        cells = np.array([hour_of_week(h, zone) for h in hours.tolist()], np.int64)
        order = (cells[:, None] + np.arange(HOURS_PER_WEEK + 1)[None, :]) % HOURS_PER_WEEK
        pace = np.take_along_axis(profile, order, axis=1)
        lag = starts - hours
        widths = np.ones_like(pace)
        widths[:, 0], widths[:, -1] = 1.0 - lag, lag
        return cls(starts, lag, pace, np.cumsum(pace * widths, axis=1))

    def when(self, needed: Floats) -> Floats:
        """When so many profile-hours will have passed."""
        week = self.passed[:, -1]
        weeks = np.floor(needed / week)
        rest = needed - weeks * week
        place = np.minimum((self.passed < rest[:, None]).sum(axis=1), HOURS_PER_WEEK)
        before, pace, begin = self._piece(place)
        share = np.where(pace > 0, (rest - before) / np.where(pace > 0, pace, 1.0), 0.0)
        return np.asarray(self.starts + begin + share + weeks * HOURS_PER_WEEK)

    def until(self, end: float) -> Floats:
        """How many profile-hours will have passed by `end`."""
        weeks, rest = np.divmod(end - self.starts, HOURS_PER_WEEK)
        before, pace, begin = self._piece(np.floor(rest + self.lag).astype(np.int64))
        return np.asarray(weeks * self.passed[:, -1] + before + (rest - begin) * pace)

    def _piece(self, place: Rows) -> tuple[Floats, Floats, Floats]:
        """What had passed before each row's piece, its pace, and when it begins, in hours from the start."""
        index = np.arange(place.size)
        before = np.where(place > 0, self.passed[index, np.maximum(place - 1, 0)], 0.0)
        return before, self.pace[index, place], np.where(place > 0, place - self.lag, 0.0)
