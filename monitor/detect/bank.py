"""The state of all streams as columns: one row a stream (or merged group), so that a tick is a few array operations.

Memory is about 3 kB a row. Rows are only ever added; `copy` gives an independent bank, which is how a present
moment is judged without disturbing the finished hours.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from monitor.detect.calendar import HOURS_PER_WEEK
from monitor.detect.defaults import Defaults
from monitor.detect.runs import Runs
from monitor.model import Level
from monitor.settings import GapSettings

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

MEMORIES = 3
"""A stream's level is kept in a short, a middle and a long memory; the middle one is shown."""
RING = 128
"""How many rescaled gaps a stream keeps for its scale."""
FOLLOWED = np.array([1.0, 1.0, 0.7, 0.7])
"""By rate class, the power of the fleet's activity by which a clock runs: lulls are those of the busy lists, mostly, and lists
with less than a mail a day follow them by half."""
GROUP_THIN = 1 / 12
"""Hours within which the merged mail of a group counts as one session."""
GROUPS = 3
"""A stream belongs to so many groups at most, besides inboxes: of its provider, account and organisation."""
UNKNOWN_SCALE = 1.6
"""The irregularity of a row before its first gaps tell of it."""
PAUSES = 64
"""How many of its latest pauses between sends a row keeps, for their median."""
FLEET_WINDOW = 24
"""Hours over which the fleet's activity is compared with its expectation."""
LEVELS = (Level.WATCH, Level.ALERT, Level.CONFIRMED)
BUDGETS = np.array([12.0, 1.0, 0.1])
"""False alarms of the levels as multiples of the budget."""

COLUMNS: dict[str, tuple[tuple[int, ...], type, float]] = {
    # settings
    "budget": ((), np.float64, 1.0),
    "total": ((), np.float64, np.nan),
    "thin": ((), np.float64, 0.25),
    "min_sessions": ((), np.int64, 5),
    "floor": ((), np.float64, 1.0),
    "limit": ((), np.float64, np.inf),
    "fixed": ((), np.float64, np.nan),
    "zone": ((), np.int64, 0),
    "witness": ((), np.int64, 0),
    "groups": ((GROUPS,), np.int64, -1),
    "levels_on": ((), np.bool_, True),
    "fleet_on": ((), np.bool_, True),
    "is_group": ((), np.bool_, False),
    # sends
    "first": ((), np.float64, np.nan),
    "session": ((), np.float64, np.nan),
    "last": ((), np.float64, np.nan),
    "sends": ((), np.int64, 0),
    "sessions": ((), np.int64, 0),
    "pauses": ((PAUSES,), np.float32, 0.0),
    "paused": ((), np.int64, 0),
    "longest": ((), np.float64, 0.0),
    # level, profile, scale
    "level_a": ((MEMORIES,), np.float64, 0.0),
    "level_b": ((MEMORIES,), np.float64, 0.0),
    "grasp": ((MEMORIES,), np.float64, 1.0),
    "counts": ((HOURS_PER_WEEK,), np.float32, 0.0),
    "exposure": ((7,), np.float32, 0.0),
    "worth": ((), np.float64, 1.0),
    "watched": ((), np.float64, 0.0),
    "week_hour": ((), np.float64, 0.0),
    "profile": ((HOURS_PER_WEEK,), np.float32, 1.0),
    "ring": ((RING,), np.float32, 0.0),
    "unringed": ((), np.int64, 0),
    "brink": ((), np.float32, 0.0),
    "stirred": ((), np.bool_, True),
    "extremes": ((), np.float64, 1.0),
    "scale": ((), np.float64, 1.0),
    "rate_class": ((), np.int64, 2),
    "tail": ((), np.int64, 4),
    # what its own alarms say of the promise
    "contradicted": ((), np.float64, 0.0),
    "promised": ((), np.float64, 0.0),
    "feedback": ((), np.float64, 0.0),
    # the running silence
    "elapsed": ((), np.float64, 0.0),
    "covered": ((), np.float64, 0.0),
    "soonest": ((), np.float64, np.inf),
    "deadline": ((3,), np.float64, np.nan),
    "alarm_at": ((3,), np.float64, np.nan),
    # the fleet's clock
    "member": ((), np.bool_, False),
    "follows": ((), np.float64, 0.0),
    "coming": ((24,), np.float32, 1.0),
    "fleet_count": ((), np.float64, 0.0),
    "recent": ((FLEET_WINDOW,), np.int16, 0),
}


