"""What a setting would have done: the detector's own clockwork over recorded events, causally.

    events = Events.of(rows)                              # or Events.from_columns(senders, hours)
    result = run(events, [Setting.yearly(1.0)], warm_up=20)
    for row in rows(result): print(json.dumps(row))       # monitor.detect.backtest_rows

Settings are replayed one after another; tails and feedback use only what came before. Stops are injected at whole
hours drawn evenly over the watched time of all streams; nothing is read from files here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil

import numpy as np
from numpy.typing import NDArray

from monitor.detect.calendar import hours_of
from monitor.detect.clocks import ENDED
from monitor.detect.defaults import Defaults, load_defaults
from monitor.detect.engine import Engine
from monitor.detect.events import Events, trailing_rates
from monitor.detect.fixed import alarms_of_silences, alarms_without_end
from monitor.detect.learning import is_real_stop
from monitor.detect.stops import LONGEST_WAIT, Draw, InjectedStop, Stops
from monitor.detect.tails import classes_of
from monitor.detect.witnesses import ALWAYS, CoveredTime, Interval, covered_time, merge, paused_time
from monitor.settings import GapSettings

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
ALERT = 1


@dataclass(frozen=True)
class Setting:
    """A named set of gap settings; `by_stream` overrides single streams."""

    name: str
    gap: GapSettings
    by_stream: Mapping[str, GapSettings] = field(default_factory=dict)

    @classmethod
    def yearly(cls, false_alarms: float) -> Setting:
        """The learned rule with a budget of so many false alarms per stream and year."""
        return cls(f"{false_alarms:g}/year", GapSettings(false_alarms_per_sender_year=false_alarms))

    @classmethod
    def fixed(cls, hours: float) -> Setting:
        """The rule most use today: an alarm after so many hours, whatever the stream."""
        return cls(f"fixed {hours:g} h", GapSettings(fixed=timedelta(hours=hours)))

    def of(self, stream: str) -> GapSettings:
        return self.by_stream.get(stream, self.gap)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm of one silence. Hours since the epoch; `resumed_at` is None where no send ended it in the data."""

    stream: str
    last: float
    alarm_at: tuple[float, float, float]
    """By level watch, alert, confirmed; NaN where it was not reached."""
    resumed_at: float | None
    rate_class: int
    return_period_years: float
    """At which an alert is due: one over the budget (NaN for a fixed silence, which knows of none)."""


@dataclass(frozen=True)
class Silences:
    """Every silence after the warm-up, as columns: which stream, from when to when, and whether a send ended it."""

    row: Rows
    start: Floats
    end: Floats
    resumed: NDArray[np.bool_]
    rate_class: Rows
    real_stop: NDArray[np.bool_]
    """Longer than 14 days and than 20 trailing mean gaps."""
    exposure: Floats
    """Hours in which an alarm was possible: the covered ones of the silence, up to where it becomes a real stop."""
    watched: tuple[CoveredTime, ...]
    """By row, which time was covered."""

    def find(self, row: int, start: float) -> int | None:
        """The place of the silence of `row` that began at `start`; silences lie in order of row and start."""
        first, end = np.searchsorted(self.row, (row, row + 1))
        place = int(first + np.searchsorted(self.start[first:end], start))
        return place if place < end and self.start[place] == start else None


@dataclass(frozen=True)
class SettingResult:
    """What one setting did."""

    setting: Setting
    streams: tuple[str, ...]
    alarms: tuple[Alarm, ...]
    injected: tuple[InjectedStop, ...]


@dataclass(frozen=True)
class BacktestResult:
    events: Events
    silences: Silences
    settings: tuple[SettingResult, ...]


def run(
    events: Events,
    settings: Sequence[Setting],
    *,
    censor: Mapping[str, float] | None = None,
    coverage: Mapping[str, Sequence[Interval]] | None = None,
    warm_up: int = 5,
    report_from: float | None = None,
    report_to: float | None = None,
    stops: int = 2000,
    seed: int = 1,
    defaults: Defaults | None = None,
) -> BacktestResult:
    """Replay `events` once for each setting.

    `censor`: when observation of a stream ended (hours), else the last event of all; `coverage`: proven intervals by
    inbox, in any order, else all time counts; alarms and exposure start after `warm_up` sends and lie within `report_from` and
    `report_to`; `stops`: how many are injected.
    """
    end_of_all = float(events.times[-1]) if events.times.size else 0.0
    ends = np.array([(censor or {}).get(s, end_of_all) for s in events.streams])
    window = (-np.inf if report_from is None else report_from, np.inf if report_to is None else report_to)
    proven = {inbox: merge(spans) for inbox, spans in (coverage or {}).items()}
    silences = _silences(events, ends, warm_up, window, proven)
    draws = _draw_stops(silences, stops, np.random.default_rng(seed))
    results = tuple(_replay(events, setting, ends, proven, silences, draws, defaults or load_defaults()) for setting in settings)
    return BacktestResult(events, silences, results)


