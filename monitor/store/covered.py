"""Covered time of inboxes: when all their folders were proven readable, and when at least one inbox was (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.model import Coverage, CoverageKind

Spans = list[tuple[datetime, datetime]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A half-open interval, UTC; live where everything in it was proven live."""

    start: datetime
    end: datetime
    kind: CoverageKind


def covered_time(
    intervals: Iterable[Coverage], folders: Mapping[str, Sequence[str]], start: datetime, end: datetime
) -> timedelta:
    """How much of [start, end) at least one inbox of `folders` (inbox → monitored folders) was covered; zero without any."""
    by_inbox: dict[str, list[Coverage]] = {}
    for c in intervals:
        by_inbox.setdefault(c.inbox, []).append(c)
    seen = [span for inbox, names in folders.items() for span in _whole(by_inbox.get(inbox, []), names, start, end)]
    return sum((until - since for since, until in _merged(seen)), timedelta())


def inbox_stretches(intervals: Sequence[Coverage], folders: Sequence[str], start: datetime, end: datetime) -> list[Stretch]:
    """When an inbox was covered in [start, end), from the intervals of its folders; ascending and disjoint."""
    live = _whole([c for c in intervals if c.kind is CoverageKind.LIVE], folders, start, end)
    return _told_apart(live, _whole(intervals, folders, start, end))


def any_of(stretches: Iterable[Stretch]) -> list[Stretch]:
    """When any of several inboxes was covered, live where one of them was."""
    known = list(stretches)
    live = _merged((s.start, s.end) for s in known if s.kind is CoverageKind.LIVE)
    return _told_apart(live, _merged((s.start, s.end) for s in known))


def holes(stretches: Sequence[Stretch], start: datetime, end: datetime) -> Spans:
    """What of [start, end) lies in none of them."""
    return _without([(start, end)], _merged((s.start, s.end) for s in stretches))


def _whole(intervals: Iterable[Coverage], folders: Sequence[str], start: datetime, end: datetime) -> Spans:
    """When all these folders were covered; never without any."""
    spans: dict[str, Spans] = {}
    for c in intervals:
        if c.end > start and c.start < end:
            spans.setdefault(c.folder, []).append((max(c.start, start), min(c.end, end)))
    whole: Spans = [(start, end)] if folders else []
    for name in folders:
        whole = _both(whole, _merged(spans.get(name, [])))
    return whole


def _told_apart(live: Spans, covered: Spans) -> list[Stretch]:
    found = [Stretch(*span, CoverageKind.LIVE) for span in live]
    found += [Stretch(*span, CoverageKind.RETROSPECTIVE) for span in _without(covered, live)]
    return sorted(found, key=lambda s: s.start)


def _merged(spans: Iterable[tuple[datetime, datetime]]) -> Spans:
    merged: Spans = []
    for since, until in sorted(spans):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until))
        else:
            merged.append((since, until))
    return merged


def _both(left: Spans, right: Spans) -> Spans:
    """The time in both; each is ascending and disjoint."""
    common: Spans = []
    i = j = 0
    while i < len(left) and j < len(right):
        since, until = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if since < until:
            common.append((since, until))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return common


def _without(spans: Spans, taken: Spans) -> Spans:
    """The time in `spans` and not in `taken`; each is ascending and disjoint."""
    if not spans:
        return []
    first, last = spans[0][0], spans[-1][1]
    edges = [first, *(edge for span in taken for edge in span if first <= span[1] and span[0] <= last), last]
    free = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
    return _both(spans, free)
