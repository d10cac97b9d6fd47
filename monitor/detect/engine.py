"""The detector's clockwork: takes hours one after another, with the sends that fell into them, and keeps the bank.

What it holds after an hour depends only on the sends, the coverage and the settings of the time up to then, never on
the order in which they were given. `fork` gives an independent engine, for judging the unfinished present.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from monitor.detect import fleet as fleet_clock
from monitor.detect.arrivals import Arrivals, Flags, HourOfSends
from monitor.detect.bank import Bank, Floats, Rows
from monitor.detect.calendar import hour_of_week
from monitor.detect.clocks import ALERT, Clocks, ClosedAlarm
from monitor.detect.defaults import Defaults
from monitor.detect.learning import Learning, is_real_stop
from monitor.detect.rhythm import LEAST_PACE, end_gaps, refresh, set_limits
from monitor.detect.witnesses import ALWAYS, CoveredTime


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
    excused: Rows = field(default_factory=lambda: np.zeros(0, np.int64))
    """Streams that the fleet does not expect to hear of, as their group has been found silent. To be set for each hour."""
    pace: Floats = field(default_factory=lambda: np.ones(0))
    """Profile-hours an hour, in the hour in progress: what a send in it teaches counts from the next one on."""

    def __post_init__(self) -> None:
        self.learning = Learning.start(self.defaults, self.hour)

    def fork(self) -> Engine:
        other = Engine(self.defaults, self.hour, self.zones, self.witnesses, self.bank.copy(), self.fleet.copy())
        other.learning = self.learning.copy()
        other.closed = list(self.closed)
        return other

    def advance(self, until: float, times: Floats, rows: Rows, weights: Rows | None = None) -> None:
        """Take the hour `self.hour` up to `until` (at most its end), with its sends in any order.

        `weights`: how many sends each stands for, one by default. Only a whole hour may be followed by another one.
        """
        self.take(until, self.arrivals(times, rows, weights).in_hour(self.hour))

    def arrivals(self, times: Floats, rows: Rows, weights: Rows | None = None) -> Arrivals:
        """The sends of this hour and any number of hours after it, made ready; rows and zones must be known by now."""
        return Arrivals(self.bank, self.zones, times, rows, weights)

    def take(self, until: float, sends: HourOfSends | None) -> None:
        """The same, of `sends` that were made ready for many hours."""
        bank, hour = self.bank, self.hour
        index = np.arange(bank.size)
        cells = np.array([hour_of_week(hour, zone) for zone in self.zones])[bank.view("zone")]
        starts = np.array([w.at(float(hour)) for w in self.witnesses], np.float64)
        ends = np.array([w.at(until) for w in self.witnesses], np.float64)
        witness = bank.view("witness")
        span = until - hour
        share = ((ends - starts) / span if span > 0 else np.ones(ends.size))[witness]
        profile = bank.profile[index, cells].astype(np.float64)
        self.speed = fleet_clock.factors(self.fleet, bank, hour, share, profile, self.excused)
        self.pace = profile * self.speed
        tails, feedback = self.learning.tails, self.learning.feedback
        clocks = Clocks(bank, hour, self.witnesses, tails, feedback, self.pace, starts[witness])
        if sends is not None:
            self._take_sends(clocks, sends)
        clocks.pass_rest(ends[witness])
        if until >= hour + 1:
            self.hour = hour + 1
            if self.hour % 24 == 0:
                day = np.array([self.hour - 24.0]), np.array([float(self.hour)])
                judged = np.concatenate([w.judged(*day) for w in self.witnesses])
                self.learning.pass_day(bank, self.hour, judged[witness])
            if self.learning.refit(self.hour) | self._share_out():
                set_limits(bank, index, self.learning.tails, self.learning.feedback)

    def _share_out(self) -> bool:
        """Once a day, divide a budget for all streams together by those that have not ended. True where there is one."""
        bank = self.bank
        if self.hour % 24:
            return False
        shared = np.isfinite(bank.view("total"))
        if not shared.any():
            return False
        with np.errstate(invalid="ignore"):
            live = ~is_real_stop(self.hour - bank.view("last"), 1.0 / bank.levels()) & ~np.isnan(bank.view("last"))
        number = max(int((shared & live & ~bank.view("is_group")).sum()), 1)
        bank.view("budget")[shared] = bank.view("total")[shared] / number
        return True

    def _take_sends(self, clocks: Clocks, sends: HourOfSends) -> None:
        """Let the time pass from send to send, and learn from the silences that they end."""
        bank, learning, sessions = self.bank, self.learning, sends.sessions
        silences = clocks.pass_sends(sends)
        self._note_alarms(clocks.closed)
        fleet_clock.count_sends(self.fleet, bank, sends, self.hour)
        if not sessions.times.size:
            return
        begun = sessions.rows
        steady, seen = self.speed[begun] >= LEAST_PACE, self._are_seen(begun, sessions.times)
        gaps, level = end_gaps(bank, sessions, silences[sessions.place], steady, seen)
        learning.note_gaps(gaps, sessions.wall, level, bank.tail[begun], bank.is_group[begun])
        refresh(bank, sessions.distinct, self.defaults, learning.tails, learning.feedback)

    def _are_seen(self, rows: Rows, times: Floats) -> Flags:
        """Which of these sends came in time that counts."""
        kinds = self.bank.witness[rows]
        seen = np.ones(times.size, np.bool_)
        for kind in np.unique(kinds[kinds > 0]):
            mine = kinds == kind
            seen[mine] = self.witnesses[kind].covers(times[mine])
        return seen

    def _note_alarms(self, closed: list[ClosedAlarm]) -> None:
        bank = self.bank
        self.closed += closed
        for alarm in closed:
            if np.isfinite(alarm.alarm_at[ALERT]) and not bank.is_group[alarm.row]:
                kind = int(bank.tail[alarm.row])
                self.learning.note_alarm(kind, alarm.resumed_at - alarm.last, 1.0 / bank.level(alarm.row))
