"""What completed gaps teach: a stream's level, hour-of-week profile and scale, and the deadlines that follow.

Everything is learned when a session begins, from the gap that has just ended and from nothing later, never during a
silence: a detector that learns from silence talks itself out of the alarm. All functions work on many rows at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.detect.arrivals import Sessions
from monitor.detect.bank import BUDGETS, MEMORIES, RING, Bank, Floats, Rows
from monitor.detect.calendar import HOURS_PER_WEEK, HOURS_PER_YEAR
from monitor.detect.defaults import Defaults
from monitor.detect.tails import Tails, classes_of, kinds_of

HALF_LIVES = np.array([[7.0], [21.0], [84.0], [56.0]]) * 24.0
HALF_LIFE_GAPS = np.array([[5.0], [12.0], [48.0], [40.0]])
FADES_WITH = np.array([0, 1, 2, 1])
"""Half-lives of the level's three memories and of the profile: hours, but at least so many mean gaps of that memory."""
SHARES = np.array([[0.5], [0.0], [0.5]])
"""How the memories' surprises are averaged: the short one knows what is new, the long one is not led astray by a fade-out."""
MOST_EXCUSED = np.array([1.6, 1.6, 1.15, 1.15])
"""By rate class: irregularity beyond this excuses no more. People who fade out would excuse the next pause with the last."""
UNLEARNED = 2
"""A stream's first gaps, measured with little more than the prior's level: they say nothing about its irregularity."""
SEND_TO_SEND = 1.5
DAY_TO_DAY = 0.75
"""Variance of a level's logarithm, by sends and by days known, of a stream as irregular as the pool or more: few days of
history say little, however many sends they held. Chosen so that early alarms keep the promise on development data."""
LONGEST_LESSON = 168.0
"""A gap teaches at most so many profile-hours (or eight mean gaps): a pause must not erase the level."""
SCALE_SHRINKAGE = 20.0
MARGINAL_SHRINKAGE = 24.0
CELL_SHRINKAGE = 120.0
LEAST_SURPRISE = float(np.log(4.0))
"""No alarm before a silence that three of four gaps do not reach, whatever the budget allows."""


def end_gaps(bank: Bank, sessions: Sessions, silences: Floats, cells: Rows) -> tuple[Floats, Floats]:
    """Learn from the silences (profile-hours) before `sessions`; the standardised gaps and the levels that they met come back.

    `cells`: the hour of the week, by row of the bank. A row's first session ends no gap and yields NaN, as do gaps while
    the stream had fewer than three sessions. `refresh` draws the conclusions later.
    """
    runs = sessions.runs
    mine, rows = runs.distinct, runs.rows
    gap = sessions.before > 0
    everywhere = bool(gap.all())
    elapsed = silences if everywhere else np.where(gap, silences, 0.0)
    rounds = runs.rounds()
    lessons = _learn_levels(bank, sessions, rounds, elapsed, gap)
    _learn_profiles(bank, sessions, rounds, lessons, cells[mine])
    middle = lessons.level[1]
    lasted, place = middle * elapsed, (sessions.before - 1 - UNLEARNED) % RING
    if everywhere:
        bank.ring[rows, place] = lasted
    else:
        bank.ring[rows[gap], place[gap]] = lasted[gap]
        bank.first[mine] = np.fmin(bank.first[mine], sessions.times[runs.first])
    gaps = _standardise(bank, rows, lessons.level, elapsed)
    gaps[sessions.before <= UNLEARNED] = np.nan
    bank.session[mine] = sessions.times[runs.last]
    bank.sessions[mine] = sessions.before[runs.last] + 1
    return gaps, middle


@dataclass(frozen=True, slots=True)
class _Lessons:
    """By session: the levels that its gap met (a row a memory), the wall hours that it teaches, how the profile fades."""

    level: Floats
    wall: Floats
    fade: NDArray[np.float32]


