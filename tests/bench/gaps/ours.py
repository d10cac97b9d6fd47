"""GoneQuiet's own detector under the protocol: its backtest run over the streams, alarms at level `alert`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.backtest import run
from monitor.detect.backtest_result import ALERT, Setting
from monitor.detect.events import Events
from monitor.detect.witnesses import CoveredTime, Interval
from tests.bench.gaps.protocol import WARM_UP, Bools, Floats, Ints, Outcome, Record, Stream, measure, quantile

INBOX = "seed"
"""Which gets all streams."""


@dataclass(frozen=True)
class Ours:
    """What the detector did over a record."""

    record: Record
    deadline: Floats
    """The alarm in each gap, infinity where there was none."""
    stopped: Floats
    """Injected stops: when, in which gap (index into the record), and hours to the alarm (infinity: never)."""
    gap: Ints
    delay: Floats
    watched: CoveredTime
    """Which time counted."""

    def outcome(self, rate_class: int) -> Outcome:
        counted = self.watched.judged(self.record.start, self.record.end)
        return measure(self.record, self.deadline, rate_class, self.delay[self._stops_of(rate_class)], counted)

    def covered_delay(self, rate_class: int) -> float:
        """The median delay in covered hours; infinity where half of the stops are never told."""
        mine = self._stops_of(rate_class)
        told = np.isfinite(self.delay[mine])
        covered = self.watched.judged(self.stopped[mine], self.stopped[mine] + np.where(told, self.delay[mine], 0.0))
        return quantile(np.where(told, covered, np.inf), 0.5)

    def _stops_of(self, rate_class: int) -> Bools:
        return np.asarray(self.record.exposed(rate_class)[self.gap])


def replay(
    streams: Sequence[Stream],
    record: Record,
    false_alarms_per_year: float,
    *,
    coverage: Sequence[Interval] = (),
    in_retrospect: Sequence[Interval] = (),
    stops: int = 20_000,
    seed: int = 1,
) -> Ours:
    """Run the detector with this promise over all streams as one fleet, with as many made-up stops as other rules get.

    `coverage`: when we could look, `in_retrospect`: what we read and proved afterwards; without either, all time counts.
    With 8,000 of them the median delay of a class with an eighth of the time would be known to 2 % only (one standard error).
    """
    events = Events.from_columns(
        np.repeat([s.name for s in streams], [s.times.size for s in streams]), np.concatenate([s.times for s in streams])
    )
    censor = {s.name: s.censor for s in streams}
    setting = Setting.yearly(false_alarms_per_year)
    proven, later = ({INBOX: spans} if spans else {} for spans in (coverage, in_retrospect))
    result = run(events, [setting], censor=censor, coverage=proven, in_retrospect=later, warm_up=WARM_UP, stops=stops, seed=seed)
    [done] = result.settings
    places = dict(zip(record.names, record.slices(), strict=True))
    deadline = np.full(record.start.size, np.inf)
    for alarm in done.alarms:
        deadline[_gap_at(record, places[alarm.stream], alarm.last)] = np.nan_to_num(alarm.alarm_at[ALERT], nan=np.inf)
    stopped = np.array([s.at for s in done.injected])
    gap = np.array([_gap_at(record, places[s.stream], s.at) for s in done.injected], np.int64)
    found = np.nan_to_num(np.array([s.found_at[ALERT] for s in done.injected]), nan=np.inf)
    return Ours(record, deadline, stopped, gap, np.maximum(found - stopped, 0.0), result.silences.watched[0])


def _gap_at(record: Record, part: slice, moment: float) -> int:
    """The gap of a stream that holds `moment` (a send's own moment belongs to the gap that it begins)."""
    return int(part.start) + int(np.searchsorted(record.start[part], moment + 1e-9, side="right")) - 1


def false_of(ours: Ours) -> dict[int, int]:
    """False alarms by class, at which other rules are compared."""
    return {c: ours.outcome(c).false for c in range(4)}
