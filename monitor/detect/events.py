"""Recorded events as columns, for replays: which stream mailed when, in hours since the epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.detect.calendar import hours_of

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


class Event(NamedTuple):
    """One row of an event file: `sender_id,timestamp`, and what may stand beside it. There may be millions."""

    sender_id: str
    at: datetime
    send_id: str | None = None
    organisation: str | None = None
    provider: str | None = None
    inbox: str | None = None


@dataclass(frozen=True)
class Events:
    """Distinct sends in order of time. `rows[i]` is the index in `streams` of the one that mailed at `times[i]`."""

    streams: tuple[str, ...]
    times: Floats
    rows: Rows
    inboxes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Stream → the inboxes that ever got it, where the events say."""

    @classmethod
    def of(cls, events: Iterable[Event]) -> Events:
        """From rows in any order. Copies of one send (same stream and `send_id`) count once, at the earliest time;
        so do equal (stream, time) pairs."""
        earliest: dict[tuple[str, str | float], float] = {}
        inboxes: dict[str, set[str]] = {}
        for event in events:
            at = hours_of(event.at)
            key = (event.sender_id, at if event.send_id is None else event.send_id)
            earliest[key] = min(at, earliest.get(key, at))
            if event.inbox is not None:
                inboxes.setdefault(event.sender_id, set()).add(event.inbox)
        return cls.from_columns(
            [sender for sender, _ in earliest],
            np.array(list(earliest.values()), np.float64),
            {stream: frozenset(names) for stream, names in inboxes.items()},
        )

    def seen_by(self) -> frozenset[str]:
        """All inboxes that the events name."""
        return frozenset().union(*self.inboxes.values())

    @classmethod
    def from_columns(cls, senders: Iterable[str], times: Floats, inboxes: Mapping[str, frozenset[str]] | None = None) -> Events:
        """From one sender and one hour (since the epoch) an event, in any order."""
        names = [str(sender) for sender in senders]
        streams = sorted(set(names))
        places = {stream: place for place, stream in enumerate(streams)}
        rows = np.array([places[name] for name in names], np.int64)
        order = np.lexsort((rows, times))
        return cls(tuple(streams), times[order], rows[order], dict(inboxes or {}))


def trailing_rates(events: Events) -> Floats:
    """Messages a day of its stream at each event: gaps over their length, both fading by e in 30 days; 1 at the first."""
    order = np.lexsort((events.times, events.rows))
    rows, times = events.rows[order], events.times[order]
    goes_on = np.zeros(rows.size, np.bool_)
    goes_on[1:] = rows[1:] == rows[:-1]
    gaps = np.where(goes_on, np.diff(times, prepend=0.0), 0.0)
    keep = np.where(goes_on, np.exp(-gaps / (30 * 24.0)), 0.0)
    counts, lengths = _fading_sums(goes_on.astype(np.float64), keep), _fading_sums(gaps, keep)
    rates = np.empty(times.size)
    rates[order] = np.where(goes_on, 24.0 * counts / np.maximum(lengths, 1e-3), 1.0)
    return rates


def _fading_sums(values: Floats, keep: Floats) -> Floats:
    """The sums up to each value, of which `keep` is left when the value comes."""
    total = 0.0
    steps = zip(values.tolist(), keep.tolist(), strict=True)
    return np.array([total := total * share + value for value, share in steps], np.float64)
