"""The silences of recorded events, how much of each was watched, and stops drawn evenly over that time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from monitor.detect.events import Events, Floats, Rows, trailing_rates
from monitor.detect.learning import is_real_stop
from monitor.detect.proofs import Hindsight, Proofs
from monitor.detect.stops import Draw
from monitor.detect.tails import classes_of
from monitor.detect.witnesses import CoveredTime, Interval


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
    hindsight: tuple[Hindsight, ...]
    """By row, what of it was known later only: an alarm that is due there comes when it is."""

    def find(self, row: int, start: float) -> int | None:
        """The place of the silence of `row` that began at `start`; silences lie in order of row and start."""
        first, end = np.searchsorted(self.row, (row, row + 1))
        place = int(first + np.searchsorted(self.start[first:end], start))
        return place if place < end and self.start[place] == start else None


def silences_of(
    events: Events, ends: Floats, warm_up: int, window: Interval, proofs: Proofs, pauses: Sequence[tuple[Interval, ...]]
) -> Silences:
    """`pauses`: the declared ones of each stream."""
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
    seen_by = [proofs.inboxes_of(events, stream) for stream in events.streams]
    kinds = {key: proofs.covered(*key) for key in set(zip(seen_by, pauses, strict=True))}
    watched = tuple(kinds[key] for key in zip(seen_by, pauses, strict=True))
    known_later = {inboxes: proofs.hindsight(inboxes) for inboxes in set(seen_by)}
    return Silences(
        row=row,
        start=start,
        end=end,
        resumed=~last & (end < window[1]),
        rate_class=classes_of(rates),
        real_stop=is_real_stop(end - start, mean_gap),
        exposure=_judged(watched, row, start, np.minimum(end, start + limit)),
        watched=watched,
        hindsight=tuple(known_later[inboxes] for inboxes in seen_by),
    )


def _judged(watched: Sequence[CoveredTime], row: Rows, start: Floats, end: Floats) -> Floats:
    """The hours between `start` and `end` in which an alarm of `row` is possible."""
    hours = np.zeros(row.size)
    kind = np.array([id(w) for w in watched], np.int64)[row]
    for known in {id(w): w for w in watched}.values():
        mine = kind == id(known)
        hours[mine] = known.judged(start[mine], end[mine])
    return hours


def draw_stops(silences: Silences, count: int, random: np.random.Generator) -> list[Draw]:
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
