"""A stream's rhythm: how surprising a silence is by its level, profile and scale, and the deadlines that follow.

All functions work on many rows at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.detect.bank import BUDGETS, RING, Bank, Floats, Rows
from monitor.detect.calendar import HOURS_PER_WEEK, HOURS_PER_YEAR
from monitor.detect.defaults import Defaults
from monitor.detect.tails import Tails, classes_of, kinds_of

SHARES = np.array([[0.5], [0.0], [0.5]])
"""How the memories' surprises are averaged: the short one knows what is new, the long one is not led astray by a fade-out."""
MOST_EXCUSED, EXCUSED_AT = np.array([1.3, 1.6]), np.log([1.0 / 168, 1.0 / 24])
"""Irregularity beyond this excuses no more, at so many sessions an hour (logarithm; between them evenly). People who fade out
would excuse the next pause with the last."""
VARIATION_COUNTS, COUNTS_AT = np.array([0.5, 0.0]), np.log([2.0 / 24, 4.0 / 24])
"""How much (as a power) irregularity is told by the variation of all gaps, at so many sessions an hour, rather than by the
largest gaps alone. Of a busy list those tell of its quarters, holidays and bursts as well, which are what it is excused for."""
LONGEST_COUNTED = 5.0
"""Variation counts no gap as longer than so many mean gaps: one pause must not decide it."""
LEAST_VARIATION = np.array([0.85, 0.65])
"""No list is taken to be more regular by its variation than this, where EXCUSED_AT: few gaps hold few surprises."""
UNLEARNED = 2
"""A stream's first gaps, measured with little more than the prior's level: they say nothing about its irregularity."""
SEND_TO_SEND = 1.5
DAY_TO_DAY = 0.75
"""Variance of a level's logarithm, by sends and by days known, of a stream as irregular as the pool or more: few days of
history say little, however many sends they held. Chosen so that early alarms keep the promise on development data."""
SCALE_SHRINKAGE = 20.0
MARGINAL_SHRINKAGE = 24.0
CELL_SHRINKAGE = 120.0
AT_ONCE = 512
"""Rows whose profiles are learned together: as many as a processor has at hand without asking the memory over and over."""
LEAST_SURPRISE = float(np.log(4.0))
"""No alarm before a silence that three of four gaps do not reach, whatever the budget allows."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What silences are measured by, one place each: `level` (sessions per profile-hour) and `grasp` have a row a memory."""

    level: Floats
    grasp: Floats
    scale: Floats
    rate_class: Rows
    tail: Rows

    @classmethod
    def of(cls, bank: Bank, rows: Rows) -> Rhythm:
        """As it is now."""
        level = bank.level_a.take(rows, axis=0) / bank.level_b.take(rows, axis=0)
        columns = bank.scale[rows], bank.rate_class[rows], bank.tail[rows]
        return cls(by_memory(level), by_memory(bank.grasp.take(rows, axis=0)), *columns)

    @classmethod
    def learned(cls, level_a: Floats, level: Floats, watched: Floats, scale: Floats) -> Rhythm:
        """After `level_a` sessions and `watched` hours (both fading), which say how well the level is known."""
        days = watched / 24.0 + 1.0
        grasp = 1.0 / (np.minimum(scale**2, 1.0) * (SEND_TO_SEND / level_a + DAY_TO_DAY / days))
        classes = classes_of(level[1] * 24)
        return cls(level, grasp, scale, classes, kinds_of(classes, scale))

    def at(self, places: Rows | slice) -> Rhythm:
        return Rhythm(
            self.level[:, places], self.grasp[:, places], self.scale[places], self.rate_class[places], self.tail[places]
        )

    @property
    def weights(self) -> Floats:
        """How much each memory's surprise counts."""
        return np.asarray(SHARES / self.scale)

    def standardise(self, elapsed: Floats) -> Floats:
        """v: the surprise of a silence of `elapsed` profile-hours, averaged over the memories.

        One memory's surprise is negative-binomial, g ln(1 + y/g), as its level is only known from g sessions' worth.
        """
        return np.asarray(np.add.reduce(self.weights * self.grasp * np.log1p(elapsed * self.level / self.grasp)))

    def silence_until(self, v: Floats) -> Floats:
        """The profile-hours of silence at which `standardise` reaches `v`; inf where it is out of reach."""
        grasp, level = self.grasp, self.level
        weight = self.weights * grasp
        finite = np.isfinite(v)
        wanted = np.where(finite, v, 0.0)
        elapsed = np.zeros(v.size)
        for _ in range(30):  # Newton's method; the curve is concave, so it comes from below and never overshoots
            spread = grasp + elapsed * level
            reached = np.add.reduce(weight * np.log(spread / grasp))
            step = (wanted - reached) / np.add.reduce(weight * level / spread)
            # A row that has arrived stays where it is, whatever rows are reckoned with it.
            step = np.where(np.abs(step) > 1e-9 * elapsed, step, 0.0)
            if not np.count_nonzero(step):
                break
            elapsed = elapsed + step
        return np.asarray(np.where(finite, elapsed, np.inf))


