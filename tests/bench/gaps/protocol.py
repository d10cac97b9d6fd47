"""How detectors are measured: the same gaps, the same classes, the same false alarms, the same stops for everyone.

After a send nothing arrives, so a detector is a *deadline* for every gap between sends: an alarm opens where the
deadline lies before the gap's end. (Chen, Toueg, Aguilera 2002 measure failure detectors so: detection time against
mistake recurrence; Fawcett, Provost 1999: delay against false alarms per unit of time.)

- Causal: what a detector knows at a send is the sends up to it. Gaps count from a stream's 20th send.
- A gap's class is the trailing rate (exponential, 30 days) at the send that begins it.
- A gap longer than 14 days and longer than 20 of the stream's whole-life mean gaps is a *real stop or pause*. No detector
  sees that label. An alarm in any other gap that a send ends is false.
- Exposure is the covered time in counted gaps that are no real stops.
- Injected stops lie evenly over the exposure, nights and weekends included. The delay runs from the stop to the alarm
  and is 0 where an alarm was open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

HOURS_PER_YEAR = 8766.0
CLASS_NAMES = (">5/day", "1-5/day", "1-7/week", "<1/week")
_CLASS_RATES = (5.0, 1.0, 1.1 / 7.0)
"""Above so many sends a day; one slot a week, now and then a day early, belongs to the last class."""
WARM_UP = 20
_TRAIL_HOURS = 30 * 24.0


@dataclass(frozen=True)
class Stream:
    """Sends of one stream (rising hours since the epoch) and when its observation ended."""

    name: str
    times: Floats
    censor: float


@dataclass(frozen=True)
class Record:
    """All gaps of all streams as columns, stream after stream, each begun by a send. Times are hours since the epoch."""

    names: tuple[str, ...]
    stream: Ints
    """Index into `names`."""
    position: Ints
    """0 for the gap after a stream's first send."""
    start: Floats
    end: Floats
    """The next send, or the end of observation where `closed` is False."""
    closed: Bools
    rate: Floats
    """Trailing sends a day at `start`."""
    rate_class: Ints
    counted: Bools
    is_stop: Bools

    @property
    def length(self) -> Floats:
        return np.asarray(self.end - self.start)

    def slices(self) -> list[slice]:
        """The rows of each stream."""
        edges = np.searchsorted(self.stream, np.arange(len(self.names) + 1))
        return [slice(int(a), int(b)) for a, b in pairwise(edges)]

    def exposed(self, rate_class: int) -> Bools:
        """The gaps over which alarms are counted and stops injected."""
        return np.asarray(self.counted & ~self.is_stop & (self.rate_class == rate_class))


def record_of(streams: Sequence[Stream], warm_up: int = WARM_UP) -> Record:
    """Cut streams into gaps; streams without a send are left out, sends after the end of observation too."""
    kept = [Stream(s.name, s.times[s.times <= s.censor], s.censor) for s in streams]
    kept = [s for s in kept if s.times.size]
    counts = np.array([s.times.size for s in kept])
    ends = np.concatenate([np.append(s.times[1:], s.censor) for s in kept])
    starts = np.concatenate([s.times for s in kept])
    rate = np.concatenate([trailing_rate(s.times) for s in kept])
    position = np.concatenate([np.arange(c) for c in counts])
    mean_gap = np.array([(s.times[-1] - s.times[0]) / max(s.times.size - 1, 1) for s in kept])
    limit = np.maximum(14 * 24.0, 20 * np.repeat(mean_gap, counts))
    return Record(
        names=tuple(s.name for s in kept),
        stream=np.repeat(np.arange(len(kept)), counts),
        position=position,
        start=starts,
        end=ends,
        closed=position < np.repeat(counts, counts) - 1,
        rate=rate,
        rate_class=np.sum(rate[:, None] <= np.array(_CLASS_RATES), axis=1),
        counted=position >= warm_up - 1,
        is_stop=ends - starts > limit,
    )


