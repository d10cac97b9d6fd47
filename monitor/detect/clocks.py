"""The clocks of running silences within one hour: they move on, and where one reaches its limit an alarm is raised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from monitor.detect.arrivals import HourOfSends
from monitor.detect.bank import Bank, Floats, Rows
from monitor.detect.rhythm import deadlines
from monitor.detect.tails import Tails
from monitor.detect.witnesses import ALWAYS, CoveredTime

ALERT = 1
SOON = 0.6
"""The share of `soonest` from which a row's deadlines are reckoned together with another's."""
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


@dataclass(frozen=True, slots=True)
class Silences:
    """Silences of distinct rows, at a moment in the hour and `delta` covered hours after it."""

    rows: Rows
    since: Floats
    sessions: Rows
    pace: Floats
    counted: Floats
    elapsed: Floats
    covered: Floats
    delta: Floats

    def of(self, places: Rows) -> Silences:
        return Silences(
            self.rows[places],
            self.since[places],
            self.sessions[places],
            self.pace[places],
            self.counted[places],
            self.elapsed[places],
            self.covered[places],
            self.delta[places],
        )


@dataclass
class Clocks:
    """The clocks of all rows in one hour."""

    bank: Bank
    hour: int
    witnesses: Sequence[CoveredTime]
    tails: Tails
    feedback: Floats
    pace: Floats
    """Profile-hours that pass in a covered hour, by row."""
    counted: Floats
    """Covered hours up to where each row's clock stands (only differences mean something)."""
    closed: list[ClosedAlarm] = field(default_factory=list)

    def pass_rest(self, totals: Floats) -> None:
        """Let the time pass up to these covered totals, for all rows."""
        bank = self.bank
        used = slice(0, bank.size)
        delta = totals - self.counted
        before, covered_before, since = bank.elapsed[used], bank.covered[used], bank.session[used]
        started = ~np.isnan(since)
        elapsed = np.where(started, before + self.pace * delta, 0.0)
        covered = np.where(started, covered_before + delta, 0.0)
        near = self._near(used, elapsed, covered)
        rows = near.nonzero()[0]
        if rows.size:
            self._raise(
                Silences(
                    rows,
                    since[rows],
                    bank.sessions[rows],
                    self.pace[rows],
                    self.counted[rows],
                    before[rows],
                    covered_before[rows],
                    delta[rows],
                )
            )
        bank.elapsed[used], bank.covered[used] = elapsed, covered

    def pass_sends(self, sends: HourOfSends) -> Floats:
        """Let the time pass from send to send, which ends alarms; the profile-hours of silence before each come back."""
        bank, runs = self.bank, sends.runs
        rows, mine = runs.rows, runs.distinct
        totals = self._totals(sends.times, rows)
        goes_on, pace = sends.base < 0, self.pace[rows]
        counted = np.where(goes_on, self.counted[rows], totals[sends.base])
        before = np.where(goes_on, bank.elapsed[rows], 0.0)
        covered_before = np.where(goes_on, bank.covered[rows], 0.0)
        delta = totals - counted
        elapsed, covered = before + pace * delta, covered_before + delta
        news, quiet = self._near(rows, elapsed, covered), np.isnan(bank.alarm_at.take(rows, axis=0))
        if np.count_nonzero(news) or np.count_nonzero(quiet) < quiet.size:
            news |= ~quiet.all(axis=1)
            silences = Silences(rows, sends.session, sends.session_number, pace, counted, before, covered_before, delta)
            self._settle(sends, silences, news)
        begun = sends.begins[runs.last]
        bank.elapsed[mine] = np.where(begun, 0.0, elapsed[runs.last])
        bank.covered[mine] = np.where(begun, 0.0, covered[runs.last])
        self.counted[mine] = totals[runs.last]
        return elapsed

    def _settle(self, sends: HourOfSends, silences: Silences, news: NDArray[np.bool_]) -> None:
        """Raise and close the alarms of rows where there is news, send by send."""
        bank, runs = self.bank, sends.runs
        concerned = np.zeros(runs.distinct.size, np.bool_)
        concerned[runs.member[news]] = True
        places = concerned[runs.member].nonzero()[0]
        rank = runs.rank[places]
        for number in range(int(rank.max()) + 1):
            here = places[rank == number]
            known = silences.of(here)
            near = self._near(known.rows, known.elapsed + known.pace * known.delta, known.covered + known.delta).nonzero()[0]
            if near.size:
                self._raise(known.of(near))
            ended = np.nonzero(~np.isnan(bank.alarm_at[known.rows]).all(axis=1))[0]
            if ended.size:
                self._close(known.rows[ended], sends.previous[here[ended]], sends.times[here[ended]])

    def _near(self, rows: Rows | slice, elapsed: Floats, covered: Floats) -> NDArray[np.bool_]:
        """Where an alarm may be due."""
        bank = self.bank
        late = covered >= bank.limit[rows]
        if np.count_nonzero(late):
            late &= np.isnan(bank.alarm_at[rows, ALERT])
        return np.asarray(((elapsed >= bank.soonest[rows]) | late) & (covered >= bank.floor[rows]))

    def _raise(self, silences: Silences) -> None:
        """Raise what becomes due within `delta`."""
        if np.isnan(self.bank.deadline[silences.rows, ALERT]).any():
            self._reckon(silences.rows)
        raise_alarms(self.bank, self.witnesses, silences, np.full(silences.rows.size, float(self.hour)))

    def _reckon(self, rows: Rows) -> None:
        """Fill in the deadlines of `rows`, and at once of others whose silences will soon be as long."""
        bank = self.bank
        wanted = bank.view("elapsed") >= SOON * bank.view("soonest")
        wanted[rows] = True
        wanted &= np.isnan(bank.view("deadline")[:, ALERT])
        unknown = wanted.nonzero()[0]
        bank.deadline[unknown] = deadlines(bank, unknown, self.tails, self.feedback)

    def _close(self, rows: Rows, last: Floats, at: Floats) -> None:
        bank = self.bank
        columns = (rows, last, at, bank.alarm_at[rows], bank.rate_class[rows], 1.0 / bank.budget[rows])
        for row, silent_since, resumed, (watch, alert, confirmed), kind, years in zip(
            *(c.tolist() for c in columns), strict=True
        ):
            if isfinite(watch) or isfinite(alert) or isfinite(confirmed):
                self.closed.append(ClosedAlarm(row, silent_since, (watch, alert, confirmed), resumed, kind, years))
        bank.alarm_at[rows] = np.nan
        bank.soonest[rows] = 0.0

    def _totals(self, times: Floats, rows: Rows) -> Floats:
        if len(self.witnesses) == 1 and self.witnesses[0] is ALWAYS:
            return times
        kinds = self.bank.witness[rows]
        return np.array([self.witnesses[k].at(float(t)) for k, t in zip(kinds, times, strict=True)])


