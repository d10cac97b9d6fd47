"""Stops that a backtest makes up: copies of streams that stay silent from some hour on, and when each would be found.

A copy keeps what was learned, and its clock runs at the pace of its original, which goes on. Nothing that happens to it
tells on anything else, so many hours are taken at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.detect.bank import Bank, Floats, Rows
from monitor.detect.calendar import hours_of_week
from monitor.detect.clocks import Silences, raise_alarms
from monitor.detect.engine import Engine
from monitor.detect.rhythm import deadlines, set_limits

LONGEST_WAIT = 2 * 8766.0
"""An injected stop that is not found within two years counts as never found."""
AT_ONCE = 168
"""Hours that pass before the copies are looked at."""


@dataclass(frozen=True, slots=True)
class InjectedStop:
    """A stop that was made up at `at`: when each level found it (NaN: not within two years or before the data's end)."""

    stream: str
    at: float
    found_at: tuple[float, float, float]
    rate_class: int


@dataclass(frozen=True, slots=True, order=True)
class Draw:
    """A stop that is to be made up at the beginning of `hour`."""

    hour: int
    row: int
    rate_class: int


class Stops:
    """The made-up stops of one replay. Call `add` before the engine takes an hour and `pass_hour` after it."""

    def __init__(self, engine: Engine, streams: tuple[str, ...]) -> None:
        self._engine, self._streams = engine, streams
        self._bank = Bank()
        self._draws: list[Draw] = []
        self._first = engine.hour
        self._speeds: list[Floats] = []
        self._tails, self._feedback = engine.learning.tails, engine.learning.feedback
        self._found: list[InjectedStop] = []

    def add(self, draw: Draw) -> None:
        self._bank.adopt(self._engine.bank, draw.row)
        self._draws.append(draw)

    def pass_hour(self) -> None:
        """The engine has taken one more hour."""
        engine, learning = self._engine, self._engine.learning
        self._speeds.append(engine.speed)
        shared = engine.hour % 24 == 0 and bool(np.isfinite(self._bank.view("total")).any())
        is_new = learning.feedback is not self._feedback or learning.tails is not self._tails
        if shared or is_new or len(self._speeds) >= AT_ONCE:
            self._look()
        if shared or is_new:
            self._tails, self._feedback = learning.tails, learning.feedback
            self._bank.view("budget")[:] = engine.bank.budget[self._origins()]
            set_limits(self._bank, np.arange(self._bank.size), self._tails, self._feedback)

    def found(self) -> tuple[InjectedStop, ...]:
        """All of them, at the end of the replay."""
        self._look()
        self._take_off(np.ones(self._bank.size, np.bool_))
        return tuple(sorted(self._found, key=lambda stop: (stop.at, stop.stream)))

    def _origins(self) -> Rows:
        return np.array([draw.row for draw in self._draws], np.int64)

    def _look(self) -> None:
        """Let the hours pass that the engine has taken since this was last done."""
        bank, hours = self._bank, self._first + np.arange(len(self._speeds))
        speeds = np.array(self._speeds)
        self._first += len(self._speeds)
        self._speeds.clear()
        if not bank.size or not hours.size:
            return
        rows, zone, witness = np.arange(bank.size), bank.view("zone"), bank.view("witness")
        cells = np.stack([hours_of_week(int(hours[0]), hours.size, name) for name in self._engine.zones], axis=1)
        pace = bank.profile[rows, cells[:, zone]].astype(np.float64) * speeds[:, self._origins()]
        starts = np.array([[w.at(hour) for w in self._engine.witnesses] for hour in hours.astype(float).tolist()])
        ends = np.array([[w.at(hour + 1.0) for w in self._engine.witnesses] for hour in hours.astype(float).tolist()])
        delta = (ends - starts)[:, witness]
        delta[hours[:, None] < np.array([draw.hour for draw in self._draws])] = 0.0
        elapsed = np.cumsum(np.vstack((bank.view("elapsed"), pace * delta)), axis=0)
        covered = np.cumsum(np.vstack((bank.view("covered"), delta)), axis=0)
        bank.view("deadline")[:] = deadlines(bank, rows, self._tails, self._feedback)
        seen = np.zeros(bank.size, np.int64)
        while True:
            due = self._due(elapsed[1:], covered[1:]) & (np.arange(hours.size)[:, None] >= seen)
            row = np.nonzero(due.any(axis=0))[0]
            if not row.size:
                break
            place = due[:, row].argmax(axis=0)
            seen[row] = place + 1
            silences = Silences(
                row,
                bank.session[row],
                bank.sessions[row],
                pace[place, row],
                starts[place, witness[row]],
                elapsed[place, row],
                covered[place, row],
                delta[place, row],
            )
            raise_alarms(bank, self._engine.witnesses, silences, hours[place].astype(np.float64))
        bank.view("elapsed")[:], bank.view("covered")[:] = elapsed[-1], covered[-1]
        since = np.array([draw.hour for draw in self._draws])
        known = np.isfinite(bank.view("alarm_at")).all(axis=1)
        self._take_off(known | (self._first - since > LONGEST_WAIT))

    def _due(self, elapsed: Floats, covered: Floats) -> np.ndarray:
        """Whether an alarm that is not raised yet is due, by hour and row."""
        bank = self._bank
        open_levels = np.isnan(bank.view("alarm_at"))
        open_levels[:, ::2] &= bank.view("levels_on")[:, None]
        soonest = np.where(open_levels, bank.view("deadline"), np.inf).min(axis=1)
        limited = open_levels[:, :2].any(axis=1) & (bank.view("sessions") >= bank.view("min_sessions"))
        late = (covered >= bank.view("limit")) & limited
        return np.asarray(((elapsed >= soonest) | late) & (covered >= bank.view("floor")))

    def _take_off(self, over: np.ndarray) -> None:
        """Note those that are found or given up, and forget their copies."""
        bank = self._bank
        for row in over.nonzero()[0].tolist():
            draw = self._draws[row]
            at = [float(a) if not a - draw.hour > LONGEST_WAIT else np.nan for a in bank.alarm_at[row]]
            self._found.append(InjectedStop(self._streams[draw.row], float(draw.hour), (at[0], at[1], at[2]), draw.rate_class))
        self._draws = [draw for draw, gone in zip(self._draws, over.tolist(), strict=True) if not gone]
        bank.keep(np.nonzero(~over)[0])