def trailing_rate(times: Floats) -> Floats:
    """Sends a day at each send: gaps over their length, both with weights that fade by e in 30 days; 1 at the first."""
    gaps = np.diff(times)
    fade = np.exp(-gaps / _TRAIL_HOURS)
    number, length, rates = 0.0, 0.0, [1.0]
    for gap, keep in zip(gaps.tolist(), fade.tolist(), strict=True):
        number = number * keep + 1.0
        length = length * keep + gap
        rates.append(24 * number / max(length, 1e-3))
    return np.array(rates)


def false_alarms(record: Record, deadline: Floats) -> Bools:
    """The counted gaps in which an alarm opened that a send then contradicted."""
    return np.asarray(record.counted & ~record.is_stop & record.closed & (deadline < record.end))


def poisson_interval(count: int, exposure: float) -> tuple[float, float]:
    """The exact 95 % interval of a rate after `count` events (Garwood 1936); (0, inf) without exposure."""
    if exposure <= 0:
        return 0.0, float("inf")
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    return float(low) / exposure, float(chi2.ppf(0.975, 2 * count + 2)) / 2 / exposure


@dataclass(frozen=True)
class Outcome:
    """What one detector did in one class. Hours; `inf` where half (a tenth) of the stops are never told."""

    exposure_years: float
    false: int
    delay_median: float
    delay_p90: float
    stops: int
    """Real stops or pauses."""
    stops_found: int
    """Those told before the silence ended."""
    stop_median: float
    """Median silence at the alarm over all real stops; `inf` where half of them were not told in time."""

    @property
    def rate(self) -> float:
        """False alarms a stream and year."""
        return self.false / self.exposure_years if self.exposure_years else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        return poisson_interval(self.false, self.exposure_years)


def measure(
    record: Record,
    deadline: Floats,
    rate_class: int,
    delays: Floats | None = None,
    counted: Floats | None = None,
    draws: int = 20_000,
) -> Outcome:
    """The outcome of a detector that is given as one deadline (hours since the epoch) a gap.

    `delays` are those of injected stops where the detector was run on them, since its deadlines are known only up to the
    gap's end (infinity: no alarm in it). `counted`: how many hours of each gap were covered, all of them by default.
    """
    exposed = record.exposed(rate_class)
    years = float((record.length if counted is None else counted)[exposed].sum()) / HOURS_PER_YEAR
    if delays is None:
        delays = injected_delays(record, deadline, exposed, draws)
    stops = record.counted & record.is_stop & (record.rate_class == rate_class)
    silence = np.where(deadline < record.end, deadline - record.start, np.inf)[stops]
    return Outcome(
        exposure_years=years,
        false=int((false_alarms(record, deadline) & exposed).sum()),
        delay_median=quantile(delays, 0.5),
        delay_p90=quantile(delays, 0.9),
        stops=int(stops.sum()),
        stops_found=int(np.isfinite(silence).sum()),
        stop_median=quantile(silence, 0.5),
    )


def injected_delays(record: Record, deadline: Floats, exposed: Bools, draws: int) -> Floats:
    """Hours from stops to their alarms, the stops evenly spaced over the exposed time."""
    rows = np.nonzero(exposed)[0]
    if not rows.size:
        return np.empty(0)
    reached = np.concatenate([[0.0], np.cumsum(record.length[rows])])
    at = (np.arange(draws) + 0.5) / draws * reached[-1]
    chosen = np.clip(np.searchsorted(reached, at, side="right") - 1, 0, rows.size - 1)
    stopped = record.start[rows[chosen]] + (at - reached[chosen])
    return np.asarray(np.maximum(deadline[rows[chosen]] - stopped, 0.0))


def threshold_for(record: Record, score: Floats, rate_class: int, false: int) -> float:
    """The threshold at which a rule with these scores (each at its gap's end) raises `false` false alarms in a class.

    It lies midway between the last score that alarms and the first that does not: hindsight that flatters a rule.
    """
    scores = np.sort(score[record.exposed(rate_class) & record.closed])[::-1]
    if not scores.size:
        return float("inf")
    above = scores[min(max(false - 1, 0), scores.size - 1)]
    below = scores[min(false, scores.size - 1)]
    return float(above * 1.05 if false == 0 else (above + below) / 2)


def quantile(values: Floats, share: float) -> float:
    """The smallest value that so large a share does not exceed; NaN without any."""
    if not values.size:
        return float("nan")
    return float(np.quantile(values, share, method="inverted_cdf"))
