"""Mail that moves to junk: a stream's placement in the seed inboxes of one mailbox provider, recently against before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from scipy.stats import betabinom

from monitor.model import Finding, FindingKind, Level

RECENT = 20
"""At most so many of the latest copies are set against the earlier ones."""
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

    The latest copies, from the earliest one that keeps half of them in junk, are judged by the beta-binomial
    prediction of the earlier ones; `budget` is how often a year this may be wrong.
    """
    ordered = sorted(copies, key=lambda c: c.at)
    best: PlacementShift | None = None
    for count in range(LEAST_RECENT, min(RECENT, len(ordered) - LEAST_BEFORE) + 1):
        recent, before = ordered[-count:], ordered[:-count]
        junk, junk_before = sum(c.in_junk for c in recent), sum(c.in_junk for c in before)
        if not recent[0].in_junk or junk < LEAST_SHARE * count:
            continue
        a, b = junk_before + 0.5, len(before) - junk_before + 0.5
        chance = float(betabinom.sf(junk - 1, count, a, b))
        if best is None or chance < best.chance:
            best = PlacementShift(recent[0].at, junk, count, junk_before, len(before), chance)
    return best if best is not None and best.chance * LOOKS_A_YEAR <= budget else None


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