def by_memory(columns: Floats) -> Floats:
    """A row a memory instead of a column: sums over three memories are quicker so."""
    return np.ascontiguousarray(columns.T)


def gaps_kept(bank: Bank, rows: Rows) -> Rows:
    """How many places of `bank.ring` hold a gap."""
    return np.asarray(np.clip(bank.sessions[rows] - 1 - UNLEARNED - bank.unringed[rows], 0, RING))


_FILLED = np.arange(1, RING + 1)
_POSITION = 0.1 * (_FILLED - 1)
_LOW = _POSITION.astype(np.int64)
_NEXT = np.minimum(_LOW + 1, _FILLED - 1)
"""Where the 90 % quantile lies among so many gaps, counted from the largest: between these two, after this share."""


def refresh_scales(bank: Bank, rows: Rows, level: Floats, defaults: Defaults) -> None:
    """The irregularity of each row, in units of the pool's, by its extremes and the slower it is by its variation, too.

    `level`: sessions per profile-hour, by row.
    """
    filled = gaps_kept(bank, rows)
    stirred = bank.stirred[rows] & (filled > 0)
    if np.count_nonzero(stirred):
        _refresh_extremes(bank, rows[stirred], filled[stirred], defaults)
    log_level = np.log(level)
    scale = bank.extremes[rows]
    power = np.interp(log_level, COUNTS_AT, VARIATION_COUNTS)
    places = ((power > 0) & (filled > 0)).nonzero()[0]
    if places.size:
        variation = _variation(bank, rows[places], filled[places], defaults)
        variation = np.maximum(variation, _at(log_level[places], LEAST_VARIATION))
        share = power[places]
        scale[places] = scale[places] ** (1.0 - share) * variation**share
    bank.scale[rows] = np.minimum(scale, _at(log_level, MOST_EXCUSED))


def _at(log_level: Floats, bounds: Floats) -> Floats:
    """The bound of irregularity at each level, of those given where EXCUSED_AT."""
    return np.asarray(np.exp(np.interp(log_level, EXCUSED_AT, np.log(bounds))))


def _refresh_extremes(bank: Bank, rows: Rows, filled: Rows, defaults: Defaults) -> None:
    """By the 90 % quantile and the five largest rescaled gaps, shrunk to the pool."""
    ring = bank.ring.take(rows, axis=0)
    ring.sort(axis=1)  # places without a gap hold 0
    bank.brink[rows], bank.stirred[rows] = np.where(filled == RING, ring[:, RING - 1 - _NEXT[-1]], 0.0), False
    index, place = np.arange(rows.size), filled - 1
    share = (_POSITION - _LOW)[place]
    q90 = ring[index, RING - 1 - _LOW[place]] * (1 - share) + ring[index, RING - 1 - _NEXT[place]] * share
    top5 = ring.take([RING - 1, RING - 2, RING - 3, RING - 4, RING - 5], axis=1)
    top5 = np.add.reduce(top5, axis=1) / np.minimum(filled, 5)
    own = np.log(np.maximum(q90, 1e-3)) + np.log(np.maximum(top5, 1e-3))
    pooled = np.log(defaults.q90) + np.log(defaults.top5)
    scale = np.exp(0.5 * (filled * own + SCALE_SHRINKAGE * pooled) / (filled + SCALE_SHRINKAGE))
    bank.extremes[rows] = scale / defaults.scale


def _variation(bank: Bank, rows: Rows, filled: Rows, defaults: Defaults) -> Floats:
    """The coefficient of variation of the rescaled gaps, shrunk to the pool's and in units of it."""
    ring = np.minimum(bank.ring.take(rows, axis=0), np.float32(LONGEST_COUNTED))  # places without a gap hold 0
    mean = np.add.reduce(ring, axis=1, dtype=np.float64) / filled
    squares = np.einsum("ij,ij->i", ring, ring, dtype=np.float64)
    own = np.maximum(squares / np.maximum(mean, 1e-3) ** 2 - filled, 0.0)
    pooled = defaults.variation**2
    return np.asarray(np.sqrt((own + SCALE_SHRINKAGE * pooled) / (filled + SCALE_SHRINKAGE) / pooled))


def refresh_profiles(bank: Bank, rows: Rows, worth: Floats, defaults: Defaults) -> None:
    """Own counts shrunk to own marginals, these to the pooled profile; a circular 1-2-1 smoother; mean 1.

    Counts are set against what was expected over the days really watched: in its first week a stream must not look
    dead on days that it has not lived through. What a session counts is `worth` before, and 1 from now on.
    """
    for begin in range(0, rows.size, AT_ONCE):
        _refresh_profiles(bank, rows[begin : begin + AT_ONCE], worth[begin : begin + AT_ONCE], defaults)


