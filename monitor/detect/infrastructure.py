"""Follow through whose infrastructure each stream comes: a lasting change is a finding, an A/B split is not.

For each stream and aspect the shares of the last sends are the expectation. A cumulative sum of log-likelihood ratios
(Page 1954, "Continuous inspection schemes") asks after each send whether one value now dominates: a new provider shows
after three to six sends, a half-and-half split that becomes one-sided after some twenty, a stray message or two never.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.model import Finding, FindingKind, Level

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


class Aspect(StrEnum):
    PLATFORM = "platform"
    DELIVERY = "delivery"
    ACCOUNT = "account"
    SIGNING_DOMAIN = "signing domain"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentThrough:
    """One send of a stream and what carried it. None and () mean that the message did not tell."""

    stream: str
    at: datetime
    organisation: str | None = None
    message_id: str | None = None
    platform: str | None = None
    delivery: str | None = None
    account: str | None = None
    sdids: tuple[str, ...] = ()
    authentication: tuple[tuple[str, str], ...] = ()

    def value(self, aspect: Aspect) -> str | None:
        """The value of one aspect; None says nothing, so it changes nothing."""
        if aspect is Aspect.SIGNING_DOMAIN:
            return ", ".join(sorted(set(self.sdids))) or None
        return {Aspect.PLATFORM: self.platform, Aspect.DELIVERY: self.delivery, Aspect.ACCOUNT: self.account}[aspect]


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
            f"Until {before.last.at:%d %B %Y} the {self.aspect.value} of {self.stream} was {before.value} "
            f"({before.share:.0%} of {before.sends} sends since {before.first.at:%d %B %Y}); "
            f"since {after.first.at:%d %B %Y} it is {after.value} ({after.share:.0%} of {after.sends} sends)."
        )


def find_changes(sends: Iterable[SentThrough]) -> tuple[InfrastructureChange, ...]:
    """All changes in the order in which they became sure. Sends may come in any order; equal times keep theirs."""
    followed: dict[tuple[str, Aspect], _Follower] = {}
    changes: list[InfrastructureChange] = []
    for send in sorted(sends, key=lambda send: send.at):
        for aspect in Aspect:
            value = send.value(aspect)
            if value is None:
                continue
            follower = followed.setdefault((send.stream, aspect), _Follower(aspect))
            if (change := follower.take(value, send)) is not None:
                changes.append(change)
    return tuple(changes)


def change_findings(changes: Sequence[InfrastructureChange], now: datetime) -> tuple[Finding, ...]:
    """Findings for the changes of the last two weeks; of several of one stream and aspect the newest."""
    newest = {(change.stream, change.aspect): change for change in changes if now - SHOWN_FOR <= change.found_at <= now}
    return tuple(
        Finding(
            kind=FindingKind.PROVIDER_CHANGE,
            key=f"provider_change:{change.stream}:{change.aspect.value}:{change.after.value}",
            subject=change.stream,
            level=Level.WATCH if change.aspect is Aspect.SIGNING_DOMAIN else Level.ALERT,
            since=change.after.first.at,
            found_at=change.found_at,
            organisation=change.organisation,
            note=change.sentence,
        )
        for change in newest.values()
    )


@dataclass(frozen=True, slots=True)
class Share:
    """How much of the mail of some streams came through one value."""

    value: str
    share: float
    sends: int
    streams: tuple[str, ...]
    organisations: tuple[str, ...]
    first_at: datetime
    last_at: datetime


def shares(sends: Iterable[SentThrough], aspect: Aspect) -> tuple[Share, ...]:
    """The largest first: all streams on one provider or account, or all providers of one organisation, by the choice of sends."""
    by_value: dict[str, list[SentThrough]] = {}
    for send in sends:
        if (value := send.value(aspect)) is not None:
            by_value.setdefault(value, []).append(send)
    total = sum(map(len, by_value.values()))
    rows = [
        Share(
            value=value,
            share=len(found) / total,
            sends=len(found),
            streams=tuple(sorted({send.stream for send in found})),
            organisations=tuple(sorted({send.organisation for send in found if send.organisation})),
            first_at=min(send.at for send in found),
            last_at=max(send.at for send in found),
        )
        for value, found in by_value.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.sends, row.value)))


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

    def take(self, value: str, send: SentThrough) -> InfrastructureChange | None:
        if len(self.settled) < ESTABLISHED:
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
            self.began = self.began or entry[1]
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