def _learn_levels(bank: Bank, sessions: Sessions, rounds: Sequence[Rows], elapsed: Floats, gap: NDArray[np.bool_]) -> _Lessons:
    runs = sessions.runs
    level_a, level_b = _by_memory(bank.level_a[runs.distinct]), _by_memory(bank.level_b[runs.distinct])
    wall = np.where(gap, sessions.wall, 0.0)
    lessons = _Lessons(np.empty((MEMORIES, wall.size)), wall, np.empty(wall.size, np.float32))
    for places in rounds:
        m, y, span = runs.member[places], elapsed[places], wall[places]
        a, b = level_a[:, m], level_b[:, m]
        level = a / b
        lesson = np.minimum(y, np.maximum(8.0 / level[1], LONGEST_LESSON))
        longer = y > lesson
        if longer.any():
            span = np.where(longer, span * lesson / np.maximum(y, 1e-9), span)
            wall[places] = span
        keep = 0.5 ** (span / np.maximum(HALF_LIVES, HALF_LIFE_GAPS / level[FADES_WITH]))
        level_a[:, m] = a * keep[:MEMORIES] + gap[places]
        level_b[:, m] = b * keep[:MEMORIES] + lesson
        lessons.level[:, places], lessons.fade[places] = level, keep[MEMORIES]
    bank.level_a[runs.distinct], bank.level_b[runs.distinct] = level_a.T, level_b.T
    return lessons


def _learn_profiles(bank: Bank, sessions: Sessions, rounds: Sequence[Rows], lessons: _Lessons, cells: Rows) -> None:
    runs = sessions.runs
    mine = runs.distinct
    counts, exposure = bank.counts[mine], bank.exposure[mine]
    week_hour = cells[runs.member] + sessions.times % 1.0
    watched = _hours_by_day(runs.before(week_hour, bank.week_hour[mine]), lessons.wall)
    for places in rounds:
        m, fade = runs.member[places], lessons.fade[places, None]
        counts[m] *= fade
        counts[m, cells[m]] += 1.0
        exposure[m] = exposure[m] * fade + watched[places]
    bank.counts[mine], bank.exposure[mine], bank.week_hour[mine] = counts, exposure, week_hour[runs.last]


def _by_memory(columns: Floats) -> Floats:
    """A row a memory instead of a column: sums over three memories are quicker so."""
    return np.ascontiguousarray(columns.T)


def refresh(bank: Bank, rows: Rows, defaults: Defaults, tails: Tails, feedback: Floats) -> None:
    """Profile, scale and limits of rows whose gaps ended in the hour that is over."""
    _refresh_profiles(bank, rows, defaults)
    _refresh_scales(bank, rows, defaults)
    set_limits(bank, rows, tails, feedback)


def standardise(bank: Bank, rows: Rows, elapsed: Floats) -> Floats:
    """v: the surprise of a silence of `elapsed` profile-hours, averaged over the memories.

    One memory's surprise is negative-binomial, g ln(1 + y/g), as its level is only known from g sessions' worth.
    """
    return _standardise(bank, rows, _levels(bank, rows), elapsed)


def _standardise(bank: Bank, rows: Rows, level: Floats, elapsed: Floats) -> Floats:
    grasp = _by_memory(bank.grasp[rows])
    return np.asarray((_weights(bank, rows) * grasp * np.log1p(elapsed * level / grasp)).sum(axis=0))


def _levels(bank: Bank, rows: Rows) -> Floats:
    """Sessions per profile-hour, a row a memory."""
    return _by_memory(bank.level_a[rows] / bank.level_b[rows])


def _weights(bank: Bank, rows: Rows) -> Floats:
    excused = np.minimum(bank.scale[rows], MOST_EXCUSED[bank.rate_class[rows]])
    return np.asarray(SHARES / excused)


