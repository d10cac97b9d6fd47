"""The fleet clock: how active all other streams are, compared with what their levels led us to expect.

A stream's clock runs at this factor, so holidays, lulls after an election and partial faults of ours, which silence
many streams together, do not count as one stream's silence.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from monitor.detect.arrivals import RATE_DECAY, HourOfSends
from monitor.detect.bank import FLEET_WINDOW, Bank, Floats

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
    last, first = bank.view("last"), bank.view("first")
    with np.errstate(invalid="ignore"):
        count = bank.view("fleet_count") * np.exp(-RATE_DECAY * (hour - last))
        exposure = (1.0 - np.exp(-RATE_DECAY * (hour - first))) / RATE_DECAY + PRIOR_HOURS
        return np.asarray(np.where(np.isnan(last), 0.0, count / exposure))


def count_sends(fleet: Fleet, bank: Bank, sends: HourOfSends, hour: int) -> None:
    """Note the sends of an hour."""
    runs, slot = sends.runs, hour % FLEET_WINDOW
    bank.fleet_count[runs.distinct] = sends.fleet_count[runs.last]
    bank.recent[runs.distinct, slot] = np.add.reduceat(sends.weights, runs.first)
    fleet.seen[slot] = np.count_nonzero(~bank.is_group[runs.rows])


def factors(fleet: Fleet, bank: Bank, hour: int, share: Floats, profile: Floats) -> Floats:
    """The clock's speed in `hour` for every row, from the 24 hours before it; then open the books for `hour`.

    `share` is the covered share of the hour for each row, `profile` the value of each row's own profile in it. Each row
    is left out of its own fleet, a group with all of its streams. Sums are taken in fixed point, so that the order of
    rows cannot matter.
    """
    rate = rates(bank, hour)
    if _effective_number(bank, rate, hour) < LEAST_LISTS:
        speed = np.ones(bank.size)
    else:
        least = np.min([_activity(fleet, bank, hour, rate, window) for window in WINDOWS], axis=0)
        speed = np.where(bank.view("fleet_on"), np.clip(least, SLOWEST, FASTEST), 1.0)
    slot = hour % FLEET_WINDOW
    bank.recent[:, slot] = 0
    fleet.seen[slot] = 0.0
    member = _members(bank, rate, hour)
    fleet.expected[slot] = _exact_sum(np.where(member, rate * share * profile, 0.0))
    total = _exact_sum(np.where(member, rate, 0.0))
    fleet.usual[slot] = fleet.expected[slot] / total if total > 0 else 0.0
    return np.asarray(speed[bank.view("origin")])


def _activity(fleet: Fleet, bank: Bank, hour: int, rate: Floats, window: int) -> Floats:
    """What the others sent in the last `window` hours, against what was expected of them."""
    slots = (hour - 1 - np.arange(window)) % FLEET_WINDOW
    seen = fleet.seen[slots].sum() - bank.view("recent")[:, slots].sum(axis=1)
    expected = np.maximum(fleet.expected[slots].sum() - fleet.usual[slots].sum() * rate, 0.0)
    return np.asarray((seen + INERTIA) / (expected + INERTIA))


def _members(bank: Bank, rate: Floats, hour: int) -> np.ndarray:
    """Streams (not groups) that are active: silent for less than a week or six mean gaps."""
    mean_gap = 1.0 / bank.levels()
    with np.errstate(invalid="ignore"):
        active = hour - bank.view("last") < np.maximum(168.0, 6.0 * mean_gap)
    return np.asarray(active & ~bank.view("is_group") & (rate > 0))


def _effective_number(bank: Bank, rate: Floats, hour: int) -> float:
    """How many equal streams would vary as little as these: (sum r)² / sum r². One dominant list is no fleet."""
    mine = np.where(_members(bank, rate, hour), rate, 0.0)
    squares = _exact_sum(mine * mine)
    return _exact_sum(mine) ** 2 / squares if squares > 0 else 0.0


def _exact_sum(values: Floats) -> float:
    return float(np.rint(values * _FIXED_POINT).astype(np.int64).sum()) / _FIXED_POINT
