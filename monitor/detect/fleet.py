"""The fleet clock: how active all other streams are, compared with what their levels led us to expect.

A stream's clock runs at this factor, so holidays, lulls after an election and partial faults of ours, which silence
many streams together, do not count as one stream's silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitor.detect.arrivals import RATE_DECAY, Arrivals
from monitor.detect.bank import FLEET_WINDOW, FOLLOWED, Bank, Floats, Rows
from monitor.detect.runs import runs_of

PRIOR_HOURS = 24.0
INERTIA = 12.0
"""Messages added to what was seen and to what was expected."""
SLOWEST, FASTEST = 0.05, 1.25
WINDOWS = (24, 12, 6)
"""Hours; the clock goes by the one that shows least activity, so that a lull is noticed as it begins."""
LEAST_LISTS = 8.0
"""Below so many (effective) active streams there is no fleet to speak of."""
_FIXED_POINT = 2.0**32


@dataclass
class Fleet:
    """Totals of the last 24 hours, by hour modulo 24."""

    seen: Floats = field(default_factory=lambda: np.zeros(FLEET_WINDOW))
    expected: Floats = field(default_factory=lambda: np.zeros(FLEET_WINDOW))
    usual: Floats = field(default_factory=lambda: np.zeros(FLEET_WINDOW))
    """What a stream that mails once an hour on average was expected to send in those hours, as the fleet goes."""

    def copy(self) -> Fleet:
        return Fleet(self.seen.copy(), self.expected.copy(), self.usual.copy())


def rates(bank: Bank, hour: float) -> Floats:
    """Messages an hour that each row has sent lately (14 days' half-life, decaying through a silence)."""
    return _rates(bank.view("fleet_count"), bank.view("last"), bank.view("first"), hour)


def _rates(count: Floats, last: Floats, first: Floats, hours: Floats | Rows | float) -> Floats:
    exposure = (1.0 - np.exp(-RATE_DECAY * (hours - first))) / RATE_DECAY + PRIOR_HOURS
    return np.asarray(np.where(np.isnan(last), 0.0, count * np.exp(-RATE_DECAY * (hours - last)) / exposure))


def open_day(bank: Bank, hour: int, cells: Rows) -> None:
    """Note what holds for the day that begins at `hour`; `cells`: the hours of the week of its 24 hours (rows), by zone.

    Members are streams (not groups) that are active: silent for less than a week or six mean gaps.
    """
    with np.errstate(invalid="ignore"):
        active = hour - bank.view("last") < np.maximum(168.0, 6.0 / bank.levels())
    bank.view("member")[:] = active & ~bank.view("is_group")
    bank.view("follows")[:] = np.where(bank.view("fleet_on"), FOLLOWED[bank.view("rate_class")], 0.0)
    bank.view("coming")[:] = bank.profile[np.arange(bank.size)[:, None], cells.T[bank.view("zone")]]


def factors(fleet: Fleet, bank: Bank, first: int, share: Floats, sends: Arrivals | None, excused: Rows) -> Floats:
    """The clock's speed in hours from `first` on (one row an hour) for every stream, each from the 24 hours before it.

    The hours are of one day, `share` is the covered share of each for each row, and what they bring is put down in the
    books. Each row is left out of its own fleet, a group with all of its streams; of the `excused` rows nothing is
    expected, while the others are fleet enough. Sums are taken in fixed point, so that no order can matter.
    """
    hours = first + np.arange(share.shape[0])
    last, count, number = _by_hour(bank, sends, hours)
    rate = _rates(count, last, bank.view("first"), hours[:, None])
    mine = np.where(bank.view("member"), rate, 0.0)
    if excused.size:
        others = mine.copy()
        others[:, excused] = 0.0
        mine = np.where((_effective_number(others) >= LEAST_LISTS)[:, None], others, mine)
    total = _fixed_sum(mine)
    expected = _fixed_sum(mine * share * bank.view("coming").T[hours % 24]) / _FIXED_POINT
    usual = np.rint(expected / np.maximum(total, 1.0) * _FIXED_POINT**2) / _FIXED_POINT
    seen = np.zeros(hours.size)
    if sends is not None:
        seen += np.bincount(sends.hours[~bank.is_group[sends.runs.rows]], minlength=hours.size)
    before = (first + np.arange(FLEET_WINDOW)) % FLEET_WINDOW
    own = np.concatenate((bank.view("recent").T[before], number))
    books = [np.append(old[before], new) for old, new in ((fleet.seen, seen), (fleet.expected, expected), (fleet.usual, usual))]
    speed = np.ones(share.shape)
    is_fleet = _effective_number(mine) >= LEAST_LISTS
    if is_fleet.any():
        least = np.minimum(np.maximum(_activity(own, books, rate), SLOWEST), FASTEST)
        speed[is_fleet] = _powers(least, bank.view("follows"))[is_fleet]
    slots = hours % FLEET_WINDOW
    bank.recent[: bank.size, slots] = number.T
    fleet.seen[slots], fleet.expected[slots], fleet.usual[slots] = seen, expected, usual
    if sends is not None:
        latest = sends.runs.last
        bank.last[sends.runs.distinct], bank.fleet_count[sends.runs.distinct] = sends.times[latest], sends.count[latest]
    return speed


def _by_hour(bank: Bank, sends: Arrivals | None, hours: Rows) -> tuple[Floats, Floats, NDArray[np.int16]]:
    """At the beginning of each hour the latest send of each row and its `fleet_count`; and how many sends it has in the hour."""
    shape = hours.size, bank.size
    last, count, number = np.empty(shape), np.empty(shape), np.zeros(shape, np.int16)
    last[0], count[0] = bank.view("last"), bank.view("fleet_count")
    if sends is None:
        last[1:], count[1:] = last[0], count[0]
        return last, count, number
    runs = runs_of(sends.runs.rows, sends.hours)
    in_hour, rows = sends.hours[runs.first], runs.distinct
    number[in_hour, rows] = np.add.reduceat(sends.weights, runs.first)
    order = np.argsort(in_hour, kind="stable")
    rows, latest = rows[order], runs.last[order]
    times, counts = sends.times[latest], sends.count[latest]
    ends = np.searchsorted(in_hour[order], np.arange(hours.size), side="right").tolist()
    begin = 0
    for hour, end in enumerate(ends[:-1]):
        last[hour + 1], count[hour + 1] = last[hour], count[hour]
        last[hour + 1, rows[begin:end]], count[hour + 1, rows[begin:end]] = times[begin:end], counts[begin:end]
        begin = end
    return last, count, number


def _activity(own: NDArray[np.int16], books: Sequence[Floats], rate: Floats) -> Floats:
    """What the others sent, against what was expected of them, in that of the WINDOWS before each hour in which it is least.

    `own` (by row) and `books` (what all sent, what was expected of all and of one) begin 24 hours before the first hour.
    """
    of_rows = np.zeros((own.shape[0] + 1, own.shape[1]))
    np.cumsum(own, axis=0, out=of_rows[1:])
    sums = [np.append(0, np.rint(book * _FIXED_POINT).astype(np.int64).cumsum()) for book in books]
    least = np.full(rate.shape, np.inf)
    for window in WINDOWS:
        before = slice(FLEET_WINDOW - window, -1 - window)
        seen, expected, usual = ((total[FLEET_WINDOW:-1] - total[before])[:, None] / _FIXED_POINT for total in sums)
        others = np.maximum(expected - usual * rate, 0.0) + INERTIA
        activity = (seen + INERTIA - (of_rows[FLEET_WINDOW:-1] - of_rows[before])) / others
        np.minimum(least, activity, out=least)
    return least


def _powers(activity: Floats, power: Floats) -> Floats:
    """Each column to its power, which is 1 for most and 0 for some."""
    result = activity.copy()
    for value in set(power.tolist()) - {1.0}:
        columns = power == value
        result[:, columns] = activity[:, columns] ** value
    return result


def _effective_number(rate: Floats) -> Floats:
    """How many equal streams would vary as little as these: (sum r)² / sum r². One dominant list is no fleet."""
    return np.asarray((_fixed_sum(rate) / _FIXED_POINT) ** 2 / np.maximum(_fixed_sum(rate * rate) / _FIXED_POINT, 1e-9))


def _fixed_sum(values: Floats) -> Floats:
    """The sum of each row in units of one by `_FIXED_POINT`."""
    return np.asarray(np.add.reduce(np.rint(values * _FIXED_POINT).astype(np.int64), axis=1).astype(np.float64))
