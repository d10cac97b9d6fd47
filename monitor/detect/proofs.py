"""What is proven of the inboxes of recorded events: which time counts for what each stream gets, and since when it was known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from monitor.detect.events import Events, Floats
from monitor.detect.witnesses import CoveredTime, Interval, covered_time, merge, paused_time, subtract


class Later(NamedTuple):
    """A half-open interval, hours since the epoch, of which nothing was known before `known_at`."""

    start: float
    end: float
    known_at: float


@dataclass(frozen=True)
class Hindsight:
    """What was not watched live, but read and proven afterwards: since each of `edges` (rising) it was known at `known`.

    NaN: at once, as is what lies before the first edge.
    """

    edges: Floats
    known: Floats

    @classmethod
    def of(cls, later: Sequence[Later]) -> Hindsight:
        """What several intervals hold was known by the first of their proofs."""
        edges = np.unique([edge for span in later for edge in (span.start, span.end)])
        known = np.full(edges.size, np.nan)
        for start, end, at in sorted(later, key=lambda span: -span.known_at):
            known[slice(*np.searchsorted(edges, (start, end)))] = at
        return cls(edges, known)

    def known_at(self, due: Sequence[float] | Floats) -> Floats:
        """When what became due at these moments came to be known. NaN stays NaN."""
        moments = np.array(due, np.float64)
        if not self.edges.size:
            return moments
        place = np.searchsorted(self.edges, moments, side="right") - 1
        later = np.where(place < 0, np.nan, self.known[place])
        return np.where(np.isnan(later), moments, later)


@dataclass(frozen=True)
class Proofs:
    """Proven intervals by inbox, sorted and disjoint, watched live or proven at their end only; none: all time counts."""

    live: Mapping[str, Sequence[Interval]]
    in_retrospect: Mapping[str, Sequence[Interval]]
    both: Mapping[str, Sequence[Interval]]

    @classmethod
    def of(cls, live: Mapping[str, Sequence[Interval]], in_retrospect: Mapping[str, Sequence[Interval]]) -> Proofs:
        """From intervals in any order, which may overlap."""
        both = {
            inbox: merge([*live.get(inbox, ()), *in_retrospect.get(inbox, ())]) for inbox in live.keys() | in_retrospect.keys()
        }
        return cls({inbox: merge(spans) for inbox, spans in live.items()}, in_retrospect, both)

    def inboxes_of(self, events: Events, stream: str) -> frozenset[str]:
        """Those that get a stream; any of them where its events do not say."""
        return events.inboxes.get(stream, frozenset(self.both)) if self.both else frozenset()

    def covered(self, inboxes: frozenset[str], pauses: tuple[Interval, ...] = ()) -> CoveredTime:
        """Which time counts for what these inboxes get."""
        if not self.both:
            return paused_time(pauses)
        return covered_time(self.both, {inbox: spans[0][0] for inbox, spans in self.live.items() if spans}, inboxes, pauses)

    def hindsight(self, inboxes: frozenset[str]) -> Hindsight:
        """What of that time was known later only: where none of these inboxes was watched live."""
        live = merge(span for inbox in inboxes for span in self.live.get(inbox, ()))
        proven = [span for inbox in inboxes for span in self.in_retrospect.get(inbox, ())]
        return Hindsight.of([Later(*rest, span[1]) for span in proven for rest in subtract([span], live)])
