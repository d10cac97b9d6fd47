"""Fixed silences in a backtest: nothing is learned there, so each alarm follows from the silence alone.

Says what the engine would say of streams that all have a fixed silence, without taking every hour of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.detect.arrivals import sessions_of
from monitor.detect.clocks import ENDED
from monitor.detect.engine import Engine
from monitor.detect.events import Events
from monitor.detect.runs import runs_of

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


def alarms_of_silences(engine: Engine, events: Events, until: float) -> tuple[Rows, Floats, Floats]:
    """For each send in order of (stream, time): its row, its time, and when its silence is an alarm.

    NaN where a send comes first, or `until`, or where the stream has too few sessions to be judged.
    """
    order = np.lexsort((events.times, events.rows))
    rows, times = events.rows[order], events.times[order]
    last = np.r_[rows[1:] != rows[:-1], True]
    ends = np.where(last, until, np.r_[times[1:], until])
    begun, number = _sessions(rows, times, engine.bank.thin)
    return rows, times, _alarms(engine, rows, begun, number, ends)


def alarms_without_end(engine: Engine, events: Events, stops: Rows, rows: Rows, until: float) -> Floats:
    """When streams that stop at these hours are told of; NaN where not before `until`."""
    order = np.lexsort((events.times, events.rows))
    sorted_rows, times = events.rows[order], events.times[order]
    begun, number = _sessions(sorted_rows, times, engine.bank.thin)
    first = np.searchsorted(sorted_rows, np.arange(len(events.streams) + 1))
    place = np.array(
        [first[r] + np.searchsorted(times[first[r] : first[r + 1]], stop) - 1 for stop, r in zip(stops, rows, strict=True)],
        np.int64,
    )
    return _alarms(engine, rows, begun[place], number[place], np.full(rows.size, until))


def _sessions(rows: Rows, times: Floats, thin: Floats) -> tuple[Floats, Rows]:
    """Of each send the start of its session, and how many sessions its stream has had by then."""
    runs = runs_of(rows)
    unknown = np.full(runs.distinct.size, np.nan)
    begun, begins = sessions_of(runs, times, runs.before(times, unknown), unknown, thin[runs.distinct])
    number = begins.cumsum()
    return begun, number - (number[runs.first] - 1)[runs.member]


def _alarms(engine: Engine, rows: Rows, begun: Floats, number: Rows, ends: Floats) -> Floats:
    bank = engine.bank
    wait = np.maximum(bank.limit[rows], bank.floor[rows])
    found = np.full(rows.size, np.nan)
    for k in np.nonzero((number >= bank.min_sessions[rows]) & (ends - begun >= wait))[0]:
        witness = engine.witnesses[bank.witness[rows[k]]]
        needed = witness.at(float(begun[k])) + float(wait[k])
        if witness.at(float(ends[k])) >= needed:
            at = witness.when(needed, float(begun[k]))
            found[k] = at if at >= witness.alarms_from else ENDED
    return found
