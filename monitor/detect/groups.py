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

from monitor.detect.bank import Floats
from monitor.model import Send

INBOX, DELIVERY, ACCOUNT, ORGANISATION = "inbox", "delivery", "account", "organisation"
ORDER = (INBOX, DELIVERY, ACCOUNT, ORGANISATION)
"""The widest explanation first."""
OTHERS_EXPECTED = 3.0
"""The members beside the busiest must have been expected to send so often: chance of none is e^-3."""
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


def several_are_silent(members: Sequence[Member]) -> bool:
    """True where not only the busiest member is missed."""
    expected = sorted((m.expected for m in members), reverse=True)
    return len(expected) >= 2 and sum(expected[1:]) >= OTHERS_EXPECTED


def top_sum(surprises: Floats) -> tuple[float, int]:
    """The largest sum of the j greatest surprises over what chance gives the best j of K, and that j.

    T = max over j of [s(1) + … + s(j) - j - ln C(K, j)]; (-inf, 0) for no member.
    """
    falling = np.sort(surprises)[::-1]
    k = falling.size
    if k == 0:
        return float("-inf"), 0
    j = np.arange(1, k + 1)
    chances = np.array([lgamma(k + 1) - lgamma(i + 1) - lgamma(k - i + 1) for i in j])
    scores = np.cumsum(falling) - j - chances
    best = int(np.argmax(scores))
    return float(scores[best]), best + 1


def top_sum_needed(sessions_a_year: float, budget: float) -> float:
    """The top sum at which a partial stop is found, for so many false alarms a year."""
    return log(max(sessions_a_year, 1.0) / budget)
