"""Recorded events as columns, for replays: which stream mailed when, in hours since the epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

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


class Recorded(Protocol):
    """What is needed of such a row, whoever has read it."""

    @property
    def sender_id(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def send_id(self) -> str | None: ...
    @property
    def inbox(self) -> str | None: ...


@dataclass(frozen=True)
class Events:
    """Distinct sends in order of time. `rows[i]` is the index in `streams` of the one that mailed at `times[i]`."""

    streams: tuple[str, ...]
    times: Floats
    rows: Rows
    inboxes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Stream → the inboxes that ever got it, where the events say."""

    @classmethod
    def of(cls, events: Iterable[Recorded]) -> Events:
        """From rows in any order. Copies of one send (same stream and `send_id`) count once, at the earliest time;
        so do equal (stream, time) pairs."""
        numbers: dict[str, int] = {}
        rows: list[int] = []
        seconds: list[float] = []
        earliest: dict[tuple[int, str], datetime] = {}
        inboxes: dict[str, set[str]] = {}
        for event in events:
            sender, at, send = event.sender_id, event.at, event.send_id
            row = numbers.setdefault(sender, len(numbers))
            if send is None:
                rows.append(row)
                seconds.append(at.timestamp())
            else:
                known = earliest.get((row, send), at)
                earliest[row, send] = at if at < known else known
            if event.inbox is not None:
                inboxes.setdefault(sender, set()).add(event.inbox)
        alone = np.rint(np.array(seconds, np.float64) * 1e6) / 3.6e9, np.array(rows, np.int64)
        order = np.lexsort(alone)
        times, of_rows = alone[0][order], alone[1][order]
        distinct = (np.diff(times, prepend=-np.inf) != 0) | (np.diff(of_rows, prepend=-1) != 0)
        times = np.append(times[distinct], [hours_of(at) for at in earliest.values()])
        of_rows = np.append(of_rows[distinct], np.array([row for row, _ in earliest], np.int64))
        return cls._sorted(list(numbers), times, of_rows, {stream: frozenset(names) for stream, names in inboxes.items()})

    def seen_by(self) -> frozenset[str]:
        """All inboxes that the events name."""
        return frozenset().union(*self.inboxes.values())

    @classmethod
    def from_columns(cls, senders: Iterable[str], times: Floats, inboxes: Mapping[str, frozenset[str]] | None = None) -> Events:
        """From one sender and one hour (since the epoch) an event, in any order."""
        numbers: dict[str, int] = {}
        rows = [numbers.setdefault(sender, len(numbers)) for sender in map(str, senders)]
        return cls._sorted(list(numbers), times, np.array(rows, np.int64), dict(inboxes or {}))

    @classmethod
    def _sorted(cls, names: Sequence[str], times: Floats, rows: Rows, inboxes: Mapping[str, frozenset[str]]) -> Events:
        """From the place in `names` of each event's stream."""
        by_name = sorted(range(len(names)), key=names.__getitem__)
        rank = np.empty(len(names), np.int64)
        rank[by_name] = np.arange(len(names))
        rows = rank[rows]
        order = np.lexsort((rows, times))
        return cls(tuple(names[place] for place in by_name), times[order], rows[order], inboxes)


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
