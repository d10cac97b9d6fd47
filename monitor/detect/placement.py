"""Mail that moves to junk: a stream's placement in the seed inboxes of one mailbox provider, recently against before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from scipy.special import betaln
from scipy.stats import betabinom

from monitor.model import Finding, FindingKind, Level

REMEMBERED = 120
"""Of a stream at one mailbox provider, the latest copies that are looked at."""
LEAST_RECENT, LEAST_BEFORE = 4, 10
LEAST_SHARE = 0.5
"""At least half of the latest copies went to junk."""
LOOKS_A_YEAR = 365.0


@dataclass(frozen=True, slots=True)
class Placed:
    """One copy: when it was sent, and whether it was found in junk."""

    at: datetime
    in_junk: bool


@dataclass(frozen=True, slots=True)
class PlacementShift:
    """Since when, how many of the latest copies went to junk, and how many of those before."""

    since: datetime
    junk: int
    of: int
    junk_before: int
    of_before: int
    chance: float


def placement_shift(copies: Sequence[Placed], budget: float) -> PlacementShift | None:
    """The shift from inbox to junk in `copies` (any order) of one stream at one mailbox provider, or None.

    The copies are divided where two different shares of junk explain them best; those since are judged by the beta-binomial
    prediction of those before. It is over once most of the last four are in the inbox again, and lasts however long it has
    lasted. `budget` is how often a year this may be wrong.
    """
    ordered = sorted(copies, key=lambda c: c.at)[-REMEMBERED:]
    if sum(c.in_junk for c in ordered[-LEAST_RECENT:]) < LEAST_SHARE * LEAST_RECENT:
        return None
    up_to = [0, *accumulate(int(c.in_junk) for c in ordered)]
    splits = [s for s in range(LEAST_BEFORE, len(ordered) - LEAST_RECENT + 1) if ordered[s].in_junk]
    if not splits:
        return None
    split = max(splits, key=lambda s: _likelihood(up_to[s], s) + _likelihood(up_to[-1] - up_to[s], len(ordered) - s))
    count, junk_before = len(ordered) - split, up_to[split]
    junk = up_to[-1] - junk_before
    chance = float(betabinom.sf(junk - 1, count, junk_before + 0.5, split - junk_before + 0.5))
    if junk < LEAST_SHARE * count or chance * LOOKS_A_YEAR > budget:
        return None
    return PlacementShift(ordered[split].at, junk, count, junk_before, split, chance)


def _likelihood(junk: int, of: int) -> float:
    """Logarithm of how likely such a run is where its share of junk is one and the same, and unknown."""
    return float(betaln(junk + 0.5, of - junk + 0.5))


def placement_finding(
    stream: str, organisation: str, mailbox_provider: str, copies: Sequence[Placed], now: datetime, budget: float
) -> Finding | None:
    """The finding of a shift to junk at one mailbox provider, or None."""
    shift = placement_shift(copies, budget)
    if shift is None:
        return None
    return Finding(
        kind=FindingKind.PLACEMENT_SHIFT,
        key=f"placement_shift:{mailbox_provider}:{stream}",
        subject=stream,
        level=Level.ALERT,
        since=shift.since,
        found_at=min(now, max(c.at for c in copies)),
        organisation=organisation,
        note=(
            f"At {mailbox_provider}, {shift.junk} of the last {shift.of} copies were in junk; "
            f"of the {shift.of_before} before, {shift.junk_before} were."
        ),
    )
