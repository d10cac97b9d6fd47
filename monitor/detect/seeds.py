"""One seed inbox of several goes without a stream's mail while the others still get it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import exp, lgamma

from monitor.detect.bank import BUDGETS
from monitor.detect.calendar import HOURS_PER_YEAR
from monitor.model import Level

KEPT_SENDS = 200
"""A stream's newest sends, which are looked at."""
LEAST_HITS = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """One send: when (hours since the epoch), and which inboxes got it."""

    at: float
    inboxes: frozenset[str]


@dataclass(frozen=True, slots=True)
class SilentSeed:
    """An inbox that a stream used to reach: its last send there, how many it has missed, how rare that is."""

    inbox: str
    last: float
    missed: int
    found: float
    level: Level


def silent_seeds(
    sends: Iterable[Seen], is_covered: Callable[[str, float], bool], budget: float, level_per_hour: float
) -> list[SilentSeed]:
    """Inboxes that miss a stream's sends in a row, more often than their share of earlier ones explains.

    `sends` in order of time; those that fell into an inbox's uncovered time neither count for it nor against it. With
    `h` of `n` earlier sends received, the chance to miss m in a row is that of a Beta(h + 1/2, n - h + 1/2).
    """
    kept = deque(sends, KEPT_SENDS)
    found = []
    yearly = level_per_hour * HOURS_PER_YEAR
    for inbox in sorted({i for s in kept for i in s.inboxes}):
        watched = [s for s in kept if inbox in s.inboxes or is_covered(inbox, s.at)]
        hits = [k for k, s in enumerate(watched) if inbox in s.inboxes]
        first, last = hits[0], hits[-1]
        missed = watched[last + 1 :]
        trials = last - first + 1
        if not missed or len(hits) < LEAST_HITS:
            continue
        level, reached = None, missed[0].at
        for count, send in enumerate(missed, 1):
            chance = _chance_to_miss(len(hits), trials - len(hits), count)
            for candidate, multiple in zip(Level, BUDGETS, strict=True):
                if yearly * chance <= multiple * budget and (level is None or candidate > level):
                    level, reached = candidate, (send.at if candidate <= Level.ALERT else reached)
        if level is not None:
            found.append(SilentSeed(inbox, watched[last].at, len(missed), reached, level))
    return found


def _chance_to_miss(hits: int, misses: int, count: int) -> float:
    a, b = hits + 0.5, misses + 0.5
    return exp(lgamma(b + count) - lgamma(b) + lgamma(a + b) - lgamma(a + b + count))