def gaps_of(events: Events, setting: Setting) -> tuple[Floats, Rows]:
    """The standardised completed gaps of a replay and which of KINDS each is, from which tails are fitted."""
    engine = _prepare(events, setting, {}, load_defaults())
    for until, times, rows in _lessons(engine, events, int(events.times[-1])):
        engine.advance(until, times, rows)
    values = [g for g, _ in engine.learning.gaps]
    kinds = [k for _, k in engine.learning.gaps]
    return np.concatenate(values).astype(np.float64), np.concatenate(kinds).astype(np.int64)


def _silences(events: Events, ends: Floats, warm_up: int, window: Interval, proven: Mapping[str, Sequence[Interval]]) -> Silences:
    order = np.lexsort((events.times, events.rows))
    row, start = events.rows[order], events.times[order]
    last = np.r_[row[1:] != row[:-1], True] if row.size else np.empty(0, np.bool_)
    end = np.where(last, np.maximum(ends[row], start), np.r_[start[1:], 0.0][: start.size])
    first = np.maximum.accumulate(np.where(np.r_[True, row[1:] != row[:-1]][: row.size], np.arange(row.size), 0))
    rates = trailing_rates(events)[order]
    keep = (np.arange(row.size) - first + 1 >= warm_up) & (start >= window[0]) & (start < window[1])
    row, start, end, rates, last = row[keep], start[keep], np.minimum(end[keep], window[1]), rates[keep], last[keep]
    mean_gap = 24.0 / np.maximum(rates, 1e-9)
    limit = np.maximum(14 * 24.0, 20.0 * mean_gap)
    kinds = {inboxes: _covered(proven, inboxes, ()) for inboxes in {_inboxes(events, s, proven) for s in events.streams}}
    watched = tuple(kinds[_inboxes(events, stream, proven)] for stream in events.streams)
    return Silences(
        row=row,
        start=start,
        end=end,
        resumed=~last & (end < window[1]),
        rate_class=classes_of(rates),
        real_stop=is_real_stop(end - start, mean_gap),
        exposure=_judged(watched, row, start, np.minimum(end, start + limit)),
        watched=watched,
    )


def _inboxes(events: Events, stream: str, proven: Mapping[str, Sequence[Interval]]) -> frozenset[str]:
    """Those that get a stream; any of them where its events do not say."""
    return events.inboxes.get(stream, frozenset(proven)) if proven else frozenset()


def _covered(proven: Mapping[str, Sequence[Interval]], inboxes: frozenset[str], pauses: tuple[Interval, ...]) -> CoveredTime:
    """Which time counts for what these inboxes get."""
    if not proven:
        return paused_time(pauses)
    return covered_time(proven, {inbox: spans[0][0] for inbox, spans in proven.items() if spans}, inboxes, pauses)


def _judged(watched: Sequence[CoveredTime], row: Rows, start: Floats, end: Floats) -> Floats:
    """The hours between `start` and `end` in which an alarm of `row` is possible."""
    hours = np.zeros(row.size)
    kind = np.array([id(w) for w in watched], np.int64)[row]
    for known in {id(w): w for w in watched}.values():
        mine = kind == id(known)
        hours[mine] = known.judged(start[mine], end[mine])
    return hours


def _draw_stops(silences: Silences, count: int, random: np.random.Generator) -> list[Draw]:
    """Made-up stops, evenly over the watched time, in order of time."""
    total = float(silences.exposure.sum())
    if total <= 0 or count <= 0:
        return []
    passed = np.cumsum(silences.exposure)
    wanted = random.uniform(0, total, count)
    place = np.searchsorted(passed, wanted)
    inside = wanted - (passed[place] - silences.exposure[place])
    found = (_draw(silences, k, hours) for k, hours in zip(place.tolist(), inside.tolist(), strict=True))
    return sorted(draw for draw in found if draw is not None)


def _draw(silences: Silences, place: int, inside: float) -> Draw | None:
    """The stop at the first whole hour after `inside` watched ones of a silence; another silence may run by then, or none."""
    row, start = int(silences.row[place]), float(silences.start[place])
    watched = silences.watched[row]
    hour = ceil(watched.when(watched.at(max(start, watched.alarms_from)) + inside, start))
    place += int(np.searchsorted(silences.start[place : np.searchsorted(silences.row, row + 1)], hour)) - 1
    return Draw(hour, row, int(silences.rate_class[place])) if hour <= silences.end[place] else None


def _replay(
    events: Events,
    setting: Setting,
    ends: Floats,
    proven: Mapping[str, Sequence[Interval]],
    silences: Silences,
    draws: list[Draw],
    defaults: Defaults,
) -> SettingResult:
    if not events.times.size:
        return SettingResult(setting, events.streams, (), ())
    engine = _prepare(events, setting, proven, defaults)
    if _has_fixed_silences(engine):
        return _replay_fixed(engine, events, setting, ends, silences, draws)
    last_hour = int(np.ceil(max(float(events.times[-1]), float(ends.max()))))
    stops = Stops(engine, events.streams)
    drawn = np.array([draw.hour for draw in draws], np.int64)
    for until, times, rows in _lessons(engine, events, last_hour):
        first, end = np.searchsorted(drawn, (engine.hour, until))
        stops.advance(until, times, rows, draws[first:end])
    return SettingResult(setting, events.streams, _alarms(engine, events, ends, silences), stops.found())


