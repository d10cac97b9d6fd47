"""Streams that fall silent together: which groups a send belongs to, and how a group's silence is told from a member's.

The merged mail of a group is one more row in the bank. A group finding needs members that would each have mailed:
beside the busiest one, the others' rhythm must have brought several sends. A partial stop shows in the top sum of the
members' surprises.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import lgamma, log

import numpy as np

from monitor.model import Send

INBOX, DELIVERY, ACCOUNT, ORGANISATION = "inbox", "delivery", "account", "organisation"
ORDER = (INBOX, DELIVERY, ACCOUNT, ORGANISATION)
"""The widest explanation first."""
OTHERS_EXPECTED = 3.0
"""The members beside the busiest must have been expected to send so often: chance of none is e^-3."""
LOUD = 2.5
"""A member with this surprise is named as silent: one gap in twelve gets there."""
LOUD_TOGETHER = 1.5
"""So is one with this surprise, if it fell silent no later than those: one gap in five gets there."""
SURPRISE_CAP = 8.0
LULL_POWER = 1.5
SHARED_LULLS = 1 / 40
"""Members lull in pairs. Chosen so that parts of 5, 10 and 20 busy simulated lists are falsely told of once a year."""
LEAST_MEMBERS = 5
INBOX_BUDGET = 0.1
"""False alarms a year for `the whole inbox is silent`."""


def groups_of(send: Send) -> Iterator[tuple[str, str]]:
    """The (kind, name) of every group that a send belongs to."""
    for inbox in send.inboxes:
        yield INBOX, inbox
    if send.delivery:
        yield DELIVERY, send.delivery
    if send.account:
        yield ACCOUNT, send.account
    yield ORGANISATION, send.organisation


@dataclass(frozen=True)
class Member:
    """One active stream of a group at one moment."""

    stream: str
    surprise: float
    """-ln of the chance that a gap of it lasts longer than its running silence."""
    expected: float
    """Sends that its rhythm would have brought since its last one."""
    last: float
    """Its last send, hours since the epoch."""
    seen_today: float = 0.0
    usual_today: float = 0.0
    """Sends of the last 24 hours, and how many it usually has."""


def several_are_silent(members: Sequence[Member]) -> bool:
    """True where not only the busiest member is missed."""
    expected = sorted((m.expected for m in members), reverse=True)
    return len(expected) >= 2 and sum(expected[1:]) >= OTHERS_EXPECTED


def silent_part(members: Sequence[Member]) -> tuple[float, tuple[Member, ...]]:
    """How strongly the silences of some members contrast with the others' activity, and the members that stand out.

    The score is the largest, over 2 ≤ j ≤ K - 2, of f [s(1) + … + s(j)] - j - ln C(K, j): the j greatest surprises over
    what chance gives the best j of K, slowed by the activity f of the other members in the last 24 hours (to the power
    LULL_POWER), so that a lull of the whole group is no partial stop. A surprise counts for at most SURPRISE_CAP: one
    paused list is no group.
    """
    ordered = sorted(members, key=lambda m: (-m.surprise, m.stream))
    k = len(ordered)
    if k < LEAST_MEMBERS:
        return float("-inf"), ()
    sums = np.cumsum([min(m.surprise, SURPRISE_CAP) for m in ordered])
    seen = np.cumsum([m.seen_today for m in ordered])
    usual = np.cumsum([m.usual_today for m in ordered])
    activity = np.clip((seen[-1] - seen + 2.0) / (usual[-1] - usual + 2.0), 0.1, 1.0) ** LULL_POWER
    j = np.arange(1, k + 1)
    chances = np.array([lgamma(k + 1) - lgamma(i + 1) - lgamma(k - i + 1) for i in j])
    score = float((activity * sums - j - chances)[1 : k - 2].max())
    since = max((m.last for m in ordered if m.surprise >= LOUD), default=float("-inf"))
    return score, tuple(m for m in ordered if m.surprise >= LOUD or (m.surprise >= LOUD_TOGETHER and m.last <= since))


def part_needed(sessions_a_year: float, members: int, budget: float) -> float:
    """The score at which a partial stop is found. The term in the number of members pays for lulls that they share."""
    return log(max(sessions_a_year, 1.0) / budget) + SHARED_LULLS * members**2
