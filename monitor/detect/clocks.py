"""The clocks of silences over some hours: they move on, and where one reaches its limit an alarm is raised.

Readings are kept in fixed point, so that it cannot matter over how many hours at once they are taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from monitor.detect.arrivals import Arrivals, Flags
from monitor.detect.bank import Bank, Floats, Rows
from monitor.detect.calendar import hours_of_week
from monitor.detect.lessons import Lessons
from monitor.detect.rhythm import Rhythm, deadlines, deadlines_by
from monitor.detect.runs import runs_of
from monitor.detect.tails import Tails
from monitor.detect.witnesses import ALWAYS, CoveredTime

WATCH, ALERT = 0, 1
"""Columns of `alarm_at`."""
SOON = 0.6
"""The share of `soonest` from which a row's deadlines are reckoned together with another's."""
ENDED = -np.inf
"""`alarm_at` of a silence that was improbable before anybody looked: nothing is raised for it."""
_FIXED_POINT = 2.0**32


@dataclass(frozen=True, slots=True)
class ClosedAlarm:
    """An alarm whose silence ended with a send; hours since the epoch, NaN for a level that was not reached."""

    row: int
    last: float
    alarm_at: tuple[float, float, float]
    resumed_at: float
    rate_class: int
    tail: int
    mean_gap: float
    years: float
    """The return period at which the alert was due: one over the budget."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours that are taken at once, from `first` on, and the covered totals at their starts and ends: a column a witness."""

    first: int
    starts: Floats
    ends: Floats
    share: Floats

    @classmethod
    def of(cls, first: int, until: float, witnesses: Sequence[CoveredTime]) -> Hours:
        """The last one may be unfinished."""
        edges = [float(hour) for hour in range(first, max(int(np.ceil(until)), first + 1))]
        starts = _totals(witnesses, edges)
        ends = _totals(witnesses, [*edges[1:], until])
        spans = np.diff([*edges, until])
        return cls(first, starts, ends, (ends - starts) / np.where(spans > 0, spans, 1.0)[:, None] + (spans <= 0)[:, None])

    @property
    def number(self) -> int:
        return int(self.starts.shape[0])


