"""Strips: when each seed inbox could be read, and when none could, over the last 14 days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from monitor.show.canaries import canary_words
from monitor.show.snapshot import InboxHealth, Snapshot
from monitor.words import moment, publishable, span

WINDOW = timedelta(days=14)
"""What charts and strips of the first page show."""

Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class InboxLine:
    """One seed inbox: what it sees now and, as a strip, what it has seen in the last 14 days."""

    name: str
    receiver: str | None
    group: str
    blind: bool
    unreached: bool
    words: str
    detail: str | None
    bars: tuple[tuple[float, float], ...]
    """(x, width) of proven time in a box of 1000 wide."""
    covered: str


def inbox_lines(snapshot: Snapshot) -> list[InboxLine]:
    """The seed inboxes, first those that are blind, then those that mail does not reach."""
    return [
        _inbox_line(inbox, snapshot.at)
        for inbox in sorted(snapshot.inboxes, key=lambda i: (not i.blind, not i.unreached, i.inbox))
    ]


def _inbox_line(inbox: InboxHealth, now: datetime) -> InboxLine:
    start = now - WINDOW
    seen = covered(inbox, start, now)
    proven = [folder.proven_at for folder in inbox.folders if folder.proven_at]
    if inbox.blind:
        words = f"blind since {moment(min(proven), now)}" if proven else "never read so far"
    else:
        words = f"read {span(now - min(proven))} ago" if proven else "waiting for its first poll"
    failure = inbox.last_failure
    total = sum((b - a for a, b in seen), timedelta())
    return InboxLine(
        name=inbox.inbox,
        receiver=inbox.receiver,
        group=inbox.group,
        blind=inbox.blind,
        unreached=inbox.unreached,
        words=" · ".join(part for part in (words, canary_words(inbox, now)) if part),
        detail=publishable(f"{failure.cause.value}: {failure.detail}") if failure else None,
        bars=tuple((round((a - start) / WINDOW * 1000, 2), round(max((b - a) / WINDOW * 1000, 1), 2)) for a, b in seen),
        covered=f"{span(total)} of the last 14 days proven" if seen else "nothing proven in the last 14 days",
    )


def covered(inbox: InboxHealth, start: datetime, end: datetime) -> list[Interval]:
    """When all monitored folders were proven readable together, merged, ascending, within [start, end)."""
    folders = {c.folder for c in inbox.coverage}
    edges = sorted(
        (edge, step) for c in inbox.coverage for edge, step in ((max(c.start, start), 1), (min(c.end, end), -1)) if c.end > start
    )
    found: list[Interval] = []
    open_now, since = 0, start
    for at, step in sorted(edges, key=lambda e: (e[0], -e[1])):
        was, open_now = open_now, open_now + step
        if was < len(folders) <= open_now:
            since = at
        elif open_now < len(folders) <= was and at > since:
            found.append((since, at))
    return _merged(found)


def blind_times(snapshot: Snapshot, start: datetime, end: datetime) -> list[Interval]:
    """When no seed inbox at all was proven readable, from the first proof on; what is shorter than 30 minutes is left out."""
    seen = _merged(sorted(interval for inbox in snapshot.inboxes for interval in covered(inbox, start, end)))
    if not seen:
        return []
    holes = [(a[1], b[0]) for a, b in pairwise(seen)] + [(seen[-1][1], end)]
    return [(a, b) for a, b in holes if b - a >= timedelta(minutes=30)]


def _merged(intervals: Sequence[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for a, b in intervals:
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        else:
            merged.append((a, b))
    return merged
