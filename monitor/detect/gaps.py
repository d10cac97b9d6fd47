"""From columns to words: the state of every stream, and the facts behind a silence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np

from monitor.detect.bank import LEVELS, Floats, Rows
from monitor.detect.calendar import moment_of
from monitor.detect.clocks import ALERT, WATCH
from monitor.detect.delay import expected_delays
from monitor.detect.fleet import rates
from monitor.detect.learning import is_real_stop
from monitor.detect.outlook import reach, wait
from monitor.detect.replay import Frame
from monitor.detect.rhythm import deadlines, return_periods, surprises
from monitor.model import GapFacts, Level, StreamPhase, StreamState

LONGEST_OUTLOOK = 24.0 * 366 * 20


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be expected of a row; the fields of `GapFacts` with these names."""

    next_expected_at: datetime | None
    alarm_due_at: datetime | None
    delay_by_day: timedelta | None
    delay_by_night: timedelta | None


@dataclass(frozen=True)
class Reading:
    """All columns that findings need, read off one frame at one `now`; indexed by row."""

    frame: Frame
    now: float
    years: Floats
    """Between silences as long as the running one; 0 while too few sends are known to say."""
    surprises: Floats
    expected: Floats
    rates: Floats
    """Sends an hour lately."""
    zones: list[str]

    @cached_property
    def outlook(self) -> dict[int, Outlook]:
        """Of every row."""
        return self._outlook_of(np.arange(self.frame.engine.bank.size))

    @cached_property
    def alarmed_outlook(self) -> dict[int, Outlook]:
        """Of the rows with an alarm of any level, which is all that a tick needs."""
        return self._outlook_of(np.nonzero(np.isfinite(self.frame.engine.bank.view("alarm_at")).any(axis=1))[0])

    def outlook_of(self, row: int) -> Outlook:
        """Of one row that a finding is about."""
        known = self.alarmed_outlook
        return known[row] if row in known else self._outlook_of(np.array([row]))[row]

    def _outlook_of(self, rows: Rows) -> dict[int, Outlook]:
        bank = self.frame.engine.bank
        once = np.where(bank.sessions[rows] >= 2, 1.0 / bank.levels()[rows], np.nan)
        witnesses = self.frame.engine.witnesses
        expected = reach(bank, rows, bank.session[rows], once, np.ones(rows.size), self.zones, witnesses)
        learning = self.frame.engine.learning
        silence = deadlines(bank, rows, learning.tails, learning.feedback)[:, ALERT]
        due = _due(self.frame, self.now, self.zones, rows, silence)
        ended = np.isneginf(bank.alarm_at[rows, ALERT])
        by_day, by_night = (np.where(ended, np.nan, delay) for delay in expected_delays(bank, rows, silence))
        columns = zip(rows.tolist(), expected, due, by_day, by_night, strict=True)
        return {row: Outlook(_moment(e), _moment(d), _hours(day), _hours(night)) for row, e, d, day, night in columns}

    def alarmed(self) -> list[tuple[str, int]]:
        """The streams with an alarm of any level, by name."""
        bank = self.frame.engine.bank
        rows = set(np.nonzero(np.isfinite(bank.view("alarm_at")).any(axis=1) & ~bank.view("is_group"))[0].tolist())
        return sorted((s, row) for s, row in self.frame.roster.streams.items() if row in rows) if rows else []

    def level(self, row: int) -> Level | None:
        """The highest level whose alarm is open."""
        reached = np.nonzero(np.isfinite(self.frame.engine.bank.alarm_at[row]))[0]
        return LEVELS[int(reached[-1])] if reached.size else None

    def found_at(self, row: int, level: Level) -> float:
        """When the silence first counted as an alert (or as a watch, where it is no more)."""
        return float(self.frame.engine.bank.alarm_at[row, min(LEVELS.index(level), ALERT)])

    def ended(self, row: int) -> bool:
        """Silent since before anybody looked."""
        return bool(np.isneginf(self.frame.engine.bank.alarm_at[row, ALERT]))


def read_off(frame: Frame, now: float, zones: list[str]) -> Reading:
    """Read a frame that was brought to `now`."""
    engine = frame.engine
    bank = engine.bank
    is_learned = bank.view("sessions") >= bank.view("min_sessions")
    return Reading(
        frame,
        now,
        np.where(is_learned, return_periods(bank, engine.learning.tails, engine.learning.feedback), 0.0),
        surprises(bank, engine.learning.tails),
        bank.levels() * bank.view("elapsed"),
        rates(bank, now),
        zones,
    )


