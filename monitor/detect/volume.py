"""A stream that still mails, but far less than it used to: the volume drop, with a budget of its own.

The sends of the last covered week are compared with what the weeks before lead us to expect. The expectation is itself
uncertain (a Gamma posterior whose effective size is bounded by week-to-week variance), so the count is judged by the
negative-binomial tail. A full stop is a gap and none of this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log

from scipy.stats import nbinom

from monitor.model import Finding, FindingKind, Level

WINDOW = timedelta(days=7)
MEMORY = timedelta(days=56)
LEAST_WEEKS = 3
WEEK_TO_WEEK = 0.15
"""Variance of the logarithm of a campaign's weekly volume, without elections."""
LARGEST_SHARE = 0.5
"""Half the usual volume or more is a lull, however sure we are of it."""
LOOKS_A_YEAR = 52.0


@dataclass(frozen=True, slots=True)
class VolumeDrop:
    """What was seen in the last week against what was expected."""

    seen: int
    expected: float
    return_period_years: float


def volume_drop(sends: Sequence[datetime], now: datetime, budget: float, covered_share: float = 1.0) -> VolumeDrop | None:
    """The drop at `now`, or None where there is none, or too little to judge by.

    `sends` are a stream's times; `budget` is how often a year this may be wrong; `covered_share` is the part of the
    last week over which the stream's inboxes were proven readable (below nine tenths nothing is said).
    """
    if covered_share < 0.9:
        return None
    recent = sum(1 for at in sends if now - WINDOW < at <= now)
    earlier = [at for at in sends if now - WINDOW - MEMORY < at <= now - WINDOW]
    if not recent or not earlier:
        return None
    weeks = (now - WINDOW - min(earlier)) / WINDOW
    if weeks < LEAST_WEEKS:
        return None
    expected = covered_share * (len(earlier) - 1) / weeks
    if recent >= LARGEST_SHARE * expected:
        return None
    size = 1.0 / (1.0 / len(earlier) + WEEK_TO_WEEK)
    chance = float(nbinom.cdf(recent, size, size / (size + expected)))
    years = 1.0 / (LOOKS_A_YEAR * max(chance, 1e-12))
    return VolumeDrop(recent, expected, years) if log(years) >= -log(budget) else None


def volume_finding(stream: str, organisation: str, sends: Sequence[datetime], now: datetime, budget: float) -> Finding | None:
    """The finding of a volume drop, or None. It is a watch unless it happens less than a tenth as often as the budget."""
    drop = volume_drop(sends, now, budget)
    if drop is None:
        return None
    return Finding(
        kind=FindingKind.VOLUME_DROP,
        key=f"volume_drop:{stream}",
        subject=stream,
        level=Level.ALERT if drop.return_period_years >= 10.0 / budget else Level.WATCH,
        since=now - WINDOW,
        found_at=now,
        organisation=organisation,
        note=f"We have seen {drop.seen} sends in the last 7 days, where the weeks before lead us to expect {drop.expected:.0f}.",
    )
