"""Sends as the engine takes them: hour by hour and row by row, with all that follows from their times alone.

Which sends begin a session, when the one before began and how many sends a row had lately depends on nothing learned, so
it is reckoned for many hours at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.detect.bank import Bank, Floats, Rows
from monitor.detect.calendar import HOURS_PER_WEEK, hours_of_week
from monitor.detect.runs import Runs, runs_of

Flags = NDArray[np.bool_]

RATE_DECAY = np.log(2.0) / (14 * 24.0)
"""An hour: what a stream sent lately counts half after 14 days."""
DAYS = 24.0 * np.arange(7)


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions that begin in an hour: the first one of each row, by row, then the second ones, and so on."""

    rows: Rows
    member: Rows
    """Which of `distinct` it is."""
    distinct: Rows
    last: Rows
    """Of each distinct row, the place of its last session."""
    rounds: Sequence[slice]
    place: Rows
    """Which of the hour's sends begins it."""
    times: Floats
    wall: Floats
    """Hours since the session before began, NaN where there was none."""
    before: Rows
    """How many sessions the row had before."""
    cells: Rows
    """The hour of the week."""
    week_hour: Floats
    """The same with its fraction, of the session before."""
    watched: Floats
    """The hours since then, by day of the week (seven columns)."""


@dataclass(frozen=True, slots=True)
class HourOfSends:
    """The sends of one hour, by row and in order of time."""

    runs: Runs
    times: Floats
    previous: Floats
    """When the send before was, NaN where there was none."""
    begins: Flags
    base: Rows
    """The place of the latest session that began before this send, if it did in this hour; else -1."""
    session: Floats
    """When the session began that the silence before this send is reckoned from (NaN: none)."""
    session_number: Rows
    """How many sessions had begun before."""
    last: Floats
    fleet_count: Floats
    number: Rows
    """Of each distinct row: its latest send, what its `fleet_count` is then, and how many sends it has in the hour."""
    of_streams: int
    """How many of the sends are no group's."""
    sessions: Sessions


class Arrivals:
    """Sends of any number of hours, in any order. What does not depend on the hours between is noted in the bank at once."""

    def __init__(self, bank: Bank, zones: Sequence[str], times: Floats, rows: Rows, weights: Rows | None = None) -> None:
        """`bank`: as it is at the beginning of the first hour; `weights`: how many sends each stands for, one by default."""
        order = np.lexsort((times, rows))
        at = times[order]
        runs = runs_of(rows[order])
        stands_for = np.ones(at.size, np.int64) if weights is None else weights[order]
        previous = runs.before(at, bank.last[runs.distinct])
        bank.note_sends(runs, at - previous, stands_for)
        begun, begins = _sessions(runs, at, previous, bank.session[runs.distinct], bank.thin[runs.distinct])
        session = runs.before(begun, bank.session[runs.distinct])
        number = begins.cumsum() - begins
        number += (bank.sessions[runs.distinct] - number[runs.first])[runs.member]
        count = _counts_after(bank, runs, at - previous, stands_for)

        by_hour = np.argsort(np.floor(at), kind="stable")
        self._times, self._hours = at[by_hour], np.floor(at[by_hour]).astype(np.int64)
        runs = runs_of(runs.rows[by_hour], self._hours)
        self._previous, self._session = previous[by_hour], session[by_hour]
        self._begins, self._number = begins[by_hour], number[by_hour]
        self._last, self._count = self._times[runs.last], count[by_hour][runs.last]
        self._sends = np.add.reduceat(stands_for[by_hour], runs.first) if at.size else stands_for
        self._of_streams = np.append(0, (~bank.is_group[runs.rows]).cumsum())
        self._runs = runs.within(self._hours)
        first = np.searchsorted(self._hours, self._hours)
        self._base = self._bases(runs, first)
        begun_in, in_rows, in_rounds = self._prepare_sessions(bank, zones, first)
        self.first_hour = int(self._hours[0]) if at.size else 0
        later = np.arange(self.first_hour, self._hours[-1] + 2 if at.size else 1)
        self._bounds = [
            np.searchsorted(of_hours, later).tolist()
            for of_hours in (self._hours, self._hours[runs.first], begun_in, in_rows, in_rounds)
        ]

    def in_hour(self, hour: int) -> HourOfSends | None:
        """What arrives in one hour (since the epoch), if anything does."""
        place = hour - self.first_hour
        if not 0 <= place < len(self._bounds[0]) - 1:
            return None
        sends, distinct, begun, in_rows, in_rounds = (slice(bounds[place], bounds[place + 1]) for bounds in self._bounds)
        if sends.start == sends.stop:
            return None
        rows = self._session_rows[begun]
        sessions = Sessions(
            rows=rows,
            member=self._member[begun],
            distinct=rows[: in_rows.stop - in_rows.start],
            last=self._last_session[in_rows],
            rounds=self._rounds[in_rounds],
            place=self._session_place[begun],
            times=self._session_times[begun],
            wall=self._wall[begun],
            before=self._session_number[begun],
            cells=self._cells[begun],
            week_hour=self._week_hour[begun],
            watched=self._watched[begun],
        )
        return HourOfSends(
            runs=self._runs.part(sends, distinct),
            times=self._times[sends],
            previous=self._previous[sends],
            begins=self._begins[sends],
            base=self._base[sends],
            session=self._session[sends],
            session_number=self._number[sends],
            last=self._last[distinct],
            fleet_count=self._count[distinct],
            number=self._sends[distinct],
            of_streams=int(self._of_streams[sends.stop] - self._of_streams[sends.start]),
            sessions=sessions,
        )

    def _bases(self, runs: Runs, first: Rows) -> Rows:
        """Of each send, the place of the latest session of its row that began in the same hour before it, or -1."""
        latest = np.maximum.accumulate(np.where(self._begins, np.arange(self._begins.size), -1))
        before = np.append(-1, latest[:-1])[: latest.size]
        return np.where(before >= runs.first[runs.member], before - first, -1)

    def _prepare_sessions(self, bank: Bank, zones: Sequence[str], first_place: Rows) -> tuple[Rows, Rows, Rows]:
        """The hours of sessions, of the distinct rows and of the rounds; `first_place`: of each send, its hour's first one."""
        by_row = self._begins.nonzero()[0]
        hours = self._hours[by_row]
        runs = runs_of(self._runs.rows[by_row], hours)
        order = np.lexsort((runs.rank, hours))
        places, rank = by_row[order], runs.rank[order]
        times, rows = self._times[places], self._runs.rows[places]
        first = np.searchsorted(hours, hours)
        self._session_rows, self._member = rows, runs.within(hours).member[order]
        self._session_place = places - first_place[places]
        self._session_times, self._session_number = times, self._number[places]
        new_place = np.empty_like(order)
        new_place[order] = np.arange(order.size)
        self._last_session = new_place[runs.last] - first[runs.last]
        begins = np.flatnonzero(np.r_[True, (hours[1:] != hours[:-1]) | (rank[1:] != rank[:-1])][: hours.size])
        ends = np.append(begins, hours.size)[1:]
        self._rounds = [
            slice(a, b) for a, b in zip((begins - first[begins]).tolist(), (ends - first[begins]).tolist(), strict=True)
        ]
        self._wall = times - self._session[places]
        self._cells = _cells(bank.zone[rows], hours, zones)
        week_hour = self._cells + times % 1.0
        before = np.empty(places.size)
        by_row_and_time = np.lexsort((times, rows))
        of_rows = runs_of(rows[by_row_and_time])
        before[by_row_and_time] = of_rows.before(week_hour[by_row_and_time], bank.week_hour[of_rows.distinct])
        self._week_hour = before
        self._watched = hours_by_day(before, np.where(np.isnan(self._wall), 0.0, self._wall))
        return hours, hours[runs.first], hours[begins]