def _totals(witnesses: Sequence[CoveredTime], moments: Sequence[float]) -> Floats:
    return np.array([[witness.fixed_at(at) for witness in witnesses] for at in moments], np.float64)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Parts of silences of distinct rows, which end with a send or with the hours that are taken.

    Where the silence began before, its clock and its covered time stood at `elapsed` and `covered` when these hours began;
    else at what makes them 0 when it did begin.
    """

    rows: Rows
    since: Floats
    sessions: Rows
    elapsed: Floats
    covered: Floats
    from_hour: Rows
    from_total: Floats
    to_hour: Rows
    to_total: Floats
    reading: Floats

    def of(self, places: Rows) -> _Stretch:
        return _Stretch(*(getattr(self, name)[places] for name in self.__slots__))


@dataclass
class Clocks:
    """The clocks of all rows in some hours of one day. Sends end silences, then comes what is left."""

    bank: Bank
    hours: Hours
    zones: Sequence[str]
    witnesses: Sequence[CoveredTime]
    tails: Tails
    feedback: Floats
    speed: Floats
    """By hour and row, how fast the clock of a row's profile runs."""
    closed: list[ClosedAlarm] = field(default_factory=list)

    def __post_init__(self) -> None:
        bank, hours = self.bank, self.hours
        witness = bank.view("witness")
        self._starts, ends = hours.starts[:, witness], hours.ends[:, witness]
        self._delta, self._end = ends - self._starts, ends[-1]
        self._cells = np.stack([hours_of_week(hours.first, hours.number, zone) for zone in self.zones], axis=1)
        self.pace = np.empty(self.speed.shape)
        """Profile-hours that pass in a covered hour."""
        self._readings = np.zeros((hours.number + 1, bank.size))
        self._set_pace(np.arange(bank.size), slice(None))
        self._elapsed, self._covered = bank.view("elapsed").copy(), bank.view("covered") - self._starts[0]
        self._from_hour, self._from_total = np.zeros(bank.size, np.int64), self._starts[0].copy()

    def _set_pace(self, rows: Rows, columns: Rows | slice) -> None:
        bank = self.bank
        pace = bank.profile[rows, self._cells[:, bank.zone[rows]]] * self.speed[:, columns]
        self.pace[:, columns] = pace
        self._readings[1:, columns] = _fixed(pace * self._delta[:, columns]).cumsum(axis=0)

    def end_silences(self, sends: Arrivals) -> None:
        """Let the time of silences that had begun before these hours pass up to the sends, which end alarms.

        From now on the clocks of these silences stand still; `lasted` says what they showed at the sends.
        """
        bank, runs = self.bank, sends.runs
        rows = runs.rows
        self._send_totals = self._totals_at(sends.times, rows)
        self._send_readings = self._readings_at(sends, np.arange(rows.size))
        self.lasted = bank.elapsed[rows] + self._send_readings
        places = ((sends.base < 0) & ~np.isnan(sends.session)).nonzero()[0]
        mine, member = rows[places], runs.member[places]
        concerned = np.asarray((~np.isnan(bank.alarm_at.take(runs.distinct, axis=0))).any(axis=1))
        covered = self._covered[mine] + self._send_totals[places]
        concerned[member[self._near(mine, self.lasted[places], covered, bank.soonest[mine])]] = True
        places = places[concerned[member]]
        for here in _in_turn(places, runs.rank[places]):
            self._settle(sends, here, Rhythm.of(bank, rows[here]))
        self._from_hour[rows[runs.last]], self._from_total[rows[runs.last]] = sends.hours[runs.last], self._send_totals[runs.last]

    def begin_silences(self, sends: Arrivals, renewed: Rows) -> None:
        """The sessions of `sends` begin silences; what `renewed` rows learned is in force from then on."""
        if renewed.size:
            self._set_pace(renewed, renewed)
            self._send_readings = self._readings_at(sends, np.arange(sends.times.size))
        later, begun = (sends.base >= 0).nonzero()[0], sends.sessions.send
        self.lasted[later] = self._send_readings[later] - self._send_readings[sends.base[later]]
        last = begun[sends.sessions.last]
        self._elapsed[sends.sessions.distinct] = -self._send_readings[last]
        self._covered[sends.sessions.distinct] = -self._send_totals[last]

    def end_new_silences(self, sends: Arrivals, lessons: Lessons) -> None:
        """Raise and close the alarms of silences that began in these hours and ended in them."""
        bank, runs, sessions = self.bank, sends.runs, sends.sessions
        later = (sends.base >= 0).nonzero()[0]
        if not later.size:
            return
        session_of = np.empty(sends.times.size, np.int64)
        session_of[sessions.send] = np.arange(sessions.send.size)
        of_session, base = session_of[sends.base[later]], sends.base[later]
        rows, covered = runs.rows[later], self._send_totals[later] - self._send_totals[base]
        near = self._near(rows, self.lasted[later], covered, lessons.soonest[of_session])
        if not np.count_nonzero(near):
            return
        concerned = np.zeros(sessions.send.size, np.bool_)
        concerned[of_session[near]] = True
        places = later[concerned[of_session]]
        known = concerned.nonzero()[0]
        limits = np.empty((sessions.send.size, bank.deadline.shape[1]))
        limits[known] = deadlines_by(
            bank, sessions.rows[known], lessons.after.at(known), sessions.before[known] + 1, self.tails, self.feedback
        )
        present = bank.soonest.copy()
        for here in _in_turn(places, runs_of(runs.rows[places]).rank):
            session, row = session_of[sends.base[here]], runs.rows[here]
            begins = sends.base[here] == here - 1
            bank.deadline[row[begins]] = limits[session[begins]]
            bank.soonest[row[begins]] = lessons.soonest[session[begins]]
            self._settle(sends, here, lessons.after.at(session))
        runs_on = np.zeros(sessions.send.size, np.bool_)
        runs_on[sessions.last] = True
        still = runs_on[session_of[sends.base[places]]]
        over = np.setdiff1d(runs.rows[places[~still]], runs.rows[places[still]])
        bank.soonest[over], bank.deadline[over] = present[over], np.nan

    def pass_rest(self) -> None:
        """Let the time pass up to the end of the hours, for all rows."""
        bank, last = self.bank, self.hours.number - 1
        used = slice(0, bank.size)
        since = bank.session[used]
        started = ~np.isnan(since)
        elapsed = np.where(started, self._elapsed + self._readings[-1], 0.0)
        covered = np.where(started, self._covered + self._end, 0.0)
        rows = self._near(used, elapsed, covered, bank.soonest[used]).nonzero()[0]
        if rows.size:
            self._reckon(rows, elapsed)
            self._raise(
                _Stretch(
                    rows,
                    since[rows],
                    bank.sessions[rows],
                    self._elapsed[rows],
                    self._covered[rows],
                    self._from_hour[rows],
                    self._from_total[rows],
                    np.full(rows.size, last),
                    self._end[rows],
                    self._readings[-1, rows],
                )
            )
        bank.elapsed[used], bank.covered[used] = elapsed, covered

    def are_seen(self, rows: Rows, times: Floats) -> Flags:
        """Which of these sends came in time that counts."""
        kinds = self.bank.witness[rows]
        seen = np.ones(times.size, np.bool_)
        for kind in set(kinds[kinds > 0].tolist()):
            mine = kinds == kind
            seen[mine] = self.witnesses[kind].covers(times[mine])
        return seen

    def _settle(self, sends: Arrivals, places: Rows, met: Rhythm) -> None:
        """Raise and close the alarms of silences up to the sends at `places`, which are of distinct rows."""
        bank, runs = self.bank, sends.runs
        before, goes_on, is_new = np.maximum(places - 1, 0), runs.rank[places] > 0, sends.base[places] >= 0
        rows, base = runs.rows[places], np.maximum(sends.base[places], 0)
        stretch = _Stretch(
            rows,
            sends.session[places],
            sends.session_number[places],
            np.where(is_new, -self._send_readings[base], bank.elapsed[rows]),
            np.where(is_new, -self._send_totals[base], bank.covered[rows] - self._starts[0, rows]),
            np.where(goes_on, sends.hours[before], 0),
            np.where(goes_on, self._send_totals[before], self._starts[0, rows]),
            sends.hours[places],
            self._send_totals[places],
            self._send_readings[places],
        )
        elapsed, covered = stretch.elapsed + stretch.reading, stretch.covered + stretch.to_total
        near = self._near(rows, elapsed, covered, bank.soonest[rows]).nonzero()[0]
        if near.size:
            self._reckon(rows[near], bank.view("elapsed"))
            self._raise(stretch.of(near))
        ended = np.nonzero((~np.isnan(bank.alarm_at[rows])).any(axis=1))[0]
        if ended.size:
            self._close(rows[ended], sends.previous[places[ended]], sends.times[places[ended]], met.at(ended))

    def _near(self, rows: Rows | slice, elapsed: Floats, covered: Floats, soonest: Floats) -> Flags:
        """Where an alarm may be due."""
        bank = self.bank
        late = covered >= bank.limit[rows]
        if np.count_nonzero(late):
            late &= np.isnan(bank.alarm_at[rows, ALERT])
        return np.asarray(((elapsed >= soonest) | late) & (covered >= bank.floor[rows]))

    def _reckon(self, rows: Rows, elapsed: Floats) -> None:
        """Fill in the deadlines of `rows`, and at once of others whose silences will soon be as long."""
        bank = self.bank
        if not np.isnan(bank.deadline[rows, ALERT]).any():
            return
        wanted = elapsed >= SOON * bank.view("soonest")
        wanted[rows] = True
        wanted &= np.isnan(bank.view("deadline")[:, ALERT])
        unknown = wanted.nonzero()[0]
        bank.deadline[unknown] = deadlines(bank, unknown, self.tails, self.feedback)

    def _raise(self, stretch: _Stretch) -> None:
        """Raise what becomes due."""
        bank, rows = self.bank, stretch.rows
        deadline = bank.deadline[rows]
        covered = stretch.covered + stretch.to_total
        due = (stretch.elapsed + stretch.reading)[:, None] >= deadline
        due[:, :2] |= ((covered >= bank.limit[rows]) & (stretch.sessions >= bank.min_sessions[rows]))[:, None]
        wanted = np.isnan(bank.alarm_at[rows])
        wanted[:, ::2] &= bank.levels_on[rows][:, None]
        due &= wanted & (covered >= bank.floor[rows])[:, None]
        bank.soonest[rows] = np.where(wanted & ~due, deadline, np.inf).min(axis=1)
        place, level = due.nonzero()
        for k, of_level in zip(place.tolist(), level.tolist(), strict=True):
            row, witness = int(rows[k]), self.witnesses[bank.witness[rows[k]]]
            at = self._due_at(stretch, k, of_level, float(deadline[k, of_level]), witness)
            bank.alarm_at[row, of_level] = at if at >= witness.alarms_from else ENDED

    def _due_at(self, stretch: _Stretch, k: int, level: int, deadline: float, witness: CoveredTime) -> float:
        """When a level's alarm is due that becomes so in stretch `k`."""
        bank, row = self.bank, int(stretch.rows[k])
        elapsed, covered = float(stretch.elapsed[k]), float(stretch.covered[k])
        learned = stretch.sessions[k] >= bank.min_sessions[row]
        limit = float(bank.limit[row]) - covered if level <= ALERT and learned else np.inf
        floor = float(bank.floor[row]) - covered
        from_hour, last = int(stretch.from_hour[k]), int(stretch.to_hour[k])
        readings = self._readings[from_hour : last + 1, row].tolist()
        starts = self._starts[from_hour : last + 1, row].tolist()
        place, end = last - from_hour, float(stretch.to_total[k])
        for earlier in range(place):
            total = starts[earlier] + float(self._delta[from_hour + earlier, row])
            if total >= floor and (elapsed + readings[earlier + 1] >= deadline or total >= limit):
                place, end = earlier, total
                break
        pace = float(self.pace[from_hour + place, row])
        total = starts[place] + (deadline - elapsed - readings[place]) / pace if pace > 0 else np.inf
        begun = float(stretch.from_total[k]) if place == 0 else starts[place]
        total = min(max(min(total, limit), floor, begun), end)
        return witness.when(total, max(float(self.hours.first + from_hour + place), float(stretch.since[k])))

    def _close(self, rows: Rows, last: Floats, at: Floats, met: Rhythm) -> None:
        bank = self.bank
        columns = (rows, last, bank.alarm_at[rows], at, met.rate_class, met.tail, 1.0 / met.level[1], 1.0 / bank.budget[rows])
        for row, silent_since, (watch, alert, confirmed), *known in zip(*(c.tolist() for c in columns), strict=True):
            if isfinite(watch) or isfinite(alert) or isfinite(confirmed):
                self.closed.append(ClosedAlarm(row, silent_since, (watch, alert, confirmed), *known))
        bank.alarm_at[rows] = np.nan
        bank.soonest[rows] = 0.0

    def _readings_at(self, sends: Arrivals, places: Rows) -> Floats:
        """What the rows' clocks show at sends, since these hours began."""
        hours, rows = sends.hours[places], sends.runs.rows[places]
        passed = self._send_totals[places] - self._starts[hours, rows]
        return np.asarray(self._readings[hours, rows] + _fixed(self.pace[hours, rows] * passed))

    def _totals_at(self, times: Floats, rows: Rows) -> Floats:
        if len(self.witnesses) == 1 and self.witnesses[0] is ALWAYS:
            return times
        kinds = self.bank.witness[rows]
        return np.array([self.witnesses[k].fixed_at(float(t)) for k, t in zip(kinds, times, strict=True)])


def _fixed(values: Floats) -> Floats:
    return np.asarray(np.rint(values * _FIXED_POINT) / _FIXED_POINT)


def _in_turn(places: Rows, turn: Rows) -> Iterator[Rows]:
    """Those whose turn comes first, then the next ones, and so on."""
    for number in range(int(turn.max()) + 1 if turn.size else 0):
        yield places[turn == number]