class Bank:
    """Columns for `size` rows. Hours are since the epoch; `elapsed` is profile-hours since the session began."""

    budget: Floats
    total: Floats
    """False alarms a year of all rows that have one, together; NaN where a row's budget is its own."""
    thin: Floats
    min_sessions: Rows
    floor: Floats
    limit: Floats
    """Covered hours of silence at which an alarm is due whatever was learned."""
    fixed: Floats
    zone: Rows
    witness: Rows
    groups: Rows
    """Of a stream, the rows of the groups that its latest send belongs to, inboxes left out; -1: none."""
    levels_on: NDArray[np.bool_]
    fleet_on: NDArray[np.bool_]
    is_group: NDArray[np.bool_]
    first: Floats
    session: Floats
    last: Floats
    sends: Rows
    sessions: Rows
    pauses: NDArray[np.float32]
    paused: Rows
    longest: Floats
    level_a: Floats
    level_b: Floats
    grasp: Floats
    counts: NDArray[np.float32]
    exposure: NDArray[np.float32]
    worth: Floats
    """What a session counts in `counts` and an hour in `exposure`: more and more instead of the older ones fading."""
    watched: Floats
    """The hours of which the gaps have told, fading as the profile does."""
    week_hour: Floats
    profile: NDArray[np.float32]
    ring: NDArray[np.float32]
    unringed: Rows
    """Gaps that are not put into `ring`: too much slowed by the fleet, or nobody saw their end."""
    brink: NDArray[np.float32]
    stirred: NDArray[np.bool_]
    """The least gap in a full `ring` on which the scale depends, and whether such a gap has come or gone."""
    extremes: Floats
    scale: Floats
    """Irregularity, in units of the pool's: what the largest gaps in `ring` say, and all that is known of it."""
    rate_class: Rows
    tail: Rows
    contradicted: Floats
    promised: Floats
    feedback: Floats
    """By how much more surprising a silence of this row has to be, and the counts (as in `Learning`) that say so."""
    elapsed: Floats
    covered: Floats
    soonest: Floats
    """Profile-hours of silence before which no further alarm can be due."""
    deadline: Floats
    """By level, the profile-hours of silence at which its alarm is due; NaN until a silence comes near them."""
    alarm_at: Floats
    member: NDArray[np.bool_]
    follows: Floats
    coming: NDArray[np.float32]
    """What the fleet knows of a row for a whole day (UTC): whether it belongs to it, the power of the fleet's activity by
    which its clock runs, and its profile in the day's hours."""
    fleet_count: Floats
    recent: NDArray[np.int16]

    def __init__(self) -> None:
        self.size = 0
        for name, (tail, kind, fill) in COLUMNS.items():
            setattr(self, name, np.full((0, *tail), fill, kind))

    def add(
        self, settings: GapSettings, defaults: Defaults, *, budget: float, zone: int, witness: int, is_group: bool = False
    ) -> int:
        """A new row with the priors; its index."""
        row = self.size
        self._reserve(row + 1)
        self.size += 1
        self.budget[row] = budget
        if settings.false_alarms_total_year is not None and not is_group:
            self.total[row] = settings.false_alarms_total_year
            self.budget[row] = self.total[row] / np.isfinite(self.view("total")).sum()
        self.thin[row] = GROUP_THIN if is_group else hours(settings.thin)
        self.min_sessions[row] = settings.min_sessions
        self.floor[row] = hours(settings.floor)
        self.fixed[row] = np.nan if settings.fixed is None else hours(settings.fixed)
        longest = settings.ceiling if settings.fixed is None else settings.fixed
        self.limit[row] = np.inf if longest is None else hours(longest)
        self.zone[row], self.witness[row] = zone, witness
        self.levels_on[row] = settings.levels == "on"
        self.fleet_on[row] = settings.fleet_clock == "auto"
        self.follows[row] = FOLLOWED[self.rate_class[row]] if self.fleet_on[row] else 0.0
        self.is_group[row] = is_group
        self.level_a[row], self.level_b[row] = defaults.prior_sessions, defaults.prior_hours
        self.grasp[row] = defaults.prior_sessions
        self.extremes[row], self.scale[row] = UNKNOWN_SCALE, UNKNOWN_SCALE
        self.profile[row] = defaults.profile
        return row

    def adopt(self, other: Bank, rows: Rows) -> None:
        """Add copies of rows of another bank."""
        size = self.size + rows.size
        self._reserve(size)
        for name in COLUMNS:
            getattr(self, name)[self.size : size] = getattr(other, name)[rows]
        self.size = size

    def keep(self, rows: Rows) -> None:
        """Forget all but these rows, which close up."""
        for name in COLUMNS:
            column = getattr(self, name)
            column[: rows.size] = column[rows]
        self.size = rows.size

    def levels(self) -> Floats:
        """Sessions per profile-hour of every row, in the middle memory."""
        return np.asarray(self.level_a[: self.size, 1] / self.level_b[: self.size, 1])

    def level(self, row: int) -> float:
        """Sessions per profile-hour of one row."""
        return float(self.level_a[row, 1] / self.level_b[row, 1])

    def note_sends(self, runs: Runs, times: Floats, pauses: Floats, weights: Rows) -> None:
        """Count the sends in `runs`, each for `weights`, and keep how long it was since the one before; NaN: there was none."""
        self.first[runs.distinct] = np.fmin(self.first[runs.distinct], times[runs.first])
        np.add.at(self.sends, runs.rows, weights)
        known = ~np.isnan(pauses)
        rows, pause = runs.rows[known], pauses[known]
        place = self.paused[rows] + runs.rank[known] - ~known[runs.first][runs.member[known]]
        self.pauses[rows, place % PAUSES] = pause
        np.maximum.at(self.longest, rows, pause)
        np.add.at(self.paused, rows, 1)

    def usual_pause(self, row: int) -> float:
        """The median of a row's latest pauses, hours; 0 without one."""
        kept = self.pauses[row, : min(int(self.paused[row]), PAUSES)]
        return float(np.median(kept)) if kept.size else 0.0

    def view(self, name: str) -> Any:
        """The used part of a column (writes go through)."""
        return getattr(self, name)[: self.size]

    def copy(self) -> Self:
        other = type(self)()
        other.size = self.size
        for name in COLUMNS:
            setattr(other, name, getattr(self, name)[: self.size].copy())
        return other

    def _reserve(self, size: int) -> None:
        capacity = self.budget.shape[0]
        if size <= capacity:
            return
        wanted = max(size, capacity * 3 // 2, 16)
        for name, (tail, kind, fill) in COLUMNS.items():
            grown = np.full((wanted, *tail), fill, kind)
            grown[: self.size] = getattr(self, name)[: self.size]
            setattr(self, name, grown)


def hours(span: timedelta) -> float:
    return span.total_seconds() / 3600
