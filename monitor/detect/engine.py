"""The detector's clockwork: takes hours one after another, with the sends that fell into them, and keeps the bank.

What it holds after an hour depends only on the sends, the coverage and the settings of the time up to then, never on
the order in which they were given. `fork` gives an independent engine, for judging the unfinished present.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitor.detect import fleet as fleet_clock
from monitor.detect.bank import FLEET_WINDOW, Bank, Floats, Rows
from monitor.detect.calendar import hour_of_week
from monitor.detect.defaults import Defaults
from monitor.detect.learning import Learning, is_real_stop
from monitor.detect.rhythm import end_gaps, refresh, set_limits
from monitor.detect.witnesses import ALWAYS, CoveredTime

ALERT = 1
ENDED = -np.inf
"""`alarm_at` of a silence that was improbable before anybody looked: nothing is raised for it."""


@dataclass(frozen=True, slots=True)
class ClosedAlarm:
    """An alarm whose silence ended with a send; hours since the epoch, NaN for a level that was not reached."""

    row: int
    last: float
    alarm_at: tuple[float, float, float]
    resumed_at: float
    rate_class: int
    years: float
    """The return period at which the alert was due: one over the budget."""


@dataclass
class Engine:
    """All rows at the end of hour `hour - 1`."""

    defaults: Defaults
    hour: int
    """The next hour to take, since the epoch."""
    zones: list[str]
    """Zone names that `bank.zone` points into."""
    witnesses: list[CoveredTime] = field(default_factory=lambda: [ALWAYS])
    """What `bank.witness` points into."""
    bank: Bank = field(default_factory=Bank)
    fleet: fleet_clock.Fleet = field(default_factory=fleet_clock.Fleet)
    learning: Learning = field(init=False)
    closed: list[ClosedAlarm] = field(default_factory=list)
    speed: Floats = field(default_factory=lambda: np.ones(0))
    """The fleet factor of the hour in progress."""

    def __post_init__(self) -> None:
        self.learning = Learning.start(self.defaults)

    def fork(self) -> Engine:
        other = Engine(self.defaults, self.hour, self.zones, self.witnesses, self.bank.copy(), self.fleet.copy())
        other.learning = self.learning.copy()
        other.closed = list(self.closed)
        return other

    def advance(self, until: float, times: Floats, rows: Rows, weights: Floats | None = None) -> None:
        """Take the hour `self.hour` up to `until` (at most its end), with its sends in order of time.

        `weights`: how many sends each stands for, one by default. Only a whole hour may be followed by another one.
        """
        bank, hour = self.bank, self.hour
        size = bank.size
        cells = np.array([hour_of_week(hour, zone) for zone in self.zones])[bank.view("zone")]
        starts = np.array([w.at(float(hour)) for w in self.witnesses], np.float64)
        ends = np.array([w.at(until) for w in self.witnesses], np.float64)
        witness = bank.view("witness")
        span = until - hour
        share = ((ends - starts) / span if span > 0 else np.ones(ends.size))[witness]
        index = np.arange(size)
        profile = bank.profile[index, cells].astype(np.float64)
        self.speed = fleet_clock.factors(self.fleet, bank, hour, share, profile)
        pace = profile * self.speed
        counted = starts[witness]
        if times.size:
            stands_for = np.ones(rows.size) if weights is None else weights
            begun = [self._take_sends(rows[k], times[k], stands_for[k], cells, pace, counted) for k in _rounds(times, rows)]
            learned = np.unique(np.concatenate(begun)) if len(begun) > 1 else begun[0]
            if learned.size:
                refresh(bank, learned, self.defaults, self.learning.tails, self.learning.feedback)
        delta = ends[witness] - counted
        self._let_pass(index, delta, pace, counted)
        if until >= hour + 1:
            self.hour = hour + 1
            self.learning.pass_hour(bank, self.hour)
            if self.learning.refit(self.hour) | self._share_out():
                set_limits(bank, index, self.learning.tails, self.learning.feedback)

    def _share_out(self) -> bool:
        """Once a day, divide a budget for all streams together by those that have not ended. True where there is one."""
        bank = self.bank
        shared = np.isfinite(bank.view("total"))
        if self.hour % 24 or not shared.any():
            return False
        with np.errstate(invalid="ignore"):
            live = ~is_real_stop(self.hour - bank.view("last"), 1.0 / bank.levels()) & ~np.isnan(bank.view("last"))
        number = max(int((shared & live & ~bank.view("is_group")).sum()), 1)
        bank.view("budget")[shared] = bank.view("total")[shared] / number
        return True

    def _take_sends(self, rows: Rows, times: Floats, weights: Floats, cells: Rows, pace: Floats, counted: Floats) -> Rows:
        """One send each for distinct rows: let the time before it pass, then learn. Rows that began a session come back."""
        bank = self.bank
        totals = self._totals(times, rows)
        self._let_pass(rows, totals - counted[rows], pace[rows], counted[rows])
        counted[rows] = totals
        bank.note_pauses(rows, times)
        fleet_clock.count_sends(bank, rows, times, weights, self.hour)
        self.fleet.seen[self.hour % FLEET_WINDOW] += int((~bank.is_group[rows]).sum())
        self._close_alarms(rows, times)
        bank.sends[rows] += weights.astype(np.int64)
        session = bank.session[rows]
        follows = times <= session + bank.thin[rows]
        if follows.any():
            follow = rows[follows]
            bank.last[follow] = times[follows]
            bank.alarm_at[follow] = np.nan
            rows, times, session = rows[~follows], times[~follows], session[~follows]
        if rows.size:
            level = bank.level_a[rows, 1] / bank.level_b[rows, 1]
            gaps = end_gaps(bank, rows, times, cells[rows])
            self.learning.note_gaps(gaps, times - session, level, bank.tail[rows], bank.is_group[rows])
        return rows

    def _let_pass(self, rows: Rows, delta: Floats, pace: Floats, counted: Floats) -> None:
        """Move the clocks of `rows` on by `delta` covered hours from the covered total `counted`."""
        bank = self.bank
        before, covered = bank.elapsed[rows], bank.covered[rows]
        started = ~np.isnan(bank.session[rows])
        elapsed = np.where(started, before + pace * delta, 0.0)
        total = np.where(started, covered + delta, 0.0)
        bank.elapsed[rows], bank.covered[rows] = elapsed, total
        due = elapsed[:, None] >= bank.deadline[rows]
        longest = np.fmin(bank.ceiling[rows], bank.fixed[rows])
        due[:, :2] |= ((total >= longest) & (bank.sessions[rows] >= bank.min_sessions[rows]))[:, None]
        due[:, ::2] &= bank.levels_on[rows][:, None]
        due &= np.isnan(bank.alarm_at[rows]) & (total >= bank.floor[rows])[:, None]
        if not due.any():
            return
        place, level = np.nonzero(due)
        known, running = rows[place], pace[place] > 0
        left = bank.deadline[known, level] - before[place]
        wait = np.where(running, left / np.where(running, pace[place], 1.0), np.inf)
        wait = np.where(level < 2, np.minimum(wait, longest[place] - covered[place]), wait)
        wait = np.maximum(np.maximum(wait, bank.floor[known] - covered[place]), 0.0)
        totals = counted[place] + np.minimum(wait, delta[place])
        for row, of_level, total in zip(known.tolist(), level.tolist(), totals.tolist(), strict=True):
            self._raise(row, of_level, total)

    def _raise(self, row: int, level: int, total: float) -> None:
        bank = self.bank
        witness = self.witnesses[bank.witness[row]]
        at = witness.when(total, max(float(self.hour), float(bank.position[row])))
        bank.alarm_at[row, level] = at if at >= witness.alarms_from else ENDED

    def _close_alarms(self, rows: Rows, times: Floats) -> None:
        bank = self.bank
        alarmed = np.isfinite(bank.alarm_at[rows]).any(axis=1)
        for row, at in zip(rows[alarmed], times[alarmed], strict=True):
            watch, alert, confirmed = (float(x) for x in bank.alarm_at[row])
            last = float(bank.last[row])
            years = 1.0 / float(bank.budget[row])
            kind = int(bank.rate_class[row])
            self.closed.append(ClosedAlarm(int(row), last, (watch, alert, confirmed), float(at), kind, years))
            if np.isfinite(alert) and not bank.is_group[row]:
                self.learning.note_alarm(int(bank.tail[row]), float(at) - last, 1.0 / bank.level(int(row)))

    def _totals(self, times: Floats, rows: Rows) -> Floats:
        if len(self.witnesses) == 1 and self.witnesses[0] is ALWAYS:
            return times
        kinds = self.bank.witness[rows]
        return np.array([self.witnesses[k].at(float(t)) for k, t in zip(kinds, times, strict=True)])


def _rounds(times: Floats, rows: Rows) -> Sequence[Rows]:
    """Split the sends of an hour (their places) so that each round has every row at most once, rounds in order of time."""
    order = np.lexsort((times, rows))
    sorted_rows = rows[order]
    new = np.r_[True, sorted_rows[1:] != sorted_rows[:-1]]
    rank: NDArray[np.int64] = np.arange(rows.size) - np.maximum.accumulate(np.where(new, np.arange(rows.size), 0))
    return [order[rank == k] for k in range(int(rank.max()) + 1)]
