"""A stream that still mails, but far less than it used to: the volume drop, with a budget of its own.

The sends of the last one, two or four covered weeks, in which the stream would have sent enough to tell, are compared with
what the eight weeks before lead us to expect. The expectation is itself uncertain (a Gamma posterior whose effective size
is bounded by the stream's own variance from week to week), so the count is judged by the negative-binomial tail. A full stop
is a gap and none of this. Where all lists mail less, as after an election, that much less is expected of each.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from scipy.special import betainc

from monitor.detect.own_budget import Budget
from monitor.model import Finding, FindingKind, Level
from monitor.words import count

WEEK = timedelta(days=7)
WINDOWS = (WEEK, 2 * WEEK, 4 * WEEK)
MEMORY = 8 * WEEK
ENOUGH, LEAST = 28.0, 8.0
"""Sends that are expected in a window that tells; the longest window serves from LEAST on."""
LEAST_WEEKS = 3.0
WEEK_TO_WEEK = 0.04
"""Variance of a campaign's weekly volume, beyond chance and relative to its mean, without elections."""
WEEKS_FOR_OWN = 8.0
"""Weeks as if seen with that variance, before the stream's own."""
LARGEST_SHARE = 0.5
"""Half the usual volume or more is a lull, however sure we are of it."""
FLEET_INERTIA = 12.0
"""Sends added to what all other lists sent and to what they were expected to."""


@dataclass(frozen=True, slots=True)
class Lately:
    """What a stream sent in one window up to now, beside the weeks before it."""

    window: timedelta
    seen: int
    usual: float
    """Sends that such a window used to bring; 0 where too little is known."""
    known: int
    """Sends that it rests on."""

    @property
    def looks_a_year(self) -> float:
        """How often chance has another go. Windows that overlap by half are as good as independent, and more often than once a
        week nothing new is seen; with it the promise is kept on development data."""
        return timedelta(days=365) / max(WEEK, self.window / 2)


@dataclass(frozen=True, slots=True)
class VolumeDrop:
    """What was seen in a window against what was expected."""

    window: timedelta
    seen: int
    expected: float
    level: Level


def lately(sends: Sequence[datetime], now: datetime, window: timedelta) -> Lately:
    """`sends` are a stream's times, rising."""
    begins = now - window
    first, start, end = (bisect_right(sends, at) for at in (begins - MEMORY, begins, now))
    known = start - first
    weeks = (begins - sends[first]) / WEEK if known else 0.0
    usual = (known - 1) / weeks * (window / WEEK) if weeks >= LEAST_WEEKS else 0.0
    return Lately(window, end - start, usual, known)


def volume_drop(
    sends: Sequence[datetime], now: datetime, week: Lately, budget: Budget, covered_share: float, activity: float
) -> VolumeDrop | None:
    """The drop, or None where there is none, or too little to judge by.

    `covered_share` is the part of the window over which the stream's inboxes were proven readable (below nine tenths nothing is
    said); `activity` is how much of their usual mail all others sent, at most 1.
    """
    begins = now - week.window
    expected = covered_share * activity * week.usual
    while_mailing = expected * _mailing(sends, begins, now)
    if covered_share < 0.9 or not week.seen or week.seen >= LARGEST_SHARE * while_mailing:
        return None
    size = 1.0 / (1.0 / week.known + _variance(sends, begins))
    chance = so_few(week.seen, size, while_mailing)
    level = budget.level_of(week.looks_a_year * chance)
    return None if level is None else VolumeDrop(week.window, week.seen, expected, level)


def so_few(seen: int, size: float, expected: float) -> float:
    """The chance of at most `seen` where `expected` are usual, negative-binomial with this size."""
    return float(betainc(size, seen + 1.0, size / (size + expected)))


def _mailing(sends: Sequence[datetime], begins: datetime, now: datetime) -> float:
    """The part of the window outside a silence of more than half of it: that is a gap's to tell, and a list that is back is
    no drop."""
    inside = sends[bisect_right(sends, begins) : bisect_right(sends, now)]
    longest = max(b - a for a, b in pairwise([begins, *inside, now])) / (now - begins)
    return 1.0 - longest if longest > 0.5 else 1.0


def _variance(sends: Sequence[datetime], begins: datetime) -> float:
    """Of what the whole weeks before `begins` brought, beyond chance, relative to its mean; shrunk to what campaigns have."""
    first = sends[bisect_right(sends, begins - MEMORY)]
    edges = [bisect_right(sends, begins - k * WEEK) for k in range((begins - first) // WEEK + 1)]
    counts = [later - earlier for later, earlier in pairwise(edges)]
    mean = sum(counts) / len(counts)
    beyond_chance = sum((c - mean) ** 2 for c in counts) / (len(counts) - 1) - mean
    own = min(max(beyond_chance / mean**2, 0.0), 1.0) if mean else 1.0
    return (WEEKS_FOR_OWN * WEEK_TO_WEEK + (len(counts) - 1) * own) / (WEEKS_FOR_OWN + len(counts) - 1)


@dataclass(frozen=True, slots=True)
class Mailer:
    """A stream whose volume is judged."""

    stream: str
    organisation: str
    budget: Budget
    covered_share: Callable[[timedelta], float]
    """The part of so long a time up to now over which its inboxes were proven readable; asked only where it matters."""


def volume_findings(mailers: Iterable[Mailer], sends: Mapping[str, Sequence[datetime]], now: datetime) -> tuple[Finding, ...]:
    """The drops among these streams; `sends` holds the last twelve weeks of every stream, also of those that are not judged."""
    rising = {stream: sorted(times) for stream, times in sends.items()}
    by_window = [{stream: lately(times, now, window) for stream, times in rising.items()} for window in WINDOWS]
    totals = [(sum(w.seen for w in weeks.values() if w.usual), sum(w.usual for w in weeks.values())) for weeks in by_window]
    found = []
    for mailer in mailers:
        place = telling([weeks[mailer.stream] for weeks in by_window]) if mailer.stream in rising else None
        if place is None:
            continue
        week, (seen, usual) = by_window[place][mailer.stream], totals[place]
        if week.seen >= LARGEST_SHARE * week.usual:
            continue
        others = (seen - week.seen + FLEET_INERTIA) / (usual - week.usual + FLEET_INERTIA)
        share = mailer.covered_share(week.window)
        drop = volume_drop(rising[mailer.stream], now, week, mailer.budget, share, min(others, 1.0))
        if drop is not None:
            found.append(_finding(mailer, drop, now))
    return tuple(found)


def telling(windows: Sequence[Lately]) -> int | None:
    """The place of the shortest window in which enough was to be expected; None: the stream mails too seldom."""
    enough = next((place for place, week in enumerate(windows) if week.usual >= ENOUGH), None)
    return len(windows) - 1 if enough is None and windows[-1].usual >= LEAST else enough


def _finding(mailer: Mailer, drop: VolumeDrop, now: datetime) -> Finding:
    return Finding(
        kind=FindingKind.VOLUME_DROP,
        key=f"volume_drop:{mailer.stream}",
        subject=mailer.stream,
        level=drop.level,
        since=now - drop.window,
        found_at=now,
        organisation=mailer.organisation,
        note=(
            f"We have seen {count(drop.seen, 'send')} in the last {drop.window.days} days. "
            f"By the weeks before, {drop.expected:.0f} were to be expected."
        ),
    )
