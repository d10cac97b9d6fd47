"""Covered time of inboxes: when at least one of them was proven readable in all its folders (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from monitor.model import Coverage

Spans = list[tuple[datetime, datetime]]


def covered_time(
    intervals: Iterable[Coverage], folders: Mapping[str, Sequence[str]], start: datetime, end: datetime
) -> timedelta:
    """How much of [start, end) at least one inbox of `folders` (inbox → monitored folders) was covered; zero without any."""
    spans: dict[tuple[str, str], Spans] = {}
    for c in intervals:
        if c.end > start and c.start < end:
            spans.setdefault((c.inbox, c.folder), []).append((max(c.start, start), min(c.end, end)))
    seen: Spans = []
    for inbox, names in folders.items():
        if names:
            whole = [(start, end)]
            for name in names:
                whole = _both(whole, _merged(spans.get((inbox, name), [])))
            seen += whole
    return sum((until - since for since, until in _merged(seen)), timedelta())


def _merged(spans: Iterable[tuple[datetime, datetime]]) -> Spans:
    merged: Spans = []
    for since, until in sorted(spans):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until))
        else:
            merged.append((since, until))
    return merged


def _both(left: Spans, right: Spans) -> Spans:
    cut = ((max(a, c), min(b, d)) for a, b in left for c, d in right)
    return [(since, until) for since, until in cut if since < until]
