"""Follow through whose infrastructure each stream comes: a lasting change is a finding, an A/B split is not.

For each stream and aspect the shares of the last sends are the expectation. A cumulative sum of log-likelihood ratios
(Page 1954, "Continuous inspection schemes") asks after each send whether one value now dominates: a new provider shows
after three to six sends, a half-and-half split that becomes one-sided after some twenty, a stray message or two never.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.model import Finding, FindingKind, Level
from monitor.words import count, plain

ESTABLISHED = 8
"""Sends that make an expectation."""
REMEMBERED = 60
"""Sends that the expectation looks back on."""
DOMINANT = 0.9
"""Share that a value is asked about."""
EVIDENCE = math.log(100_000)
"""How much likelier the change must be than chance; a split sender is asked at each of thousands of sends."""
LEAST = 3
"""Sends of the new value, whatever the arithmetic says."""
SHOWN_FOR = timedelta(days=14)
"""How long a change stays a finding."""
TOGETHER = timedelta(days=2)
NAMED = 40
"""Characters of a name in a sentence."""


class Aspect(StrEnum):
    PLATFORM = "platform"
    DELIVERY = "delivery"
    ACCOUNT = "account"
    SIGNING_DOMAIN = "signing domain"


_ASPECTS = tuple(Aspect)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentThrough:
    """One send of a stream and what carried it. None and () mean that the message did not tell."""

    stream: str
    at: datetime
    organisation: str | None = None
    send: int | None = None
    """Its number in the store."""
    message_id: str | None = None
    platform: str | None = None
    delivery: str | None = None
    account: str | None = None
    sdids: tuple[str, ...] = ()
    authentication: tuple[tuple[str, str], ...] = ()

    def value(self, aspect: Aspect) -> str | None:
        """The value of one aspect; None says nothing, so it changes nothing."""
        if aspect is Aspect.PLATFORM:
            return self.platform
        if aspect is Aspect.DELIVERY:
            return self.delivery
        if aspect is Aspect.ACCOUNT:
            return self.account
        return ", ".join(sorted(set(self.sdids))) or None


@dataclass(frozen=True, slots=True)
class Regime:
    """What a stream came through for a time: the leading value, with its first and last message."""

    value: str
    share: float
    sends: int
    first: SentThrough
    last: SentThrough


@dataclass(frozen=True, slots=True)
class InfrastructureChange:
    """One aspect of one stream that changed for good."""

    stream: str
    organisation: str | None
    aspect: Aspect
    before: Regime
    after: Regime
    found_at: datetime
    """The send that made it sure, UTC."""

    @property
    def sentence(self) -> str:
        """What was seen, with dates; why, nobody can read in mail."""
        before, after = self.before, self.after
        return (
            f"Until {before.last.at:%-d %B %Y} the {self.aspect.value} of {self.stream} was {before.value} "
            f"({before.share:.0%} of {before.sends} sends since {before.first.at:%-d %B %Y}); "
            f"since {after.first.at:%-d %B %Y} it is {after.value} ({after.share:.0%} of {after.sends} sends)."
        )


class InfrastructureFollower:
    """Follows one stream, whose sends come in order of time."""

    def __init__(self) -> None:
        self._aspects: dict[Aspect, _Follower] = {}

    def take(self, send: SentThrough) -> list[InfrastructureChange]:
        """The changes that this send makes sure."""
        changes = []
        for aspect in _ASPECTS:
            value = send.value(aspect)
            if value is None:
                continue
            follower = self._aspects.get(aspect)
            if follower is None:
                follower = self._aspects[aspect] = _Follower(aspect)
            if (change := follower.take(value, send)) is not None:
                changes.append(change)
        return changes


def find_changes(sends: Iterable[SentThrough]) -> tuple[InfrastructureChange, ...]:
    """All changes in the order in which they became sure. Sends may come in any order; equal times keep theirs."""
    followed: dict[str, InfrastructureFollower] = defaultdict(InfrastructureFollower)
    return tuple(change for send in sorted(sends, key=lambda send: send.at) for change in followed[send.stream].take(send))


def change_findings(changes: Iterable[InfrastructureChange], now: datetime) -> tuple[Finding, ...]:
    """One finding for each move of the last two weeks: what one stream changed within two days belongs together."""
    shown = sorted((c for c in changes if now - SHOWN_FOR <= c.found_at <= now), key=lambda c: (c.stream, c.found_at))
    moves: list[list[InfrastructureChange]] = []
    for change in shown:
        first = moves[-1][0] if moves else None
        if first and first.stream == change.stream and abs(change.after.first.at - first.after.first.at) <= TOGETHER:
            moves[-1].append(change)
        else:
            moves.append([change])
    return tuple(_finding(move) for move in moves)


def _finding(move: Sequence[InfrastructureChange]) -> Finding:
    """`move` is in the order in which its parts became sure: the first gives the alert its key, so that it stays one."""
    first = move[0]
    ranked = sorted(move, key=lambda change: list(Aspect).index(change.aspect))
    began = min(change.after.first.at for change in move)
    was, now = (_words(regimes) for regimes in _sides(ranked))
    leading = ranked[0]
    until = leading.before.last.at
    shares = (
        f"by {leading.aspect.value} {leading.before.share:.0%} of {count(leading.before.sends, 'mail')} before"
        f" and {leading.after.share:.0%} of {count(leading.after.sends, 'mail')} since"
    )
    return Finding(
        kind=FindingKind.PROVIDER_CHANGE,
        key=f"provider_change:{first.stream}:{first.after.first.at:%Y-%m-%dT%H:%M}",
        subject=first.stream,
        level=Level.WATCH if all(change.aspect is Aspect.SIGNING_DOMAIN for change in move) else Level.ALERT,
        since=began,
        found_at=first.found_at,
        organisation=first.organisation,
        note=f"Until {until:%-d %B %Y} its mail came with {was}; since {began:%-d %B %Y} with {now} ({shares})",
    )


def _sides(move: Sequence[InfrastructureChange]) -> tuple[dict[Aspect, Regime], dict[Aspect, Regime]]:
    return {change.aspect: change.before for change in move}, {change.aspect: change.after for change in move}


def _words(regimes: Mapping[Aspect, Regime]) -> str:
    """`platform and delivery X, account mid 123`; the signing domain is only told where nothing else changed."""
    values = {aspect: plain(regime.value, NAMED) for aspect, regime in regimes.items()}
    if values.keys() > {Aspect.SIGNING_DOMAIN}:
        del values[Aspect.SIGNING_DOMAIN]
    if Aspect.ACCOUNT in values:
        values[Aspect.ACCOUNT] = values[Aspect.ACCOUNT].replace(":", " ", 1)
    if Aspect.PLATFORM in values and values[Aspect.PLATFORM] == values.get(Aspect.DELIVERY):
        del values[Aspect.DELIVERY]
        return ", ".join(["platform and delivery " + values.pop(Aspect.PLATFORM), *(f"{a.value} {v}" for a, v in values.items())])
    return ", ".join(f"{aspect.value} {value}" for aspect, value in values.items())


@dataclass(slots=True)
class _Follower:
    """The expectation of one aspect of one stream, and the sends since something else may have begun."""

    aspect: Aspect
    settled: deque[tuple[str, SentThrough]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    began: SentThrough | None = None
    total: int = 0
    doubtful: list[tuple[str, SentThrough]] = field(default_factory=list)
    candidate: str | None = None
    score: float = 0.0
    only: str | None = None
    """The one value of all settled sends; None where there are several."""

    def take(self, value: str, send: SentThrough) -> InfrastructureChange | None:
        if len(self.settled) < ESTABLISHED or (value == self.only and not self.doubtful):
            self._settle([(value, send)])
            return None
        if self.candidate is None:
            self.candidate = value
        gain = self._gain(value)
        if self.score + gain <= 0:
            self._settle([*self.doubtful, (value, send)])
            self.doubtful, self.candidate, self.score = [], None, 0.0
            return None
        self.score += gain
        self.doubtful.append((value, send))
        if self.score < EVIDENCE or sum(seen == self.candidate for seen, _ in self.doubtful) < LEAST:
            return None
        return self._change(send)

    def _gain(self, value: str) -> float:
        """The log-likelihood ratio of one send: `candidate` dominates, against the settled shares."""
        usual = sum(seen == self.candidate for seen, _ in self.settled)
        size = len(self.settled) + 2
        share = (usual + 1) / size
        if usual:
            # Of a split the share is only estimated: its upper 95 % bound keeps a chance imbalance from passing for a rule.
            share = min(share + 1.64 * math.sqrt(share * (1 - share) / size), 0.99)
        return math.log(DOMINANT / share) if value == self.candidate else math.log((1 - DOMINANT) / (1 - share))

    def _settle(self, sends: Sequence[tuple[str, SentThrough]]) -> None:
        for entry in sends:
            if self.began is None:
                self.began, self.only = entry[1], entry[0]
            elif entry[0] != self.only:
                self.only = None
            self.settled.append(entry)
            self.total += 1

    def _change(self, send: SentThrough) -> InfrastructureChange:
        assert self.candidate is not None
        assert self.began is not None
        leading, count = Counter(value for value, _ in self.settled).most_common(1)[0]
        last = next(entry for value, entry in reversed([*self.settled, *self.doubtful]) if value == leading)
        new = [entry for value, entry in self.doubtful if value == self.candidate]
        change = InfrastructureChange(
            stream=send.stream,
            organisation=send.organisation,
            aspect=self.aspect,
            before=Regime(leading, count / len(self.settled), self.total, self.began, last),
            after=Regime(self.candidate, len(new) / len(self.doubtful), len(self.doubtful), new[0], new[-1]),
            found_at=send.at,
        )
        self.settled.clear()
        self.began, self.total = None, 0
        self._settle(self.doubtful)
        self.doubtful, self.candidate, self.score = [], None, 0.0
        return change