def silence_until(bank: Bank, rows: Rows, v: Floats) -> Floats:
    """The profile-hours of silence at which `standardise` reaches `v`; inf where it is out of reach."""
    grasp, level = _by_memory(bank.grasp[rows]), _levels(bank, rows)
    weight = _weights(bank, rows) * grasp
    finite = np.isfinite(v)
    wanted = np.where(finite, v, 0.0)
    elapsed = np.zeros(rows.size)
    for _ in range(30):  # Newton's method; the curve is concave, so it comes from below and never overshoots
        spread = grasp + elapsed * level
        reached = (weight * np.log(spread / grasp)).sum(axis=0)
        step = (wanted - reached) / (weight * level / spread).sum(axis=0)
        # A row that has arrived stays where it is, whatever rows are reckoned with it.
        step = np.where(np.abs(step) > 1e-9 * elapsed, step, 0.0)
        if not step.any():
            break
        elapsed = elapsed + step
    return np.asarray(np.where(finite, elapsed, np.inf))


def gaps_kept(bank: Bank, rows: Rows) -> Rows:
    """How many places of `bank.ring` hold a gap."""
    return np.clip(bank.sessions[rows] - 1 - UNLEARNED, 0, RING)


def _refresh_scales(bank: Bank, rows: Rows, defaults: Defaults) -> None:
    """The irregularity of each row: its 90 % quantile and five largest rescaled gaps, shrunk to the pool."""
    filled = gaps_kept(bank, rows)
    has = filled > 0
    if not has.all():
        rows, filled = rows[has], filled[has]
    ring = np.where(np.arange(RING) >= filled[:, None], np.float32(0.0), -bank.ring[rows])
    falling = -np.sort(ring, axis=1)
    position = 0.1 * (filled - 1)
    low = position.astype(np.int64)
    index = np.arange(rows.size)
    share = position - low
    q90 = falling[index, low] * (1 - share) + falling[index, np.minimum(low + 1, filled - 1)] * share
    top5 = falling[:, :5].sum(axis=1) / np.minimum(filled, 5)
    own = np.log(np.maximum(q90, 1e-3)) + np.log(np.maximum(top5, 1e-3))
    pooled = np.log(defaults.q90) + np.log(defaults.top5)
    scale = np.exp(0.5 * (filled * own + SCALE_SHRINKAGE * pooled) / (filled + SCALE_SHRINKAGE))
    bank.scale[rows] = scale / defaults.scale


def _hours_by_day(start: Floats, span: Floats) -> Floats:
    """How many hours of each day of the week lie in `span` hours from the hour of the week `start`: one column a day."""
    days = 24.0 * np.arange(7)

    def until(hour: Floats) -> Floats:
        weeks, rest = np.divmod(hour, HOURS_PER_WEEK)
        return np.asarray(24.0 * weeks[:, None] + np.clip(rest[:, None] - days, 0.0, 24.0))

    return until(start + span) - until(start)


def _refresh_profiles(bank: Bank, rows: Rows, defaults: Defaults) -> None:
    """Own counts shrunk to own marginals, these to the pooled profile; a circular 1-2-1 smoother; mean 1.

    Counts are set against what was expected over the days really watched: in its first week a stream must not look
    dead on days that it has not lived through.
    """
    counts = bank.counts[rows].reshape(-1, 7, 24)
    pooled = (defaults.profile / HOURS_PER_WEEK).reshape(7, 24).astype(np.float32)
    total = counts.sum(axis=(1, 2))
    hours, days = pooled.sum(axis=0), pooled.sum(axis=1)
    by_hour = (counts.sum(axis=1) + MARGINAL_SHRINKAGE * hours) / (total[:, None] + MARGINAL_SHRINKAGE)
    watched = bank.exposure[rows] + 1.0
    by_day = _against(counts.sum(axis=2), days, watched, total, MARGINAL_SHRINKAGE)
    by_day /= by_day.sum(axis=1)[:, None]
    product = by_day[:, :, None] * by_hour[:, None, :]
    cells = _against(
        counts.reshape(-1, HOURS_PER_WEEK),
        product.reshape(-1, HOURS_PER_WEEK),
        np.repeat(watched, 24, axis=1),
        total,
        CELL_SHRINKAGE,
    )
    smooth = np.empty_like(cells)
    smooth[:, 1:-1] = cells[:, :-2] + 2 * cells[:, 1:-1] + cells[:, 2:]
    smooth[:, 0] = cells[:, -1] + 2 * cells[:, 0] + cells[:, 1]
    smooth[:, -1] = cells[:, -2] + 2 * cells[:, -1] + cells[:, 0]
    bank.profile[rows] = smooth * (HOURS_PER_WEEK / smooth.sum(axis=1))[:, None]


