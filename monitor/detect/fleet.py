"""The fleet clock: how active all other streams are, compared with what their levels led us to expect.

A stream's clock runs at this factor, so holidays, lulls after an election and partial faults of ours, which silence
many streams together, do not count as one stream's silence.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from monitor.detect.arrivals import RATE_DECAY, HourOfSends
from monitor.detect.bank import FLEET_WINDOW, Bank, Floats, Rows

PRIOR_HOURS = 24.0
INERTIA = 12.0
"""Messages added to what was seen and to what was expected."""
SLOWEST, FASTEST = 0.05, 1.25
FOLLOWED = np.array([1.0, 1.0, 0.7, 0.7])
"""By rate class, the power of the fleet's activity by which a clock runs: lulls are those of the busy lists, mostly, and lists
with less than a mail a day follow them by half."""
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
    count = bank.view("fleet_count") * np.exp(-RATE_DECAY * (hour - last))
    exposure = (1.0 - np.exp(-RATE_DECAY * (hour - first))) / RATE_DECAY + PRIOR_HOURS
    return np.asarray(np.where(np.isnan(last), 0.0, count / exposure))


def count_sends(fleet: Fleet, bank: Bank, sends: HourOfSends, hour: int) -> None:
    """Note the sends of an hour; only now are those before it no more the last ones."""
    rows, slot = sends.runs.distinct, hour % FLEET_WINDOW
    bank.last[rows], bank.fleet_count[rows], bank.recent[rows, slot] = sends.last, sends.fleet_count, sends.number
    fleet.seen[slot] = sends.of_streams


def factors(fleet: Fleet, bank: Bank, hour: int, share: Floats, profile: Floats, excused: Rows) -> Floats:
    """The clock's speed in `hour` for every row, from the 24 hours before it; then open the books for `hour`.

    `share` is the covered share of the hour for each row, `profile` the value of each row's own profile in it. Each row
    is left out of its own fleet, a group with all of its streams; of the `excused` rows nothing is expected, while the
    others are fleet enough. Sums are taken in fixed point, so that the order of rows cannot matter.
    """
    rate = rates(bank, hour)
    mine = np.where(_members(bank, rate, hour), rate, 0.0)
    if excused.size:
        others = mine.copy()
        others[excused] = 0.0
        mine = others if _effective_number(others) >= LEAST_LISTS else mine
    total = _exact_sum(mine)
    if _effective_number(mine) < LEAST_LISTS:
        speed = np.ones(bank.size)
    else:
        least = np.minimum(np.maximum(_activity(fleet, bank, hour, rate), SLOWEST), FASTEST)
        speed = np.where(bank.view("fleet_on"), least ** FOLLOWED[bank.view("rate_class")], 1.0)
    slot = hour % FLEET_WINDOW
    bank.recent[:, slot] = 0
    fleet.seen[slot] = 0.0
    fleet.expected[slot] = _exact_sum(mine * share * profile)
    fleet.usual[slot] = fleet.expected[slot] / total if total > 0 else 0.0
    return speed


_NEWEST = (np.arange(FLEET_WINDOW)[:, None] - 1 - np.arange(FLEET_WINDOW)) % FLEET_WINDOW
"""The slots of the hours before the one in each slot, the newest first."""
_INSIDE = np.stack([(_NEWEST.argsort(axis=1) < window).astype(np.float32) for window in WINDOWS], axis=2)
"""Whether each slot lies in each window before the hour in a slot."""


def _activity(fleet: Fleet, bank: Bank, hour: int, rate: Floats) -> Floats:
    """What the others sent, against what was expected of them, in that of the WINDOWS before `hour` in which it is least."""
    newest, inside = _NEWEST[hour % FLEET_WINDOW], _INSIDE[hour % FLEET_WINDOW]
    own = np.ascontiguousarray((bank.view("recent").astype(np.float32) @ inside).T)
    seen, expected = fleet.seen @ inside, fleet.expected @ inside  # both exact: whole numbers, and in fixed point
    usual = np.array([np.add.reduce(fleet.usual[newest[:window]]) for window in WINDOWS])
    others = np.maximum(expected[:, None] - usual[:, None] * rate, 0.0)
    return np.asarray(((seen[:, None] - own + INERTIA) / (others + INERTIA)).min(axis=0))


def _members(bank: Bank, rate: Floats, hour: int) -> np.ndarray:
    """Streams (not groups) that are active: silent for less than a week or six mean gaps."""
    mean_gap = 1.0 / bank.levels()
    active = hour - bank.view("last") < np.maximum(168.0, 6.0 * mean_gap)
    return np.asarray(active & ~bank.view("is_group") & (rate > 0))


def _effective_number(rate: Floats) -> float:
    """How many equal streams would vary as little as these: (sum r)² / sum r². One dominant list is no fleet."""
    squares = _exact_sum(rate * rate)
    return _exact_sum(rate) ** 2 / squares if squares > 0 else 0.0


def _exact_sum(values: Floats) -> float:
    return float(np.add.reduce(np.rint(values * _FIXED_POINT).astype(np.int64))) / _FIXED_POINT
