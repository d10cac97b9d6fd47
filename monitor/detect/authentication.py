"""Notice a stream whose SPF, DKIM or DMARC starts to fail, and when it is mended. What only our receivers noted counts."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.detect.infrastructure import SentThrough
from monitor.model import Finding, FindingKind, Level

METHODS = ("spf", "dkim", "dmarc")
FAILURES = frozenset(("fail", "softfail", "permerror", "none", "neutral", "policy"))
"""Results that are no pass; `temperror` is a passing trouble of the resolver and says nothing."""
ESTABLISHED = 5
FAILING = 0.8
"""Share of failures that is asked about."""
EVIDENCE = math.log(1000)
LEAST = 3
MENDED = 3
"""Passes in a row that end it."""


@dataclass(frozen=True, slots=True)
class Breakage:
    """One method of one stream that passed and then failed."""

    stream: str
    organisation: str | None
    method: str
    result: str
    """The newest failure's word."""
    last_pass: SentThrough
    first_failure: SentThrough
    found_at: datetime
    failures: int
    sends: int
    """Sends since the first failure."""
    mended_at: datetime | None = None
    """The send that made it sure that it passes again, UTC."""

    @property
    def sentence(self) -> str:
        """What the receivers noted, with dates."""
        return (
            f"{self.method.upper()} of {self.stream} last passed on {self.last_pass.at:%-d %B %Y}; "
            f"since {self.first_failure.at:%-d %B %Y} our receivers noted no pass for {self.failures} of {self.sends} sends "
            f"(last: {self.result})."
        )


class AuthenticationFollower:
    """Follows one stream, whose sends come in order of time."""

    def __init__(self) -> None:
        self._methods: dict[str, _Follower] = {}

    def take(self, send: SentThrough) -> None:
        for method, result in send.authentication:
            if method in METHODS and (result == "pass" or result in FAILURES):
                self._methods.setdefault(method, _Follower(method)).take(result, send)

    def breakages(self) -> list[Breakage]:
        """All there were, mended or not, by method."""
        return [breakage for follower in self._methods.values() for breakage in follower.all()]


def find_breakages(sends: Iterable[SentThrough]) -> tuple[Breakage, ...]:
    """All breakages, mended or not, by stream and method in the order of their first failure. Sends may come in any order."""
    followed: dict[str, AuthenticationFollower] = defaultdict(AuthenticationFollower)
    for send in sorted(sends, key=lambda send: send.at):
        followed[send.stream].take(send)
    found = [breakage for follower in followed.values() for breakage in follower.breakages()]
    return tuple(sorted(found, key=lambda breakage: (breakage.first_failure.at, breakage.stream, breakage.method)))


def breakage_findings(breakages: Iterable[Breakage]) -> tuple[Finding, ...]:
    """Findings for what is not mended yet."""
    return tuple(
        Finding(
            kind=FindingKind.AUTHENTICATION_BROKEN,
            key=f"authentication_broken:{breakage.stream}:{breakage.method}",
            subject=breakage.stream,
            level=Level.ALERT,
            since=breakage.first_failure.at,
            found_at=breakage.found_at,
            organisation=breakage.organisation,
            note=breakage.sentence,
        )
        for breakage in breakages
        if breakage.mended_at is None
    )


@dataclass(slots=True)
class _Follower:
    """How often one method of one stream passed, and whether that has ended (a cumulative sum, as for infrastructure)."""

    method: str
    passes: int = 0
    failures: int = 0
    last_pass: SentThrough | None = None
    doubtful: list[tuple[str, SentThrough]] = field(default_factory=list)
    score: float = 0.0
    broken: Breakage | None = None
    passes_in_a_row: int = 0
    ended: list[Breakage] = field(default_factory=list)

    def all(self) -> list[Breakage]:
        return [*self.ended, *([self.broken] if self.broken is not None else [])]

    def take(self, result: str, send: SentThrough) -> None:
        if self.broken is not None:
            self._go_on(self.broken, result, send)
        elif self.passes + self.failures < ESTABLISHED or (result == "pass" and not self.doubtful):
            self._settle([(result, send)])
        else:
            self._doubt(result, send)

    def _doubt(self, result: str, send: SentThrough) -> None:
        usual = (self.failures + 0.5) / (self.passes + self.failures + 1)
        if usual >= FAILING:
            self._settle([(result, send)])  # it hardly ever passed: nothing can break
            return
        failed = result != "pass"
        gain = math.log(FAILING / usual) if failed else math.log((1 - FAILING) / (1 - usual))
        self.doubtful.append((result, send))
        self.score += gain
        if self.score <= 0:
            self._settle(self.doubtful)
            self.doubtful, self.score = [], 0.0
            return
        failures = [(word, entry) for word, entry in self.doubtful if word != "pass"]
        if self.score >= EVIDENCE and len(failures) >= LEAST and self.last_pass is not None:
            first = failures[0][1]
            before = [entry for word, entry in self.doubtful if word == "pass" and entry.at <= first.at]
            self.broken = Breakage(
                stream=send.stream,
                organisation=send.organisation,
                method=self.method,
                result=failures[-1][0],
                last_pass=before[-1] if before else self.last_pass,
                first_failure=first,
                found_at=send.at,
                failures=len(failures),
                sends=len(self.doubtful),
            )
            self.doubtful, self.score, self.passes_in_a_row = [], 0.0, 0

    def _go_on(self, broken: Breakage, result: str, send: SentThrough) -> None:
        failed = result != "pass"
        self.passes_in_a_row = 0 if failed else self.passes_in_a_row + 1
        mended = self.passes_in_a_row >= MENDED
        self.broken = Breakage(
            stream=broken.stream,
            organisation=broken.organisation,
            method=broken.method,
            result=result if failed else broken.result,
            last_pass=broken.last_pass,
            first_failure=broken.first_failure,
            found_at=broken.found_at,
            failures=broken.failures + failed,
            sends=broken.sends + 1,
            mended_at=send.at if mended else None,
        )
        if mended:
            self.ended.append(self.broken)
            self.broken, self.passes_in_a_row, self.last_pass = None, 0, send

    def _settle(self, sends: Sequence[tuple[str, SentThrough]]) -> None:
        for result, send in sends:
            if result == "pass":
                self.passes += 1
                self.last_pass = send
            else:
                self.failures += 1
