"""How long a stop would go unnoticed at the present setting: the mean time from a stop to its alarm, by day and by night."""

from __future__ import annotations

import numpy as np

from monitor.detect.bank import Bank, Floats, Rows
from monitor.detect.calendar import HOURS_PER_WEEK

DAY = slice(8, 20)
"""Hours of the stream's own day; the others are its night."""


def expected_delays(bank: Bank, rows: Rows, silence: Floats) -> tuple[Floats, Floats]:
    """Hours from a stop within the day and within the night to its alert, where all is covered and others mail as usual.

    `silence`: the profile-hours that an alert of each row needs. NaN where no alert can come. The silence that an
    alert needs has already run for a while when a stop happens: on average E[y²] / 2E[y] of the gaps y (the
    inspection paradox), so the delay is shorter by that.
    """
    gaps = bank.ring[rows].astype(np.float64)
    total = gaps.sum(axis=1)
    level = bank.level_a[rows, 1] / bank.level_b[rows, 1]
    age = np.where(total > 0, (gaps**2).sum(axis=1) / np.maximum(2.0 * total, 1e-9), 1.0) / level
    delays = np.array(
        [_delays(profile, left) for profile, left in zip(bank.profile[rows], np.maximum(silence - age, 0.0), strict=True)]
    )
    delays = delays.reshape(rows.size, HOURS_PER_WEEK)
    longest = bank.limit[rows]
    learned = bank.sessions[rows] >= bank.min_sessions[rows]
    with np.errstate(invalid="ignore"):
        delays = np.fmin(delays, np.where(np.isfinite(longest), np.maximum(longest - age, 0.0), np.nan)[:, None])
        delays = np.maximum(delays, (bank.floor[rows] - age)[:, None])
    by_hour = np.where(learned & np.isfinite(delays[:, 0]), delays.T, np.nan).T.reshape(rows.size, 7, 24)
    by_day = by_hour[:, :, DAY].mean(axis=(1, 2))
    return by_day, (by_hour.sum(axis=(1, 2)) - by_day * 84.0) / 84.0


def _delays(profile: Floats, left: float) -> Floats:
    """For a stop in the middle of each hour of the week: until `left` more profile-hours have passed; inf where never."""
    if not np.isfinite(left):
        return np.full(HOURS_PER_WEEK, np.inf)
    passed = np.concatenate(([0.0], np.cumsum(np.tile(profile, 2), dtype=np.float64)))
    weeks, rest = divmod(left, float(passed[HOURS_PER_WEEK]))
    starts = np.arange(HOURS_PER_WEEK) + 0.5
    begun = np.interp(starts, np.arange(passed.size), passed)
    return np.asarray(np.interp(begun + rest, passed, np.arange(passed.size)) - starts + HOURS_PER_WEEK * weeks)