def _due(frame: Frame, now: float, zones: list[str], rows: Rows, silence: Floats) -> Floats:
    """When each row's alert is due if nothing arrives, NaN where never or not yet learned; of an open one, when it came.

    `silence`: the profile-hours that it needs. The clock goes on from the last proof, as the next one will prove the time
    between; the alert cannot come before `now`.
    """
    engine = frame.engine
    bank, witnesses = engine.bank, engine.witnesses
    begins = np.minimum(np.array([w.proven_until for w in witnesses])[bank.witness[rows]], now)
    speed = np.array([engine.speed[row] if row < engine.speed.size else 1.0 for row in rows.tolist()])
    left = np.maximum(silence - bank.elapsed[rows], 0.0)
    due = reach(bank, rows, begins, left, speed, zones, witnesses)
    covered = bank.covered[rows]
    with np.errstate(invalid="ignore"):
        due = np.fmin(due, wait(bank, rows, begins, np.maximum(bank.limit[rows] - covered, 0.0), witnesses))
        due = np.maximum(due, wait(bank, rows, begins, np.maximum(bank.floor[rows] - covered, 0.0), witnesses))
        due = np.where(bank.sessions[rows] >= bank.min_sessions[rows], np.maximum(due, now), np.nan)
    alarm_at = bank.alarm_at[rows, ALERT]
    due = np.where(np.isnan(alarm_at), due, np.where(np.isfinite(alarm_at), alarm_at, np.nan))
    return np.asarray(np.where(due - now > LONGEST_OUTLOOK, np.nan, due))


def _moment(hours: float) -> datetime | None:
    return moment_of(float(hours)) if np.isfinite(hours) else None


def _hours(hours: float) -> timedelta | None:
    return timedelta(seconds=round(3600 * float(hours))) if np.isfinite(hours) and hours < LONGEST_OUTLOOK else None


def stream_state(reading: Reading, stream: str, phase: StreamPhase) -> StreamState:
    roster, bank = reading.frame.roster, reading.frame.engine.bank
    row = roster.streams[stream]
    facts = gap_facts(reading, row, reading.outlook[row])
    return StreamState(
        stream=stream,
        organisation=roster.organisations[stream],
        phase=phase,
        last_send_at=moment_of(float(bank.last[row])),
        sends=int(bank.sends[row]),
        expected_sends_per_day=24 * bank.level(row),
        return_period_years=float(reading.years[row]),
        alarm_due_at=facts.alarm_due_at,
        next_expected_at=facts.next_expected_at,
        inboxes=roster.witnesses(row),
        gap=facts,
    )


def phase_of(reading: Reading, row: int, *, is_blind: bool, is_paused: bool) -> StreamPhase:
    """What state a stream is in; a declared pause and our own blindness go before what silence says."""
    bank = reading.frame.engine.bank
    level = reading.level(row)
    if reading.ended(row):
        return StreamPhase.ENDED
    if is_paused:
        return StreamPhase.PAUSED
    if level is not None and level >= Level.ALERT:
        return StreamPhase.SILENT
    if is_blind:
        return StreamPhase.BLIND
    if level is Level.WATCH or np.isneginf(bank.alarm_at[row, WATCH]) or _is_held_back(reading, row):
        return StreamPhase.WATCH
    if bank.sessions[row] < bank.min_sessions[row]:
        over = bool(is_real_stop(np.array(bank.covered[row]), np.array(1.0 / bank.level(row))))
        return StreamPhase.ENDED if over else StreamPhase.LEARNING
    return StreamPhase.REGULAR


def gap_facts(reading: Reading, row: int, outlook: Outlook | None = None) -> GapFacts:
    """Why the running silence of a row is improbable, in numbers."""
    bank = reading.frame.engine.bank
    last = float(bank.last[row])
    speed = reading.frame.engine.speed
    outlook = outlook or reading.outlook_of(row)
    return GapFacts(
        last_send_at=moment_of(last),
        silence=moment_of(reading.now) - moment_of(last),
        covered=timedelta(hours=float(min(bank.covered[row], reading.now - last))),
        return_period_years=float(reading.years[row]),
        expected_sends=float(reading.expected[row]),
        sends_learned=int(bank.sends[row]),
        first_send_at=moment_of(float(bank.first[row])),
        usual_pause=timedelta(seconds=round(3600 * bank.usual_pause(row))),
        longest_pause=timedelta(seconds=round(3600 * float(bank.longest[row]))),
        fleet_factor=float(speed[row]) if row < speed.size else 1.0,
        next_expected_at=outlook.next_expected_at,
        alarm_due_at=outlook.alarm_due_at,
        delay_by_day=outlook.delay_by_day,
        delay_by_night=outlook.delay_by_night,
        by_limit=_is_by_limit(reading, row),
        held_back=_is_held_back(reading, row),
    )


def _is_by_limit(reading: Reading, row: int) -> bool:
    bank = reading.frame.engine.bank
    is_alarmed = not np.isnan(bank.alarm_at[row, ALERT])
    return bool(is_alarmed and bank.covered[row] >= bank.limit[row] and reading.years[row] * bank.budget[row] < 1.0)


def _is_held_back(reading: Reading, row: int) -> bool:
    bank = reading.frame.engine.bank
    waits = bank.covered[row] < bank.floor[row] or np.isfinite(bank.fixed[row])
    return bool(waits and np.isnan(bank.alarm_at[row, ALERT]) and reading.years[row] * bank.budget[row] >= 1.0)