def _refresh_profiles(bank: Bank, rows: Rows, worth: Floats, defaults: Defaults) -> None:
    one = worth.astype(np.float32)[:, None]
    counts, exposure = bank.counts.take(rows, axis=0) / one, bank.exposure.take(rows, axis=0) / one
    bank.counts[rows], bank.exposure[rows] = counts, exposure
    by_day_and_hour = counts.reshape(-1, 7, 24)
    hours, days = defaults.marginals
    total = np.add.reduce(counts, axis=1)
    by_hour = (np.einsum("ijk->ik", by_day_and_hour) + MARGINAL_SHRINKAGE * hours) / (total[:, None] + MARGINAL_SHRINKAGE)
    watched = exposure + 1.0
    by_day = _against(np.add.reduce(by_day_and_hour, axis=2), days, watched, total, MARGINAL_SHRINKAGE)
    by_day /= np.add.reduce(by_day, axis=1)[:, None]
    product = (by_day[:, :, None] * by_hour[:, None, :]).reshape(-1, HOURS_PER_WEEK)
    around = np.empty((rows.size, HOURS_PER_WEEK + 2), np.float32)
    around[:, 1:-1] = _against(counts, product, np.repeat(watched, 24, axis=1), total, CELL_SHRINKAGE)
    around[:, 0], around[:, -1] = around[:, -2], around[:, 1]
    smooth = around[:, :-2] + 2 * around[:, 1:-1]
    smooth += around[:, 2:]
    smooth *= (HOURS_PER_WEEK / np.add.reduce(smooth, axis=1))[:, None]
    bank.profile[rows] = smooth


def _against(
    counts: NDArray[np.float32],
    share: NDArray[np.float32],
    watched: NDArray[np.float32],
    total: NDArray[np.float32],
    shrinkage: float,
) -> NDArray[np.float32]:
    """`share`, corrected by what was counted against what it leads us to expect over the `watched` hours."""
    expected = share * watched
    expected *= (total / np.add.reduce(expected, axis=1))[:, None]
    prior = shrinkage * share
    found = counts + prior
    found *= share
    found /= expected + prior
    return found


def set_limits(bank: Bank, rows: Rows, tails: Tails, feedback: Floats) -> None:
    """How soon the first alarm of `rows` can be due, with other tails or budgets than before."""
    bank.soonest[rows] = soonest(bank, rows, Rhythm.of(bank, rows), bank.sessions[rows], tails, feedback)
    bank.deadline[rows] = np.nan


def soonest(bank: Bank, rows: Rows, rhythm: Rhythm, sessions: Rows, tails: Tails, feedback: Floats) -> Floats:
    """The profile-hours of silence before which no alarm of `rows` can be due, after so many sessions.

    Most silences end long before, so the deadlines themselves are reckoned only for those that have lasted so long.
    """
    least = _needed(bank, rows, rhythm, sessions, tails, feedback, BUDGETS.max())
    # ln(1 + x) <= x: no silence is more surprising than with a level that is known for sure.
    return np.asarray(least / np.add.reduce(rhythm.weights * rhythm.level) * (1.0 - 1e-9))


def deadlines(bank: Bank, rows: Rows, tails: Tails, feedback: Floats) -> Floats:
    """The profile-hours of silence at which each level's alarm is due, a column a level; inf while too little is learned."""
    return deadlines_by(bank, rows, Rhythm.of(bank, rows), bank.sessions[rows], tails, feedback)


def deadlines_by(bank: Bank, rows: Rows, rhythm: Rhythm, sessions: Rows, tails: Tails, feedback: Floats) -> Floats:
    """The same by a rhythm that need not be the present one, after so many sessions."""
    each = np.repeat(np.arange(rows.size), BUDGETS.size)
    rhythm = rhythm.at(each)
    v = _needed(bank, rows[each], rhythm, sessions[each], tails, feedback, np.tile(BUDGETS, rows.size))
    return rhythm.silence_until(v).reshape(rows.size, BUDGETS.size)


def _needed(
    bank: Bank, rows: Rows, rhythm: Rhythm, sessions: Rows, tails: Tails, feedback: Floats, multiple: Floats | float
) -> Floats:
    """The standardised silence that an alarm needs with so many times the budget; inf where none is possible."""
    kinds = rhythm.tail
    surprise = (
        np.log(rhythm.level[1] * HOURS_PER_YEAR / bank.budget[rows]) + feedback[kinds] + bank.feedback[rows] - np.log(multiple)
    )
    v = tails.inverse(np.maximum(surprise, LEAST_SURPRISE), kinds)
    v[(sessions < bank.min_sessions[rows]) | ~np.isnan(bank.fixed[rows])] = np.inf
    return v


def surprises(bank: Bank, tails: Tails) -> Floats:
    """-ln P(a gap of this row lasts longer than its running silence), for every row."""
    rows = np.arange(bank.size)
    return tails.surprise(Rhythm.of(bank, rows).standardise(bank.view("elapsed")), bank.view("tail"))


def return_periods(bank: Bank, tails: Tails, feedback: Floats) -> Floats:
    """Years between silences as long as the running one, for every row; 0 where nothing is known yet."""
    corrected = surprises(bank, tails) - feedback[bank.view("tail")] - bank.view("feedback")
    log_years = corrected - np.log(bank.levels() * HOURS_PER_YEAR)
    return np.where(bank.view("sessions") >= 2, np.exp(np.minimum(log_years, 50.0)), 0.0)