def raise_alarms(bank: Bank, witnesses: Sequence[CoveredTime], silences: Silences, hours: Floats) -> None:
    """Raise what becomes due within `delta` of `silences`, whose deadlines are known; `hours`: in which hour each of them is."""
    rows = silences.rows
    deadline = bank.deadline[rows]
    elapsed, covered = silences.elapsed + silences.pace * silences.delta, silences.covered + silences.delta
    due = elapsed[:, None] >= deadline
    due[:, :2] |= ((covered >= bank.limit[rows]) & (silences.sessions >= bank.min_sessions[rows]))[:, None]
    wanted = np.isnan(bank.alarm_at[rows])
    wanted[:, ::2] &= bank.levels_on[rows][:, None]
    due &= wanted & (covered >= bank.floor[rows])[:, None]
    bank.soonest[rows] = np.where(wanted & ~due, deadline, np.inf).min(axis=1)
    place, level = due.nonzero()
    if not place.size:
        return
    known = silences.of(place)
    running = known.pace > 0
    left = deadline[place, level] - known.elapsed
    wait = np.where(running, left / np.where(running, known.pace, 1.0), np.inf)
    wait = np.where(level < 2, np.minimum(wait, bank.limit[known.rows] - known.covered), wait)
    wait = np.maximum(np.maximum(wait, bank.floor[known.rows] - known.covered), 0.0)
    totals = known.counted + np.minimum(wait, known.delta)
    earliest = np.maximum(hours[place], known.since)
    columns = (known.rows, level, totals, earliest)
    for row, of_level, total, since in zip(*(c.tolist() for c in columns), strict=True):
        witness = witnesses[bank.witness[row]]
        at = witness.when(total, since)
        bank.alarm_at[row, of_level] = at if at >= witness.alarms_from else ENDED
