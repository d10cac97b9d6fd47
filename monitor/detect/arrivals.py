"""The sends of some hours as the engine takes them, row by row, with all that follows from their times alone."""

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
LESSON_HOURS, YOUNG_LESSON_HOURS, YOUNG_DAYS = 24.0, 6.0, 14
"""Profile and scale are learned once in so many hours (UTC), and more often in the two weeks after a stream's first day."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions that begin in these hours: the first one of each row, then the second ones, and so on.

    Rows stand in the order of `distinct`, those with most sessions first, so that a round's rows are the first of them.
    """

    distinct: Rows
    rounds: Sequence[slice]
    last: Rows
    """Of each distinct row, the place of its last session."""
    rows: Rows
    send: Rows
    """Which of the sends begins it."""
    hours: Rows
    times: Floats
    wall: Floats
    """Hours since the session before began, NaN where there was none."""
    before: Rows
    """How many sessions the row had before."""
    opens: Flags
    """Whether it is the row's first one in its lesson hours."""
    cells: Rows
    """The hour of the week."""
    week_hour: Floats
    """The same with its fraction, of the session before."""


class Arrivals:
    """Sends in any order, of hours that the engine takes at once. What their times alone tell is noted in the bank.

    All is by row and in order of time. Of each send: when the one before was (NaN: there was none), whether it begins a
    session, the place of the latest session that began before it in these hours (`base`, else -1), when the session began
    that the silence before it is reckoned from, how many sessions had begun before, and what `fleet_count` is after it.
    """

    def __init__(
        self, bank: Bank, zones: Sequence[str], first: int, times: Floats, rows: Rows, weights: Rows | None = None
    ) -> None:
        """`bank`: as it is at the beginning of `first`; `weights`: how many sends each stands for, one by default."""
        order = np.lexsort((times, rows))
        self.times = at = times[order]
        self.hours = at.astype(np.int64) - first
        self.runs = runs = runs_of(rows[order])
        self.weights = np.ones(at.size, np.int64) if weights is None else weights[order]
        self.previous = runs.before(at, bank.last[runs.distinct])
        pauses = at - self.previous
        bank.note_sends(runs, at, pauses, self.weights)
        known = bank.session[runs.distinct]
        begun, begins = sessions_of(runs, at, self.previous, known, bank.thin[runs.distinct])
        self.session = runs.before(begun, known)
        self.begins = begins
        number = begins.cumsum() - begins
        number += (bank.sessions[runs.distinct] - number[runs.first])[runs.member]
        self.session_number = number
        self.count = _counts_after(bank, runs, pauses, self.weights)
        latest = np.maximum.accumulate(np.where(begins, np.arange(at.size), -1))
        before = np.append(-1, latest[:-1])
        self.base = np.where(before >= runs.first[runs.member], before, -1)
        self.sessions = self._make_sessions(bank, zones, first)

    def _make_sessions(self, bank: Bank, zones: Sequence[str], first: int) -> Sessions:
        of_rows = self.begins.nonzero()[0]
        runs = runs_of(self.runs.rows[of_rows])
        number = runs.last - runs.first + 1
        most_first = np.argsort(-number, kind="stable")
        member = np.empty_like(most_first)
        member[most_first] = np.arange(member.size)
        in_round = np.bincount(runs.rank)
        begins = np.append(0, in_round.cumsum())
        places = begins[runs.rank] + member[runs.member]
        send = np.empty_like(of_rows)
        send[places] = of_rows
        times, since = self.times[of_rows], self.session[of_rows]
        cells = _cells(bank.zone[runs.rows], self.hours[of_rows], first, zones)
        week_hour = runs.before(cells + times % 1.0, bank.week_hour[runs.distinct])
        lesson = lesson_hours(bank.first[runs.rows], times)
        opens = ~(np.floor(since / lesson) == np.floor(times / lesson))
        to = np.empty_like(places)
        to[places] = np.arange(places.size)
        return Sessions(
            distinct=runs.distinct[most_first],
            rounds=[slice(a, b) for a, b in zip(begins[:-1].tolist(), begins[1:].tolist(), strict=True)],
            last=(begins[number - 1] + member)[most_first],
            rows=runs.rows[to],
            send=send,
            hours=self.hours[send],
            times=times[to],
            wall=(times - since)[to],
            before=self.session_number[send],
            opens=opens[to],
            cells=cells[to],
            week_hour=week_hour[to],
        )


def lesson_hours(first: Floats, times: Floats | float) -> Floats:
    """How long profile and scale stand at `times`, for streams whose first sends were then; NaN: there was none yet."""
    days = np.floor(np.asarray(times) / 24.0) - np.floor(first / 24.0)
    return np.where((days > 0) & (days <= YOUNG_DAYS), YOUNG_LESSON_HOURS, LESSON_HOURS)


def _cells(zone_of: Rows, hours: Rows, first: int, zones: Sequence[str]) -> Rows:
    """The hours of the week, each in its zone."""
    cells = np.empty(hours.size, np.int64)
    for zone in set(zone_of.tolist()):
        mine = zone_of == zone
        cells[mine] = hours_of_week(first, 24, zones[zone])[hours[mine]]
    return cells


def hours_by_day(start: Floats, span: Floats) -> Floats:
    """How many hours of each day of the week lie in `span` hours from the hour of the week `start`: one column a day."""
    weeks, rest = np.divmod(np.stack((start, start + span)), HOURS_PER_WEEK)
    until = 24.0 * weeks[:, :, None] + np.minimum(np.maximum(rest[:, :, None] - DAYS, 0.0), 24.0)
    return np.asarray(until[1] - until[0])


def sessions_of(runs: Runs, times: Floats, previous: Floats, session: Floats, thin: Floats) -> tuple[Floats, Flags]:
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
