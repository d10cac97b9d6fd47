"""Beside the full stop: how often fewer mails, and mail moved to junk, are told of falsely, and how soon truly.

- A volume alert is *contradicted* where the list sends, in the four weeks after it, at least half of what was to be expected
  at at it; else the drop was real. Exposure is the time in which a list mails enough to be judged. An alert goes on while the
  finding is listed at any level, as alerts do. Drops are made up: from a random moment on a list keeps a quarter of its sends.
- No recorded set says where mail lay, so placement is drawn for simulated lists' times: a list's sends go to junk with a fixed
  share, independently or (correlation 0.2) in runs. Each alert without a shift is false. Shifts are made up: all goes to junk.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from monitor.detect.calendar import moment_of
from monitor.detect.own_budget import Budget
from monitor.detect.placement import REMEMBERED, Placed, placement_shift
from monitor.detect.volume import MEMORY, WEEK, WINDOWS, Mailer, lately, telling, volume_findings
from monitor.model import Finding, Level
from tests.bench.gaps.protocol import CLASS_NAMES, HOURS_PER_YEAR, Floats, Stream, poisson_interval
from tests.bench.gaps.simulate import SimulatedList, simulate

YEARLY = Budget(1.0)
EVERY = 12.0
"""Hours between two looks at the volume."""
KEPT = (MEMORY + WINDOWS[-1]) / timedelta(hours=1)
AFTERWARDS = 4 * 168.0
TRIALS = 60
SHARES, CORRELATIONS = (0.02, 0.1, 0.3), (0.0, 0.2)
PLACED_SENDS = 1500
"""Of one list."""


@dataclass
class Tally:
    """How often it was told in one class; `false`: contradicted by what came after."""

    years: float = 0.0
    alerts: int = 0
    false: int = 0

    @property
    def interval(self) -> tuple[float, float]:
        return poisson_interval(self.false, self.years)


@dataclass(frozen=True)
class Shifts:
    """Junk: false alerts by (share, correlation), and after how many sends in junk a shift of all mail was told of."""

    false: dict[tuple[float, float], Tally]
    sends_to_tell: list[int]


@dataclass(frozen=True)
class Beside:
    """All that is measured here of simulated lists."""

    volume: list[Tally]
    """By class."""
    told: list[list[float]]
    """By class, days from a made-up drop to its alert."""
    shifts: Shifts


def beside(seed: int, lists: int) -> Beside:
    """All of it for so many lists, made from `seed`."""
    made = simulate(seed, lists).lists
    random = np.random.default_rng(seed)
    streams = [Stream(x.name, x.times, float(x.times[-1])) for x in made if x.times.size]
    return Beside(volume_alerts(streams), volume_told(made, random), placement_alerts(made, random))


def volume_alerts(streams: Sequence[Stream]) -> list[Tally]:
    """By class: the alerts of a fleet that nothing was done to."""
    tallies = [Tally() for _ in CLASS_NAMES]
    times = {s.name: [moment_of(float(t)) for t in s.times] for s in streams}
    by_name = {s.name: s.times for s in streams}
    is_open: set[str] = set()
    last = max(s.censor for s in streams)
    for hour, kept, findings in _looks(streams, times):
        now = moment_of(hour)
        judged = {name: place for name, sends in kept.items() if (place := _class_now(sends, now)) is not None}
        for place in judged.values():
            tallies[place].years += EVERY / HOURS_PER_YEAR
        for name in [n for n, f in findings.items() if f.level >= Level.ALERT and n not in is_open]:
            is_open.add(name)
            tallies[judged[name]].alerts += 1
            after = int(np.diff(np.searchsorted(by_name[name], (hour, hour + AFTERWARDS)))[0])
            weeks = (now - findings[name].since) / WEEK
            if hour + AFTERWARDS <= last and after >= 0.5 * _expected(findings[name]) / weeks * 4:
                tallies[judged[name]].false += 1
        is_open &= findings.keys()
    return tallies


def _looks(
    streams: Sequence[Stream], times: dict[str, list[datetime]]
) -> Iterator[tuple[float, dict[str, list[datetime]], dict[str, Finding]]]:
    """(hour, what each list that lives sent lately, what is found) twice a day."""
    mailers = {s.name: Mailer(s.name, s.name, YEARLY, lambda _: 1.0) for s in streams}
    begins, ends = min(float(s.times[0]) for s in streams), max(s.censor for s in streams)
    for hour in np.arange(np.ceil(begins) + KEPT, ends, EVERY).tolist():
        kept = {}
        for s in streams:
            start, end = np.searchsorted(s.times, (hour - KEPT, hour), side="right")
            if end > start and hour <= s.censor:
                kept[s.name] = times[s.name][start:end]
        yield hour, kept, {f.subject: f for f in volume_findings([mailers[n] for n in kept], kept, moment_of(hour))}


def _class_now(sends: Sequence[datetime], now: datetime) -> int | None:
    """The rate class of a list that is judged at all."""
    weeks = [lately(sends, now, window) for window in WINDOWS]
    place = telling(weeks)
    if place is None:
        return None
    a_day = weeks[place].usual / (weeks[place].window / timedelta(days=1))
    return int(np.sum(a_day <= np.array([5.0, 1.0, 1.1 / 7.0])))


def _expected(finding: Finding) -> float:
    """As its sentence says it."""
    return float(finding.note.split("By the weeks before, ")[1].split()[0])


def volume_told(lists: Sequence[SimulatedList], random: np.random.Generator) -> list[list[float]]:
    """By class: days until a list that keeps a quarter of its sends is told of; infinity: not within eight weeks."""
    told: list[list[float]] = [[] for _ in CLASS_NAMES]
    streams = [Stream(x.name, x.times, float(x.times[-1])) for x in lists]
    times = {s.name: [moment_of(float(t)) for t in s.times] for s in streams}
    first, last = float(lists[0].times[0]), float(lists[0].times[-1])
    for _ in range(TRIALS):
        mine = int(random.integers(len(lists)))
        begins = float(random.uniform(first + 2 * KEPT, last - 2 * AFTERWARDS))
        sessions = lists[mine].sessions
        gone = np.unique(sessions[sessions >= begins])
        gone = gone[random.random(gone.size) > 0.25]
        fewer = [at for at, begun in zip(times[lists[mine].name], np.isin(sessions, gone), strict=True) if not begun]
        before = [at for at in fewer if moment_of(begins - KEPT) < at <= moment_of(begins)]
        place = _class_now(before, moment_of(begins))
        if place is not None:
            told[place].append(_days_to_alert(streams, times | {lists[mine].name: fewer}, lists[mine].name, begins))
    return told


def _days_to_alert(streams: Sequence[Stream], times: dict[str, list[datetime]], name: str, begins: float) -> float:
    mailer = Mailer(name, name, YEARLY, lambda _: 1.0)
    for hour in np.arange(begins, begins + 2 * AFTERWARDS, 24.0).tolist():
        now, forgotten = moment_of(hour), moment_of(hour - KEPT)
        known = {s.name: times[s.name][bisect(times[s.name], forgotten) : bisect(times[s.name], now)] for s in streams}
        if any(f.level >= Level.ALERT for f in volume_findings([mailer], known, now)):
            return float(hour - begins) / 24.0
    return float("inf")


def placement_alerts(lists: Sequence[SimulatedList], random: np.random.Generator) -> Shifts:
    """Drawn placements on the times of these lists, each with every share and correlation in turn."""
    kinds = [(share, together) for share in SHARES for together in CORRELATIONS]
    false = {kind: Tally() for kind in kinds}
    told = []
    for index, one in enumerate(lists):
        kind = kinds[index % len(kinds)]
        times = np.unique(one.sessions)[:PLACED_SENDS]
        placed = _drawn(times, *kind, random)
        false[kind].years += float(times[-1] - times[0]) / HOURS_PER_YEAR
        false[kind].alerts += _alerts(placed)
        half = placed[: len(placed) // 2]
        shifted = [*half, *(Placed(p.at, in_junk=True) for p in placed[len(half) :])]
        told.append(next((n for n in range(1, 100) if _is_alert(shifted, len(half) + n)), 100))
    for tally in false.values():
        tally.false = tally.alerts
    return Shifts(false, told)


def _drawn(times: Floats, share: float, together: float, random: np.random.Generator) -> list[Placed]:
    placed, before = [], share
    for at, luck in zip(times.tolist(), random.random(times.size).tolist(), strict=True):
        in_junk = luck < share + together * (before - share)
        placed.append(Placed(moment_of(at), in_junk))
        before = float(in_junk)
    return placed


def _alerts(placed: Sequence[Placed]) -> int:
    alerts, is_open = 0, False
    for k in range(20, len(placed) + 1):
        shift = placement_shift(placed[max(k - REMEMBERED, 0) : k], YEARLY)
        alerts += not is_open and shift is not None and shift.level >= Level.ALERT
        is_open = shift is not None and (is_open or shift.level >= Level.ALERT)
    return alerts


def _is_alert(placed: Sequence[Placed], until: int) -> bool:
    shift = placement_shift(placed[max(until - REMEMBERED, 0) : until], YEARLY)
    return shift is not None and shift.level >= Level.ALERT
