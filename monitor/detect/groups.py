"""Streams that fall silent together: which groups a send belongs to, and how a group's silence is told from a member's.

The merged mail of a group is one more row in the bank. A group finding needs members that would each have mailed:
beside the busiest one, the others' rhythm must have brought several sends. A partial stop shows in the top sum of the
members' surprises.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from monitor.detect.bank import Floats, Rows
from monitor.detect.runs import runs_of
from monitor.model import Send

INBOX, DELIVERY, ACCOUNT, ORGANISATION = "inbox", "delivery", "account", "organisation"
ORDER = (INBOX, DELIVERY, ACCOUNT, ORGANISATION)
"""The widest explanation first."""
OTHERS_EXPECTED = 3.0
"""The members beside the busiest must have been expected to send so often: chance of none is e^-3."""
LOUD = 2.5
"""A member with this surprise is silent by itself: one gap in twelve gets there."""
QUIETER_HALF = 2.5
"""How surprising, all together, the silences of those members must be that make up the less silent half of a group's mail: where
only some have stopped, a night of the others is no silence of the whole."""
LOUD_TOGETHER = 4.0
"""The merged mail of a group is looked at from this surprise on: one of its pauses in fifty gets there."""
SURPRISE_CAP = 8.0
LULL_POWER = 1.5
LEAST_MEMBERS = 5
MOST_MISTAKES, MOST_MISTAKEN = 0.7, 0.05
"""A part of a group is told of once so few of its streams are probably misnamed: as a number, and as a share of those named."""
OVERWHELMING = 16.0
"""With so much more evidence than is needed it is told of as soon as two of its streams would be told of by themselves."""
TOLD_ANYWAY = 2
SLOW = 0.2
"""A member that mails less than this share of what those named do: whether it stopped too will only be seen much later."""
SURE = 0.9
"""From this chance on it is sure that a named stream stopped with the others."""
WHOLE_MARGIN, PART_MARGIN, SHARED_LULLS = 3.0, 2.0, 0.15
"""Evidence beyond what chance alone would ask for, and more of it for each member: what lists share (a lull, the end of a
quarter) silences many at once. Chosen so that simulated groups of 3 to 50 lists are falsely told of within the budget."""
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


def part_score(members: Sequence[Member]) -> float:
    """How strongly the silences of some members contrast with the others' activity.

    The largest, over 2 ≤ j ≤ K - 2, of f [s(1) + … + s(j)] - j - ln C(K, j): the j greatest surprises over what chance gives
    the best j of K, slowed by the activity f of the other members in the last 24 hours (to the power LULL_POWER), so that a
    lull of the whole group is no partial stop. A surprise counts for at most SURPRISE_CAP: one paused list is no group.
    """
    ordered = sorted(members, key=lambda m: m.stream)
    columns = (np.array([getattr(m, name) for m in ordered]) for name in ("surprise", "seen_today", "usual_today"))
    return float(part_scores(np.zeros(len(ordered), np.int64), *columns).max(initial=float("-inf")))


def part_scores(group: Rows, surprise: Floats, seen_today: Floats, usual_today: Floats) -> Floats:
    """The same for many groups at once: by member, which group it is of; equal ones stand together.

    One score for each group, in their order; -inf where it is too small to have parts.
    """
    runs = runs_of(group)
    order = np.lexsort((-surprise, runs.member))
    first, size = runs.first, runs.last - runs.first + 1
    k, j = size[runs.member], runs.rank + 1
    silent, seen, usual = (
        _sums(column[order], first, runs.member) for column in (np.minimum(surprise, SURPRISE_CAP), seen_today, usual_today)
    )
    seen_by_others, usual_of_others = seen[runs.last][runs.member] - seen, usual[runs.last][runs.member] - usual
    activity = np.clip((seen_by_others + 2.0) / (usual_of_others + 2.0), 0.1, 1.0) ** LULL_POWER
    log_factorial = np.append(0.0, np.log(np.arange(1, size.max(initial=0) + 1)).cumsum())
    score = activity * silent - j - (log_factorial[k] - log_factorial[j] - log_factorial[k - j])
    score[(j < 2) | (j > k - 2) | (k < LEAST_MEMBERS)] = -np.inf
    return np.maximum.reduceat(score, first) if first.size else np.empty(0)


def _sums(values: Floats, first: Rows, member: Rows) -> Floats:
    """The sums of each group's values up to each of them."""
    sums = np.append(0.0, values.cumsum())
    return np.asarray(sums[1:] - sums[first][member])


def part_needed(sessions_a_year: float, members: int, budget: float) -> float:
    """The score at which a part of so many members is found to be silent, with so many false alarms a year."""
    return log(max(sessions_a_year, 1.0) / budget) + PART_MARGIN + SHARED_LULLS * members


def whole_needed(sessions_a_year: float, members: int, budget: float) -> float:
    """How surprising the members' silences since the group's last mail must be, all together, for the whole to be silent."""
    return log(max(sessions_a_year, 1.0) / budget) + WHOLE_MARGIN + SHARED_LULLS * members


def quieter_half(silences: Floats, members: Sequence[Member]) -> float:
    """Of these silences (how surprising they are, by member) the sum over the half of the mail with the least surprising ones."""
    usual = np.array([m.usual_today for m in members])
    order = np.argsort(-silences, kind="stable")
    rest = np.cumsum(usual[order]) > 0.5 * usual.sum() * (1.0 + 1e-9)
    return float(silences[order][rest].sum())


@dataclass(frozen=True)
class Part:
    """The members that are said to have stopped together."""

    silent: tuple[Member, ...]
    unsure: tuple[Member, ...]
    """Those of them that may as well be in an ordinary pause."""
    mistakes: float
    """How many members are probably named, or not named, wrongly; far slower ones than those named are left out."""

    @property
    def is_sharp(self) -> bool:
        """Whether it can be told who they are."""
        return self.mistakes <= max(MOST_MISTAKES, MOST_MISTAKEN * len(self.silent))


def part_of(members: Sequence[Member], chances: Iterable[float]) -> Part:
    """Who stopped, by the chance of each that it did: those for whom that is likelier than not.

    Of lists far slower than those, nothing can be said so soon: one is named only where it is silent by itself.
    """
    judged = [(m, float(chance)) for m, chance in zip(members, chances, strict=True)]
    likely = [m.usual_today for m, chance in judged if chance > 0.5]
    slow = SLOW * float(np.median(likely)) if likely else 0.0
    silent, unsure, mistakes = [], [], 0.0
    for member, chance in judged:
        is_slow = member.usual_today < slow
        is_named = chance > 0.5 and (not is_slow or member.surprise >= LOUD)
        if is_named:
            silent.append(member)
            if chance < SURE:
                unsure.append(member)
        if is_named or not is_slow:
            mistakes += 1.0 - chance if is_named else chance
    return Part(tuple(silent), tuple(unsure), mistakes)
