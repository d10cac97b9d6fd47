"""The detector's clockwork: takes hours one after another, with the sends that fell into them, and keeps the bank.

What it holds after an hour depends only on the sends, the coverage and the settings of the time up to then, never on
the order in which they were given. `fork` gives an independent engine, for judging the unfinished present.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from monitor.detect import fleet as fleet_clock
from monitor.detect.arrivals import LESSON_HOURS, Arrivals, lesson_hours
from monitor.detect.bank import Bank, Floats, Rows
from monitor.detect.calendar import hours_of_week
from monitor.detect.clocks import ALERT, Clocks, ClosedAlarm, Hours
from monitor.detect.defaults import Defaults
from monitor.detect.learning import Learning, is_real_stop
from monitor.detect.lessons import LEAST_PACE, Lessons
from monitor.detect.rhythm import set_limits
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
    speeds: Floats = field(default_factory=lambda: np.ones((1, 0)))
    """The fleet factors of the hours that were taken last: a row an hour."""
    excused: Rows = field(default_factory=lambda: np.zeros(0, np.int64))
    """Streams that the fleet does not expect to hear of, as their group has been found silent. To be set for each hour."""

    def __post_init__(self) -> None:
        self.learning = Learning.start(self.defaults, self.hour)

    @property
    def speed(self) -> Floats:
        """The fleet factor of the hour in progress."""
        return np.asarray(self.speeds[-1])

    def fork(self) -> Engine:
        other = Engine(self.defaults, self.hour, self.zones, self.witnesses, self.bank.copy(), self.fleet.copy())
        other.learning = self.learning.copy()
        other.closed = list(self.closed)
        return other

    @property
    def lesson_ends(self) -> int:
        """Up to which hour the next ones may be taken at once: the end of the day (UTC), or sooner while a stream is young."""
        step = int(lesson_hours(self.bank.view("first"), float(self.hour)).min(initial=LESSON_HOURS))
        return self.hour // step * step + step

    def advance(self, until: float, times: Floats, rows: Rows, weights: Rows | None = None) -> None:
        """Take the hours from `self.hour` up to `until`, at most `lesson_ends`, with their sends in any order.

        `weights`: how many sends each stands for, one by default. Only whole hours may be followed by others.
        """
        bank, learning = self.bank, self.learning
        hours = Hours.of(self.hour, until, self.witnesses)
        sends = Arrivals(bank, self.zones, self.hour, times, rows, weights) if times.size else None
        share = hours.share[:, bank.view("witness")]
        self.speeds = fleet_clock.factors(self.fleet, bank, self.hour, share, sends, self.excused)
        clocks = Clocks(bank, hours, self.zones, self.witnesses, learning.tails, learning.feedback, self.speeds)
        if sends is not None:
            lessons = take_sends(clocks, sends, self.defaults)
            self._note_alarms(clocks.closed)
            session = sends.sessions
            learning.note_gaps(lessons.gaps, session.wall, lessons.level_met, lessons.kind_met, bank.is_group[session.rows])
        clocks.pass_rest()
        if until >= self.hour + hours.number:
            self.hour += hours.number
            if self.hour % 24 == 0:
                self._close_day()

    def _close_day(self) -> None:
        bank, learning = self.bank, self.learning
        day = np.array([self.hour - 24.0]), np.array([float(self.hour)])
        judged = np.concatenate([w.judged(*day) for w in self.witnesses])
        learning.pass_day(bank, self.hour, judged[bank.view("witness")])
        cells = np.stack([hours_of_week(self.hour, 24, zone) for zone in self.zones], axis=1)
        fleet_clock.open_day(bank, self.hour, cells)
        if learning.refit(bank, self.hour) | self._share_out():
            set_limits(bank, np.arange(bank.size), learning.tails, learning.feedback)

    def _share_out(self) -> bool:
        """Divide a budget for all streams together by those that have not ended. True where there is one."""
        bank = self.bank
        shared = np.isfinite(bank.view("total"))
        if not shared.any():
            return False
        with np.errstate(invalid="ignore"):
            live = ~is_real_stop(self.hour - bank.view("last"), 1.0 / bank.levels()) & ~np.isnan(bank.view("last"))
        number = max(int((shared & live & ~bank.view("is_group")).sum()), 1)
        bank.view("budget")[shared] = bank.view("total")[shared] / number
        return True

    def _note_alarms(self, closed: list[ClosedAlarm]) -> None:
        self.closed += closed
        for alarm in closed:
            if np.isfinite(alarm.alarm_at[ALERT]) and not self.bank.is_group[alarm.row]:
                self.learning.note_alarm(self.bank, alarm.row, alarm.tail, alarm.resumed_at - alarm.last, alarm.mean_gap)


def take_sends(clocks: Clocks, sends: Arrivals, defaults: Defaults) -> Lessons:
    """Let the time pass from send to send, and learn from the silences that they end."""
    sessions = sends.sessions
    clocks.end_silences(sends)
    steady = clocks.speed[sessions.hours, sessions.rows] >= LEAST_PACE
    lessons = Lessons(clocks.bank, sessions, steady, clocks.are_seen(sessions.rows, sessions.times))
    if sessions.rows.size:
        renewed = lessons.take_first(clocks.lasted[sessions.send[sessions.rounds[0]]], defaults)
        clocks.begin_silences(sends, renewed)
        lessons.take_later(clocks.lasted[sessions.send], clocks.tails, clocks.feedback)
        clocks.end_new_silences(sends, lessons)
    return lessons
