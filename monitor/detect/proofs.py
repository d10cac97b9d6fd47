"""What is proven of the inboxes of recorded events: which time counts for what each stream gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.detect.events import Events
from monitor.detect.witnesses import CoveredTime, Interval, covered_time, paused_time


def inboxes_of(events: Events, stream: str, proven: Mapping[str, Sequence[Interval]]) -> frozenset[str]:
    """Those that get a stream; any of them where its events do not say."""
    return events.inboxes.get(stream, frozenset(proven)) if proven else frozenset()


def time_covered(proven: Mapping[str, Sequence[Interval]], inboxes: frozenset[str], pauses: tuple[Interval, ...]) -> CoveredTime:
    """Which time counts for what these inboxes get."""
    if not proven:
        return paused_time(pauses)
    return covered_time(proven, {inbox: spans[0][0] for inbox, spans in proven.items() if spans}, inboxes, pauses)
