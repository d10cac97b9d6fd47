"""Stops that a backtest makes up: copies of streams that stay silent from some hour on, and when each would be found.

A copy keeps what was learned, and its clock runs at the pace of its original, which goes on. Nothing that happens to it
tells on anything else, so many hours are taken at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.arrivals import Arrivals
from monitor.detect.bank import Bank, Floats, Rows
from monitor.detect.clocks import Clocks, Hours
from monitor.detect.engine import Engine, take_sends
from monitor.detect.rhythm import set_limits

LONGEST_WAIT = 2 * 8766.0
"""An injected stop that is not found within two years counts as never found."""
TAKES_AT_ONCE = 7
"""How often the engine takes hours before the copies are looked at."""


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
    """The made-up stops of one replay, along which the engine's hours are taken."""

    def __init__(self, engine: Engine, streams: tuple[str, ...]) -> None:
        self._engine, self._streams = engine, streams
        self._bank = Bank()
        self._draws: list[Draw] = []
        self._first = engine.hour
        self._speeds: list[Floats] = []
        self._tails, self._feedback = engine.learning.tails, engine.learning.feedback
        self._found: list[InjectedStop] = []

    def advance(self, until: float, times: Floats, rows: Rows, draws: Sequence[Draw]) -> None:
        """Let the engine take whole hours at once, with their sends; `draws`: those that are made up in these hours."""
        engine, learning = self._engine, self._engine.learning
        first, stopped = engine.hour, Bank()
        stopped.adopt(engine.bank, _origins(draws))
        engine.advance(until, times, rows)
        if draws:
            self._stop(stopped, first, until, times, rows, draws)
        self._speeds.append(engine.speeds)
        shared = bool(np.isfinite(self._bank.view("total")).any()) and engine.hour % 24 == 0
        is_new = learning.feedback is not self._feedback or learning.tails is not self._tails
        if draws or shared or is_new or len(self._speeds) >= TAKES_AT_ONCE:
            self._look()
        self._bank.adopt(stopped, np.arange(stopped.size))
        self._draws += draws
        if shared or is_new:
            self._tails, self._feedback = learning.tails, learning.feedback
            self._bank.view("budget")[:] = engine.bank.budget[_origins(self._draws)]
            set_limits(self._bank, np.arange(self._bank.size), self._tails, self._feedback)

    def found(self) -> tuple[InjectedStop, ...]:
        """All of them, at the end of the replay."""
        self._look()
        self._take_off(np.ones(self._bank.size, np.bool_))
        return tuple(sorted(self._found, key=lambda stop: (stop.at, stop.stream)))

    def _stop(self, bank: Bank, first: int, until: float, times: Floats, rows: Rows, draws: Sequence[Draw]) -> None:
        """Take the hours in which these copies still get what is sent before their stop."""
        engine = self._engine
        own = [np.nonzero((rows == draw.row) & (times < draw.hour))[0] for draw in draws]
        places = np.concatenate(own)
        clocks = self._clocks(bank, first, until, engine.speeds[:, _origins(draws)])
        if places.size:
            copies = np.repeat(np.arange(len(draws)), [found.size for found in own])
            take_sends(clocks, Arrivals(bank, engine.zones, first, times[places], copies), engine.defaults)
        clocks.pass_rest()

    def _look(self) -> None:
        """Let the hours pass that the engine has taken since this was last done."""
        bank, speeds = self._bank, np.concatenate(self._speeds) if self._speeds else np.empty((0, 0))
        first, self._first = self._first, self._first + speeds.shape[0]
        self._speeds.clear()
        if not bank.size or not speeds.shape[0]:
            return
        self._clocks(bank, first, float(self._first), speeds[:, _origins(self._draws)]).pass_rest()
        since = np.array([draw.hour for draw in self._draws])
        known = np.isfinite(bank.view("alarm_at")).all(axis=1)
        self._take_off(known | (self._first - since > LONGEST_WAIT))

    def _clocks(self, bank: Bank, first: int, until: float, speeds: Floats) -> Clocks:
        engine = self._engine
        hours = Hours.of(first, until, engine.witnesses)
        return Clocks(bank, hours, engine.zones, engine.witnesses, self._tails, self._feedback, speeds)

    def _take_off(self, over: np.ndarray) -> None:
        """Note those that are found or given up, and forget their copies."""
        bank = self._bank
        for row in over.nonzero()[0].tolist():
            draw = self._draws[row]
            at = [float(a) if np.isfinite(a) and a - draw.hour <= LONGEST_WAIT else np.nan for a in bank.alarm_at[row]]
            self._found.append(InjectedStop(self._streams[draw.row], float(draw.hour), (at[0], at[1], at[2]), draw.rate_class))
        self._draws = [draw for draw, gone in zip(self._draws, over.tolist(), strict=True) if not gone]
        bank.keep(np.nonzero(~over)[0])


def _origins(draws: Sequence[Draw]) -> Rows:
    return np.array([draw.row for draw in draws], np.int64)