def _against(
    counts: NDArray[np.float32],
    share: NDArray[np.float32],
    watched: NDArray[np.float32],
    total: NDArray[np.float32],
    shrinkage: float,
) -> NDArray[np.float32]:
    """`share`, corrected by what was counted against what it leads us to expect over the `watched` hours."""
    expected = share * watched
    expected *= (total / expected.sum(axis=1))[:, None]
    prior = shrinkage * share
    return np.asarray(share * (counts + prior) / (expected + prior))


def set_limits(bank: Bank, rows: Rows, tails: Tails, feedback: Floats) -> None:
    """What alarms of `rows` are decided by, and how soon the first of them can be due.

    Most silences end long before, so the `deadlines` themselves are reckoned only for those that have lasted so long.
    """
    days = bank.exposure[rows].sum(axis=1, dtype=np.float64) / 24.0 + 1.0
    spread = np.minimum(bank.scale[rows] ** 2, 1.0)[:, None]
    bank.grasp[rows] = 1.0 / (spread * (SEND_TO_SEND / bank.level_a[rows] + (DAY_TO_DAY / days)[:, None]))
    level = _levels(bank, rows)
    classes = classes_of(level[1] * 24)
    bank.rate_class[rows] = classes
    bank.tail[rows] = kinds_of(classes, bank.scale[rows])
    least = _needed(bank, rows, level[1], tails, feedback, BUDGETS.max())
    # ln(1 + x) <= x: no silence is more surprising than with a level that is known for sure.
    bank.soonest[rows] = least / (_weights(bank, rows) * level).sum(axis=0) * (1.0 - 1e-9)


def deadlines(bank: Bank, rows: Rows, tails: Tails, feedback: Floats) -> Floats:
    """The profile-hours of silence at which each level's alarm is due, a column a level; inf while too little is learned."""
    level = bank.levels()[rows]
    v = _needed(bank, np.repeat(rows, BUDGETS.size), np.repeat(level, BUDGETS.size), tails, feedback, np.tile(BUDGETS, rows.size))
    return silence_until(bank, np.repeat(rows, BUDGETS.size), v).reshape(rows.size, BUDGETS.size)


def _needed(bank: Bank, rows: Rows, level: Floats, tails: Tails, feedback: Floats, multiple: Floats | float) -> Floats:
    """The standardised silence that an alarm needs with so many times the budget; inf where none is possible."""
    kinds = bank.tail[rows]
    surprise = np.log(level * HOURS_PER_YEAR / bank.budget[rows]) + feedback[kinds] - np.log(multiple)
    v = tails.inverse(np.maximum(surprise, LEAST_SURPRISE), kinds)
    v[(bank.sessions[rows] < bank.min_sessions[rows]) | ~np.isnan(bank.fixed[rows])] = np.inf
    return v


def surprises(bank: Bank, tails: Tails) -> Floats:
    """-ln P(a gap of this row lasts longer than its running silence), for every row."""
    rows = np.arange(bank.size)
    return tails.surprise(standardise(bank, rows, bank.view("elapsed")), bank.view("tail"))


def return_periods(bank: Bank, tails: Tails, feedback: Floats) -> Floats:
    """Years between silences as long as the running one, for every row; 0 where nothing is known yet."""
    log_years = surprises(bank, tails) - feedback[bank.view("tail")] - np.log(bank.levels() * HOURS_PER_YEAR)
    return np.where(bank.view("sessions") >= 2, np.exp(np.minimum(log_years, 50.0)), 0.0)
