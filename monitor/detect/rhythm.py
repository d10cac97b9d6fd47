"""What completed gaps teach: a stream's level, hour-of-week profile and scale, and the deadlines that follow.

Everything is learned when a session begins, from the gap that has just ended and from nothing later, never during a
silence: a detector that learns from silence talks itself out of the alarm. All functions work on many rows at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.detect.arrivals import Flags, Sessions, hours_by_day
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
ALL = slice(None)
LEAST_PACE = 0.25
"""What ends while the fleet slows the clock to less teaches neither level nor irregularity: whoever mails on while most are
silent would look faster and more regular than ever, and would be suspected when they are back."""
LEAST_SURPRISE = float(np.log(4.0))
"""No alarm before a silence that three of four gaps do not reach, whatever the budget allows."""


def end_gaps(bank: Bank, sessions: Sessions, silences: Floats, steady: Flags, seen: Flags) -> tuple[Floats, Floats]:
    """Learn from the silences (profile-hours) before `sessions`; the standardised gaps and the levels that they met come back.

    `steady`: by session, whether the fleet let the clock run fast enough for level and irregularity to be learned. `seen`:
    whether it began in covered time. One that did not (its mail was found later) adds the hours before it to the level
    and not itself: no hours stand for what is sent while none count. A row's first session ends no gap and yields NaN, as
    do gaps whose end nobody saw, and those while the stream had fewer than three sessions. `refresh` draws the conclusions
    later.
    """
    mine, rows = sessions.distinct, sessions.rows
    gap = sessions.before > 0
    kept = sessions.before > UNLEARNED
    elapsed = silences if np.count_nonzero(gap) == gap.size else np.where(gap, silences, 0.0)
    lessons = _learn_levels(bank, sessions, elapsed, gap, seen, steady)
    _learn_profiles(bank, sessions, lessons)
    middle = lessons.level[1]
    gaps = _standardise(bank, rows, lessons.level, elapsed)
    ringed = kept & steady & seen
    lasted, place = middle * elapsed, _ring_places(bank, sessions, kept & ~ringed)
    stirs = np.maximum(lasted.astype(np.float32), bank.ring[rows, place]) >= bank.brink[rows]
    bank.stirred[rows[stirs]] = True
    if np.count_nonzero(ringed) == kept.size:
        bank.ring[rows, place] = lasted
    else:
        bank.ring[rows[ringed], place[ringed]] = lasted[ringed]
        gaps[~(kept & seen)] = np.nan
        bank.first[mine] = np.fmin(bank.first[mine], sessions.times[: mine.size])
    bank.session[mine] = sessions.times[sessions.last]
    bank.sessions[mine] = sessions.before[sessions.last] + 1
    return gaps, middle


def _ring_places(bank: Bank, sessions: Sessions, left_out: Flags) -> Rows:
    """Where in its row's ring each session's gap belongs; those left out take no place."""
    number = sessions.before - 1 - UNLEARNED
    if not np.count_nonzero(left_out):
        return np.asarray((number - bank.unringed[sessions.rows]) % RING)
    for places in sessions.rounds:
        rows = sessions.rows[places]
        number[places] -= bank.unringed[rows]
        bank.unringed[rows] += left_out[places]
    return np.asarray(number % RING)


@dataclass(frozen=True, slots=True)
class _Lessons:
    """By session: the levels that its gap met (a row a memory), how the profile fades, and the hours it teaches, by day."""

    level: Floats
    fade: NDArray[np.float32]
    watched: Floats


def _learn_levels(bank: Bank, sessions: Sessions, elapsed: Floats, gap: Flags, seen: Flags, steady: Flags) -> _Lessons:
    mine = sessions.distinct
    level_a, level_b = _by_memory(bank.level_a.take(mine, axis=0)), _by_memory(bank.level_b.take(mine, axis=0))
    wall = sessions.wall if np.count_nonzero(gap) == gap.size else np.where(gap, sessions.wall, 0.0)
    counted, shortened = gap & seen, False
    levels, fade = np.empty((MEMORIES, wall.size)), np.empty(wall.size, np.float32)
    for number, places in enumerate(sessions.rounds):
        m = sessions.member[places] if number else ALL
        y, span = elapsed[places], wall[places]
        a, b = level_a[:, m], level_b[:, m]
        level = a / b
        lesson = np.minimum(y, np.maximum(8.0 / level[1], LONGEST_LESSON))
        longer = y > lesson
        if np.count_nonzero(longer):
            span = np.where(longer, span * lesson / np.maximum(y, 1e-9), span)
            wall, shortened = wall.copy(), True
            wall[places] = span
        keep = 0.5 ** (span / np.maximum(HALF_LIVES, HALF_LIFE_GAPS / level[FADES_WITH]))
        new_a, new_b, teaches = a * keep[:MEMORIES] + counted[places], b * keep[:MEMORIES] + lesson, steady[places]
        if np.count_nonzero(teaches) < teaches.size:
            new_a, new_b = np.where(teaches, new_a, a), np.where(teaches, new_b, b)
        level_a[:, m], level_b[:, m] = new_a, new_b
        levels[:, places], fade[places] = level, keep[MEMORIES]
    bank.level_a[mine], bank.level_b[mine] = level_a.T, level_b.T
    return _Lessons(levels, fade, hours_by_day(sessions.week_hour, wall) if shortened else sessions.watched)


def _learn_profiles(bank: Bank, sessions: Sessions, lessons: _Lessons) -> None:
    mine = sessions.distinct
    counts, exposure = bank.counts.take(mine, axis=0), bank.exposure.take(mine, axis=0)
    for number, places in enumerate(sessions.rounds):
        member, fade = sessions.member[places], lessons.fade[places, None]
        m = member if number else ALL
        counts[m] *= fade
        counts[member, sessions.cells[places]] += 1.0
        exposure[m] = exposure[m] * fade + lessons.watched[places]
    bank.counts[mine], bank.exposure[mine] = counts, exposure
    bank.week_hour[mine] = sessions.cells[sessions.last] + sessions.times[sessions.last] % 1.0


def _by_memory(columns: Floats) -> Floats:
    """A row a memory instead of a column: sums over three memories are quicker so."""
    return np.ascontiguousarray(columns.T)


def refresh(bank: Bank, rows: Rows, defaults: Defaults, tails: Tails, feedback: Floats) -> None:
    """Profile, scale and limits of rows whose gaps ended in the hour that is over."""
    _refresh_profiles(bank, rows, defaults)
    _refresh_scales(bank, rows[bank.stirred[rows]], defaults)
    set_limits(bank, rows, tails, feedback)


def standardise(bank: Bank, rows: Rows, elapsed: Floats) -> Floats:
    """v: the surprise of a silence of `elapsed` profile-hours, averaged over the memories.

    One memory's surprise is negative-binomial, g ln(1 + y/g), as its level is only known from g sessions' worth.
    """
    return _standardise(bank, rows, _levels(bank, rows), elapsed)


def _standardise(bank: Bank, rows: Rows, level: Floats, elapsed: Floats) -> Floats:
    grasp = _by_memory(bank.grasp.take(rows, axis=0))
    return np.asarray(np.add.reduce(_weights(bank, rows) * grasp * np.log1p(elapsed * level / grasp)))


def _levels(bank: Bank, rows: Rows) -> Floats:
    """Sessions per profile-hour, a row a memory."""
    return _by_memory(bank.level_a.take(rows, axis=0) / bank.level_b.take(rows, axis=0))


def _weights(bank: Bank, rows: Rows) -> Floats:
    excused = np.minimum(bank.scale[rows], MOST_EXCUSED[bank.rate_class[rows]])
    return np.asarray(SHARES / excused)


def silence_until(bank: Bank, rows: Rows, v: Floats) -> Floats:
    """The profile-hours of silence at which `standardise` reaches `v`; inf where it is out of reach."""
    grasp, level = _by_memory(bank.grasp.take(rows, axis=0)), _levels(bank, rows)
    weight = _weights(bank, rows) * grasp
    finite = np.isfinite(v)
    wanted = np.where(finite, v, 0.0)
    elapsed = np.zeros(rows.size)
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


def gaps_kept(bank: Bank, rows: Rows) -> Rows:
    """How many places of `bank.ring` hold a gap."""
    return np.asarray(np.clip(bank.sessions[rows] - 1 - UNLEARNED - bank.unringed[rows], 0, RING))


_FILLED = np.arange(1, RING + 1)
_POSITION = 0.1 * (_FILLED - 1)
_LOW = _POSITION.astype(np.int64)
_NEXT = np.minimum(_LOW + 1, _FILLED - 1)
"""Where the 90 % quantile lies among so many gaps, counted from the largest: between these two, after this share."""


def _refresh_scales(bank: Bank, rows: Rows, defaults: Defaults) -> None:
    """The irregularity of each row: its 90 % quantile and five largest rescaled gaps, shrunk to the pool."""
    filled = gaps_kept(bank, rows)
    if np.count_nonzero(filled) < filled.size:
        rows, filled = rows[filled > 0], filled[filled > 0]
    if not rows.size:
        return
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
    bank.scale[rows] = scale / defaults.scale


def _refresh_profiles(bank: Bank, rows: Rows, defaults: Defaults) -> None:
    """Own counts shrunk to own marginals, these to the pooled profile; a circular 1-2-1 smoother; mean 1.

    Counts are set against what was expected over the days really watched: in its first week a stream must not look
    dead on days that it has not lived through.
    """
    counts = bank.counts.take(rows, axis=0)
    by_day_and_hour = counts.reshape(-1, 7, 24)
    hours, days = defaults.marginals
    total = np.add.reduce(counts, axis=1)
    by_hour = (np.einsum("ijk->ik", by_day_and_hour) + MARGINAL_SHRINKAGE * hours) / (total[:, None] + MARGINAL_SHRINKAGE)
    watched = bank.exposure.take(rows, axis=0) + 1.0
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
    """What alarms of `rows` are decided by, and how soon the first of them can be due.

    Most silences end long before, so the `deadlines` themselves are reckoned only for those that have lasted so long.
    """
    days = np.add.reduce(bank.exposure.take(rows, axis=0), axis=1, dtype=np.float64) / 24.0 + 1.0
    scale = bank.scale[rows]
    level_a = _by_memory(bank.level_a.take(rows, axis=0))
    level = level_a / _by_memory(bank.level_b.take(rows, axis=0))
    grasp = 1.0 / (np.minimum(scale**2, 1.0) * (SEND_TO_SEND / level_a + DAY_TO_DAY / days))
    bank.grasp[rows] = grasp.T
    classes = classes_of(level[1] * 24)
    bank.rate_class[rows] = classes
    bank.tail[rows] = kinds_of(classes, scale)
    least = _needed(bank, rows, level[1], tails, feedback, BUDGETS.max())
    # ln(1 + x) <= x: no silence is more surprising than with a level that is known for sure.
    bank.deadline[rows] = np.nan
    bank.soonest[rows] = least / np.add.reduce(_weights(bank, rows) * level) * (1.0 - 1e-9)


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
