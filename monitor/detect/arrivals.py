"""Sends as the engine takes them: hour by hour and row by row, with all that follows from their times alone.

Which sends begin a session, when the one before began and how many sends a row had lately depends on nothing learned, so
it is reckoned for many hours at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.detect.bank import Bank, Floats, Rows
from monitor.detect.runs import Runs, runs_of

Flags = NDArray[np.bool_]

RATE_DECAY = np.log(2.0) / (14 * 24.0)
"""An hour: what a stream sent lately counts half after 14 days."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions that begin in an hour, by row and in order of time."""

    runs: Runs
    place: Rows
    """Which of the hour's sends begins it."""
    times: Floats
    wall: Floats
    """Hours since the session before began, NaN where there was none."""
    before: Rows
    """How many sessions the row had before."""


@dataclass(frozen=True, slots=True)
class HourOfSends:
    """The sends of one hour, by row and in order of time."""

    runs: Runs
    times: Floats
    previous: Floats
    """When the send before was, NaN where there was none."""
    begins: Flags
    base: Rows
    """The place of the latest session that began before this send, if it did in this hour; else negative."""
    session: Floats
    """When the session began that the silence before this send is reckoned from (NaN: none)."""
    session_number: Rows
    """How many sessions had begun before."""
    weights: Rows
    fleet_count: Floats
    """What the row's `fleet_count` is after it."""
    sessions: Sessions


class Arrivals:
    """Sends of any number of hours, in any order. What does not depend on the hours between is noted in the bank at once."""

    def __init__(self, bank: Bank, times: Floats, rows: Rows, weights: Rows | None = None) -> None:
        """`bank`: as it is at the beginning of the first hour; `weights`: how many sends each stands for, one by default."""
        order = np.lexsort((times, rows))
        at = times[order]
        runs = runs_of(rows[order])
        stands_for = np.ones(at.size, np.int64) if weights is None else weights[order]
        previous = runs.before(at, bank.last[runs.distinct])
        bank.note_sends(runs, at - previous, stands_for)
        begun, begins = _sessions(runs, at, previous, bank.session[runs.distinct], bank.thin[runs.distinct])
        number = begins.cumsum() - begins
        number += (bank.sessions[runs.distinct] - number[runs.first])[runs.member]
        count = _counts_after(bank, runs, at - previous, stands_for)

        by_hour = np.argsort(np.floor(at), kind="stable")
        self._times, self._hours = at[by_hour], np.floor(at[by_hour]).astype(np.int64)
        self._runs = runs_of(runs.rows[by_hour], self._hours)
        self._previous, self._session = previous[by_hour], runs.before(begun, bank.session[runs.distinct])[by_hour]
        self._begins, self._number = begins[by_hour], number[by_hour]
        self._weights, self._count = stands_for[by_hour], count[by_hour]
        self._base = self._bases()
        self._session_places = self._begins.nonzero()[0]
        hours = self._hours[self._session_places]
        self._session_runs = runs_of(self._runs.rows[self._session_places], hours)
        self.first_hour = int(self._hours[0]) if at.size else 0
        later = np.arange(self.first_hour, self._hours[-1] + 2 if at.size else 1)
        self._bounds = [
            np.searchsorted(of_hours, later).tolist()
            for of_hours in (self._hours, self._hours[self._runs.first], hours, hours[self._session_runs.first])
        ]

    def in_hour(self, hour: int) -> HourOfSends | None:
        """What arrives in one hour (since the epoch), if anything does."""
        place = hour - self.first_hour
        if not 0 <= place < len(self._bounds[0]) - 1:
            return None
        sends, distinct, begun, rows = (slice(*bounds[place : place + 2]) for bounds in self._bounds)
        if sends.start == sends.stop:
            return None
        places = self._session_places[begun]
        times = self._times[sends]
        sessions = Sessions(
            runs=self._session_runs.part(begun, rows),
            place=places - sends.start,
            times=self._times[places],
            wall=self._times[places] - self._session[places],
            before=self._number[places],
        )
        return HourOfSends(
            runs=self._runs.part(sends, distinct),
            times=times,
            previous=self._previous[sends],
            begins=self._begins[sends],
            base=np.maximum(self._base[sends] - sends.start, -1),
            session=self._session[sends],
            session_number=self._number[sends],
            weights=self._weights[sends],
            fleet_count=self._count[sends],
            sessions=sessions,
        )

    def _bases(self) -> Rows:
        """Of each send, the place of the latest session of its row that began in the same hour before it, or -1."""
        latest = np.maximum.accumulate(np.where(self._begins, np.arange(self._begins.size), -1))
        before = np.append(-1, latest[:-1])[: latest.size]
        return np.where(before >= self._runs.first[self._runs.member], before, -1)


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