def _lessons(engine: Engine, events: Events, last: int) -> Iterator[tuple[float, Floats, Rows]]:
    """The end of what may be taken at once, up to hour `last` in all, and the sends from the engine's hour up to it."""
    while engine.hour <= last:
        until = float(min(engine.lesson_ends, last + 1))
        a, b = np.searchsorted(events.times, (engine.hour, until))
        yield until, events.times[a:b], events.rows[a:b]


def _has_fixed_silences(engine: Engine) -> bool:
    return bool(np.isfinite(engine.bank.view("fixed")).all())


def _replay_fixed(
    engine: Engine, events: Events, setting: Setting, ends: Floats, silences: Silences, draws: list[Draw]
) -> SettingResult:
    until = float(np.ceil(max(float(events.times[-1]), float(ends.max())))) + 1.0
    rows, times, at = alarms_of_silences(engine, events, until)
    alarms = []
    for row, last, alarm_at in zip(*(column[np.isfinite(at)] for column in (rows, times, at)), strict=True):
        k = silences.find(int(row), float(last))
        if k is not None and alarm_at <= silences.end[k]:
            resumed = float(silences.end[k]) if silences.resumed[k] else None
            levels = (float(alarm_at), float(alarm_at), np.nan)
            alarms.append(_alarm(events, int(row), float(last), levels, resumed, int(silences.rate_class[k]), np.nan))
    stops, stopped = np.array([d.hour for d in draws], np.int64), np.array([d.row for d in draws], np.int64)
    found = alarms_without_end(engine, events, stops, stopped, until)
    found[(found == ENDED) | (found - stops > LONGEST_WAIT)] = np.nan
    injected = [
        InjectedStop(events.streams[draw.row], float(draw.hour), (float(x), float(x), np.nan), draw.rate_class)
        for draw, x in zip(draws, found, strict=True)
    ]
    return SettingResult(setting, events.streams, tuple(sorted(alarms, key=lambda a: (a.last, a.stream))), tuple(injected))


def _prepare(events: Events, setting: Setting, proven: Mapping[str, Sequence[Interval]], defaults: Defaults) -> Engine:
    zones = [setting.gap.timezone]
    table: list[CoveredTime] = [ALWAYS]
    known: dict[tuple[frozenset[str], tuple[Interval, ...]], int] = {}
    engine = Engine(defaults, int(np.floor(events.times[0])), zones, table)
    for stream in events.streams:
        gap = setting.of(stream)
        if gap.timezone not in zones:
            zones.append(gap.timezone)
        pauses = tuple(merge((hours_of(p.start), hours_of(p.end)) for p in gap.expected_pause))
        inboxes = _inboxes(events, stream, proven)
        if (inboxes, pauses) != (frozenset(), ()) and (inboxes, pauses) not in known:
            known[inboxes, pauses] = len(table)
            table.append(_covered(proven, inboxes, pauses))
        engine.bank.add(
            gap,
            defaults,
            budget=gap.false_alarms_per_sender_year,
            zone=zones.index(gap.timezone),
            witness=known.get((inboxes, pauses), 0),
        )
    return engine


def _alarms(engine: Engine, events: Events, ends: Floats, silences: Silences) -> tuple[Alarm, ...]:
    """The alarms of the silences that are reported."""
    found = []
    for closed in engine.closed:
        k = silences.find(closed.row, closed.last)
        if k is None:
            continue
        at = tuple(a if a <= silences.end[k] else np.nan for a in closed.alarm_at)
        resumed = closed.resumed_at if silences.resumed[k] else None
        found.append(_alarm(events, closed.row, closed.last, at, resumed, int(silences.rate_class[k]), closed.years))
    for row in range(len(events.streams)):
        last = float(engine.bank.last[row])
        k = silences.find(row, last)
        at = tuple(float(a) if a <= ends[row] else np.nan for a in engine.bank.alarm_at[row])
        if k is not None and np.isfinite(at).any():
            years = float(1.0 / engine.bank.budget[row])
            found.append(_alarm(events, row, last, at, None, int(silences.rate_class[k]), years))
    return tuple(sorted((a for a in found if np.isfinite(a.alarm_at).any()), key=lambda a: (a.last, a.stream)))


def _alarm(
    events: Events, row: int, last: float, at: tuple[float, ...], resumed: float | None, rate_class: int, years: float
) -> Alarm:
    watch, alert, confirmed = at
    return Alarm(
        events.streams[row],
        last,
        (watch, alert, confirmed),
        resumed,
        rate_class,
        years,
    )
