"""A stream that still mails, but far less than it used to: the volume drop, with a budget of its own.

The sends of the last covered week are compared with what the weeks before lead us to expect. The expectation is itself
uncertain (a Gamma posterior whose effective size is bounded by week-to-week variance), so the count is judged by the
negative-binomial tail. A full stop is a gap and none of this. Where all lists mail less, as after an election, that much
less is expected of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import log

from scipy.stats import nbinom

from monitor.model import Finding, FindingKind, Level
from monitor.words import count

WINDOW = timedelta(days=7)
MEMORY = timedelta(days=56)
LEAST_WEEKS = 3
WEEK_TO_WEEK = 0.15
"""Variance of the logarithm of a campaign's weekly volume, without elections."""
LARGEST_SHARE = 0.5
"""Half the usual volume or more is a lull, however sure we are of it."""
LOOKS_A_YEAR = 52.0
FLEET_INERTIA = 12.0
"""Sends added to what all other lists sent and to what they were expected to."""


@dataclass(frozen=True, slots=True)
class VolumeDrop:
    """What was seen in the last week against what was expected."""

    seen: int
    expected: float
    return_period_years: float


@dataclass(frozen=True, slots=True)
class Week:
    """A stream's last week beside the weeks before."""

    seen: int
    usual: float
    """Sends that a week used to bring; 0 where too little is known."""
    known: int
    """Sends that it rests on."""
    mailing: float
    """The part of the week outside its longest silence: a silence is a gap's to tell, and a list that is back is no drop."""


def week_of(sends: Sequence[datetime], now: datetime) -> Week:
    """`sends` are a stream's times, in any order."""
    recent = sorted(at for at in sends if now - WINDOW < at <= now)
    earlier = [at for at in sends if now - WINDOW - MEMORY < at <= now - WINDOW]
    weeks = (now - WINDOW - min(earlier)) / WINDOW if earlier else 0.0
    longest = max(b - a for a, b in pairwise([now - WINDOW, *recent, now]))
    usual = (len(earlier) - 1) / weeks if weeks >= LEAST_WEEKS else 0.0
    return Week(len(recent), usual, len(earlier), 1.0 - longest / WINDOW)


def volume_drop(week: Week, budget: float, covered_share: float = 1.0, activity: float = 1.0) -> VolumeDrop | None:
    """The drop, or None where there is none, or too little to judge by.

    `budget` is how often a year this may be wrong; `covered_share` is the part of the last week over which the stream's
    inboxes were proven readable (below nine tenths nothing is said); `activity` is how much of their usual mail all others
    sent, at most 1.
    """
    expected = covered_share * activity * week.usual
    while_mailing = expected * week.mailing
    if covered_share < 0.9 or not week.seen or week.seen >= LARGEST_SHARE * while_mailing:
        return None
    size = 1.0 / (1.0 / week.known + WEEK_TO_WEEK)
    chance = float(nbinom.cdf(week.seen, size, size / (size + while_mailing)))
    years = 1.0 / (LOOKS_A_YEAR * max(chance, 1e-12))
    return VolumeDrop(week.seen, expected, years) if log(years) >= -log(budget) else None


@dataclass(frozen=True, slots=True)
class Mailer:
    """A stream whose volume is judged."""

    stream: str
    organisation: str
    budget: float
    covered_share: Callable[[], float]
    """The part of the last week over which its inboxes were proven readable; asked only where it matters."""


def volume_findings(mailers: Iterable[Mailer], sends: Mapping[str, Sequence[datetime]], now: datetime) -> tuple[Finding, ...]:
    """The drops among these streams; `sends` holds the last nine weeks of every stream, also of those that are not judged."""
    weeks = {stream: week_of(times, now) for stream, times in sends.items()}
    known = [week for week in weeks.values() if week.usual]
    seen, usual = sum(week.seen for week in known), sum(week.usual for week in known)
    found = []
    for mailer in mailers:
        week = weeks.get(mailer.stream)
        if week is None or week.seen >= LARGEST_SHARE * week.usual:
            continue
        others = (seen - week.seen + FLEET_INERTIA) / (usual - week.usual + FLEET_INERTIA)
        drop = volume_drop(week, mailer.budget, mailer.covered_share(), min(others, 1.0))
        if drop is not None:
            found.append(_finding(mailer, drop, now))
    return tuple(found)


def _finding(mailer: Mailer, drop: VolumeDrop, now: datetime) -> Finding:
    """It is a watch unless it happens less than a tenth as often as the budget."""
    return Finding(
        kind=FindingKind.VOLUME_DROP,
        key=f"volume_drop:{mailer.stream}",
        subject=mailer.stream,
        level=Level.ALERT if drop.return_period_years >= 10.0 / mailer.budget else Level.WATCH,
        since=now - WINDOW,
        found_at=now,
        organisation=mailer.organisation,
        note=(
            f"We have seen {count(drop.seen, 'send')} in the last 7 days. "
            f"By the weeks before, {drop.expected:.0f} were to be expected."
        ),
    )
