"""Mail that moves to junk: where a stream's sends lie in the seed inboxes of one mailbox provider, lately against before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, pairwise, takewhile
from math import exp

import numpy as np
from scipy.special import betaln

from monitor.detect.own_budget import Budget
from monitor.model import Finding, FindingKind, Level

REMEMBERED = 120
"""Of a stream at one mailbox provider, the latest sends that are looked at."""
LEAST_RECENT, LEAST_BEFORE = 4, 10
LEAST_SHARE = 0.5
"""At least half of the latest sends went to junk, and before at most half of that share."""
LEAST_BACK, SURELY_BACK = 3, 0.01
"""It is over after so many sends in the inbox in a row, if that is so improbable under the share of junk since."""
TOGETHER, TOGETHER_SEEN = 0.2, 5.0
"""How far a send goes where its neighbour went (correlation), and sends in junk as if seen with it before the stream's own. With
it the promise is kept where sends go to junk one by one or, by a correlation of up to 0.2, in runs."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One send at a mailbox provider: when it was sent, and whether most of its copies there were in junk."""

    at: datetime
    in_junk: bool


@dataclass(frozen=True, slots=True)
class PlacementShift:
    """Since when, how many of the latest sends went to junk, and how many of those before."""

    since: datetime
    junk: int
    of: int
    junk_before: int
    of_before: int
    level: Level


def placement_shift(placed: Sequence[Placed], budget: Budget) -> PlacementShift | None:
    """The shift from inbox to junk in `placed` (any order) of one stream at one mailbox provider, or None.

    The sends are divided where two different shares of junk explain them best; those since are judged by the beta-binomial
    prediction of those before. It lasts until mail is surely back in the inbox, however long that is.
    """
    ordered = sorted(placed, key=lambda p: (p.at, p.in_junk))[-REMEMBERED:]
    up_to = [0, *accumulate(int(p.in_junk) for p in ordered)]
    splits = [s for s in range(LEAST_BEFORE, len(ordered) - LEAST_RECENT + 1) if ordered[s].in_junk]
    if not splits:
        return None
    split = max(splits, key=lambda s: _likelihood(up_to[s], s) + _likelihood(up_to[-1] - up_to[s], len(ordered) - s))
    count, junk_before = len(ordered) - split, up_to[split]
    junk = up_to[-1] - junk_before
    is_shift = junk >= LEAST_SHARE * count and junk_before * count <= LEAST_SHARE * junk * split
    if not is_shift or _is_back(ordered[split:], junk):
        return None
    chance = so_many(junk, count, junk_before + 0.5, split - junk_before + 0.5)
    level = budget.level_of(_sends_a_year(ordered) * chance ** _weight(ordered[:split], junk_before))
    return None if level is None else PlacementShift(ordered[split].at, junk, count, junk_before, split, level)


def so_many(junk: int, count: int, a: float, b: float) -> float:
    """The chance that at least `junk` of `count` are junk, where the share is Beta(a, b): beta-binomial."""
    junks = np.arange(junk, count + 1)
    ways = -np.log(count + 1.0) - betaln(count - junks + 1.0, junks + 1.0)
    return float(min(np.exp(ways + betaln(junks + a, count - junks + b) - betaln(a, b)).sum(), 1.0))


def _likelihood(junk: int, of: int) -> float:
    """Logarithm of how likely such a run is where its share of junk is one and the same, and unknown."""
    return float(betaln(junk + 0.5, of - junk + 0.5))


def _is_back(since: Sequence[Placed], junk: int) -> bool:
    """Whether the latest sends came into the inbox in a row, too many for the share of junk among those since the shift."""
    back = len(list(takewhile(lambda p: not p.in_junk, reversed(since))))
    elsewhere = len(since) - back - junk
    chance = exp(float(betaln(junk + 0.5, elsewhere + 0.5 + back) - betaln(junk + 0.5, elsewhere + 0.5)))
    return back >= LEAST_BACK and chance <= SURELY_BACK


def _sends_a_year(ordered: Sequence[Placed]) -> float:
    return timedelta(days=365) * len(ordered) / max(ordered[-1].at - ordered[0].at, timedelta(hours=1))


def _weight(before: Sequence[Placed], junk: int) -> float:
    """How much of one send's evidence a send is worth where neighbours go the same way: (1 - r) / (1 + r)."""
    pairs = sum(a.in_junk and b.in_junk for a, b in pairwise(before))
    own = max(pairs - junk * junk / len(before), 0.0)
    correlation = min((TOGETHER_SEEN * TOGETHER + own) / (TOGETHER_SEEN + junk), 0.8)
    return (1.0 - correlation) / (1.0 + correlation)


def placement_finding(
    stream: str, organisation: str, mailbox_provider: str, named: str, placed: Sequence[Placed], now: datetime, budget: Budget
) -> Finding | None:
    """The finding of a shift to junk at one mailbox provider, or None; `named` is what readers call it."""
    shift = placement_shift(placed, budget)
    if shift is None:
        return None
    return Finding(
        kind=FindingKind.PLACEMENT_SHIFT,
        key=f"placement_shift:{mailbox_provider}:{stream}",
        subject=stream,
        level=shift.level,
        since=shift.since,
        found_at=min(now, max(p.at for p in placed)),
        organisation=organisation,
        note=(
            f"At {named}, {shift.junk} of the last {shift.of} sends were in junk; "
            f"of the {shift.of_before} before, {shift.junk_before} were."
        ),
    )