def _cells(zone_of: Rows, hours: Rows, zones: Sequence[str]) -> Rows:
    """The hours of the week, each in its zone."""
    cells = np.empty(hours.size, np.int64)
    for zone in set(zone_of.tolist()):
        mine = zone_of == zone
        first = int(hours[0])
        cells[mine] = hours_of_week(first, int(hours[-1]) + 1 - first, zones[zone])[hours[mine] - first]
    return cells


def hours_by_day(start: Floats, span: Floats) -> Floats:
    """How many hours of each day of the week lie in `span` hours from the hour of the week `start`: one column a day."""
    weeks, rest = np.divmod(np.stack((start, start + span)), HOURS_PER_WEEK)
    until = 24.0 * weeks[:, :, None] + np.minimum(np.maximum(rest[:, :, None] - DAYS, 0.0), 24.0)
    return np.asarray(until[1] - until[0])


def _sessions(runs: Runs, times: Floats, previous: Floats, session: Floats, thin: Floats) -> tuple[Floats, Flags]:
    """When the session of each send began, and whether that was with it; `session` is the one before, by distinct row."""
    of_thin = thin[runs.member]
    begins = ~(times <= previous + of_thin)
    begun = np.where(begins, times, np.nan)
    doubtful = (~begins).nonzero()[0]
    # A send soon after another one may be late for the session that the other belongs to: one after the other.
    while doubtful.size:
        first = runs.rank[doubtful] == 0
        known = np.where(first, session[runs.member[doubtful]], begun[doubtful - 1])
        ready = ~np.isnan(known)
        place, since = doubtful[ready], known[ready]
        begins[place] = times[place] > since + of_thin[place]
        begun[place] = np.where(begins[place], times[place], since)
        doubtful = doubtful[~ready]
    return begun, begins


def _counts_after(bank: Bank, runs: Runs, pauses: Floats, weights: Rows) -> Floats:
    """What `fleet_count` is after each of the sends; `pauses`: hours since the one before, NaN where there was none."""
    known = ~np.isnan(pauses)
    keep = np.where(known, np.exp(-RATE_DECAY * pauses), 0.0).tolist()
    news = (weights - ~known).tolist()
    counts: list[float] = []
    for row, first, last in zip(runs.distinct.tolist(), runs.first.tolist(), runs.last.tolist(), strict=True):
        count = float(bank.fleet_count[row])
        for place in range(first, last + 1):
            count = count * keep[place] + news[place]
            counts.append(count)
    return np.array(counts, np.float64)
