"""What a setting would have done: the detector's own clockwork over recorded events, causally.

    events = Events.of(rows)                              # or Events.from_columns(senders, hours)
    result = run(events, [Setting.yearly(1.0)], warm_up=20)
    for row in rows(result): print(json.dumps(row))       # monitor.detect.backtest_rows

Settings are replayed one after another; tails and feedback use only what came before. Nothing is read from files here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from monitor.detect.backtest_result import Alarm, BacktestResult, Setting, SettingResult
from monitor.detect.calendar import hours_of
from monitor.detect.clocks import ENDED
from monitor.detect.defaults import Defaults, load_defaults
from monitor.detect.engine import Engine
from monitor.detect.events import Events, Floats, Rows
from monitor.detect.fixed import alarms_of_silences, alarms_without_end
from monitor.detect.proofs import Proofs
from monitor.detect.silences import Silences, draw_stops, silences_of
from monitor.detect.stops import LONGEST_WAIT, Draw, InjectedStop, Stops
from monitor.detect.witnesses import ALWAYS, CoveredTime, Interval, merge
from monitor.settings import GapSettings


def run(
    events: Events,
    settings: Sequence[Setting],
    *,
    censor: Mapping[str, float] | None = None,
    coverage: Mapping[str, Sequence[Interval]] | None = None,
    in_retrospect: Mapping[str, Sequence[Interval]] | None = None,
    warm_up: int = 5,
    report_from: float | None = None,
    report_to: float | None = None,
    stops: int = 2000,
    seed: int = 1,
    defaults: Defaults | None = None,
) -> BacktestResult:
    """Replay `events` once for each setting.

    `censor`: when observation of a stream ended (hours), else the last event of all; `coverage`: intervals by inbox, in
    any order, that were proven as they passed, `in_retrospect`: those that were proven at their end (hours since the
    epoch); without either all time counts; alarms and exposure start after `warm_up` sends and lie within `report_from`
    and `report_to`; `stops`: how many are injected.
    """
    end_of_all = float(events.times[-1]) if events.times.size else 0.0
    ends = np.array([(censor or {}).get(s, end_of_all) for s in events.streams])
    window = (-np.inf if report_from is None else report_from, np.inf if report_to is None else report_to)
    proofs = Proofs.of(coverage or {}, in_retrospect or {})
    # Pauses come from the settings, which are the same but for budgets and fixed hours.
    pauses = [_pauses(settings[0].of(stream)) if settings else () for stream in events.streams]
    silences = silences_of(events, ends, warm_up, window, proofs, pauses)
    draws = draw_stops(silences, stops, np.random.default_rng(seed))
    results = (_replay(events, setting, ends, proofs, silences, draws, defaults or load_defaults()) for setting in settings)
    return BacktestResult(events, silences, tuple(_as_known(result, silences) for result in results))


def gaps_of(events: Events, setting: Setting) -> tuple[Floats, Rows]:
    """The standardised completed gaps of a replay and which of KINDS each is, from which tails are fitted."""
    engine = _prepare(events, setting, Proofs.of({}, {}), load_defaults())
    for until, times, rows in _lessons(engine, events, int(events.times[-1])):
        engine.advance(until, times, rows)
    values = [g for g, _ in engine.learning.gaps]
    kinds = [k for _, k in engine.learning.gaps]
    return np.concatenate(values).astype(np.float64), np.concatenate(kinds).astype(np.int64)


def _replay(
    events: Events,
    setting: Setting,
    ends: Floats,
    proofs: Proofs,
    silences: Silences,
    draws: list[Draw],
    defaults: Defaults,
) -> SettingResult:
    if not events.times.size:
        return SettingResult(setting, events.streams, (), ())
    engine = _prepare(events, setting, proofs, defaults)
    if _has_fixed_silences(engine):
        return _replay_fixed(engine, events, setting, ends, silences, draws)
    last_hour = int(np.ceil(max(float(events.times[-1]), float(ends.max()))))
    stops = Stops(engine, events.streams)
    drawn = np.array([draw.hour for draw in draws], np.int64)
    for until, times, rows in _lessons(engine, events, last_hour):
        first, end = np.searchsorted(drawn, (engine.hour, until))
        stops.advance(until, times, rows, draws[first:end])
    return SettingResult(setting, events.streams, _alarms(engine, events, ends, silences), stops.found())


def _as_known(result: SettingResult, silences: Silences) -> SettingResult:
    """Alarms that are due in time that was proven later come once it is, unless their silence is over by then."""
    if not any(hindsight.edges.size for hindsight in silences.hindsight):
        return result
    row = {stream: k for k, stream in enumerate(result.streams)}

    def known(stream: str, due: tuple[float, float, float], end: float) -> tuple[float, float, float]:
        watch, alert, confirmed = (at if at <= end else np.nan for at in silences.hindsight[row[stream]].known_at(due).tolist())
        return watch, alert, confirmed

    def end_of(alarm: Alarm) -> float:
        place = silences.find(row[alarm.stream], alarm.last)
        return np.inf if place is None else float(silences.end[place])

    alarms = (replace(a, alarm_at=known(a.stream, a.alarm_at, end_of(a))) for a in result.alarms)
    injected = (replace(stop, found_at=known(stop.stream, stop.found_at, stop.at + LONGEST_WAIT)) for stop in result.injected)
    return replace(result, alarms=tuple(a for a in alarms if np.isfinite(a.alarm_at).any()), injected=tuple(injected))


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


def _prepare(events: Events, setting: Setting, proofs: Proofs, defaults: Defaults) -> Engine:
    zones = [setting.gap.timezone]
    table: list[CoveredTime] = [ALWAYS]
    known: dict[tuple[frozenset[str], tuple[Interval, ...]], int] = {}
    engine = Engine(defaults, int(np.floor(events.times[0])), zones, table)
    for stream in events.streams:
        gap = setting.of(stream)
        if gap.timezone not in zones:
            zones.append(gap.timezone)
        pauses = _pauses(gap)
        inboxes = proofs.inboxes_of(events, stream)
        if (inboxes, pauses) != (frozenset(), ()) and (inboxes, pauses) not in known:
            known[inboxes, pauses] = len(table)
            table.append(proofs.covered(inboxes, pauses))
        engine.bank.add(
            gap,
            defaults,
            budget=gap.false_alarms_per_sender_year,
            zone=zones.index(gap.timezone),
            witness=known.get((inboxes, pauses), 0),
        )
    return engine


def _pauses(gap: GapSettings) -> tuple[Interval, ...]:
    return tuple(merge((hours_of(p.start), hours_of(p.end)) for p in gap.expected_pause))


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
