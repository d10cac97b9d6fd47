"""Many streams at once: a provider's lists that fall silent together, and a day of ours without polls.

Each trial is a small world of its own: simulated lists up to a stop at a random hour, given to the running detector, which
is then asked hour by hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from monitor.detect.calendar import moment_of
from monitor.detect.detector import Detector
from monitor.model import Coverage, CoverageKind, Finding, FindingKind, Level, Send
from monitor.settings import GapSettings
from tests.bench.gaps.protocol import Floats
from tests.bench.gaps.simulate import SimulatedList, simulate

INBOXES = ("seed-1", "seed-2")
SILENT_GROUP = "Provider 0"
GROUP_KINDS = (FindingKind.GROUP_GAP, FindingKind.PARTIAL_GROUP_GAP)
HISTORY_HOURS = 60 * 24
LONGEST_WAIT_HOURS = 96
LATER_HOURS = 24


@dataclass(frozen=True)
class Named:
    """Whom a finding about a group names."""

    rightly: int
    """Lists that had stopped."""
    wrongly: int
    """Lists that had not."""


NOBODY = Named(0, 0)


@dataclass(frozen=True)
class Trial:
    """How one common stop was told."""

    delay: float
    """Hours from the stop to the first group finding at level `alert` about it; infinity: not within four days."""
    findings: int
    """Findings about the stopped lists at that moment: one group finding that names them is 1."""
    first: Named
    """Whom it names at that moment."""
    later: Named
    """Whom a day later."""


def groups_stop(members: int, stopped: int, trials: int, seed: int) -> list[Trial]:
    """Let `stopped` of a provider's `members` campaign lists stop together, `trials` times."""
    return [_trial(members, stopped, seed + 1000 * i) for i in range(trials)]


def _trial(members: int, stopped: int, seed: int) -> Trial:
    random = np.random.default_rng(seed)
    lists = [x for x in simulate(seed, max(60, 5 * members), start=(2019, 2, 1), end=(2019, 6, 1)).lists if x.times.size]
    group = [x for x in lists if x.kind == "campaign"][:members]
    others = [x for x in lists if x not in group][:40]
    gone = group[:stopped]
    start = float(np.floor(min(x.times[0] for x in lists)))
    stop = start + HISTORY_HOURS + float(random.uniform(0, 7 * 24))
    end = stop + LONGEST_WAIT_HOURS
    detector = Detector(lambda _stream, _organisation: GapSettings(), full_coverage=True)
    detector.add_sends(_sends(group, SILENT_GROUP, {x.name: stop for x in gone}, end + LATER_HOURS, 0))
    detector.add_sends(_sends(others, "Provider 1", {}, end + LATER_HOURS, 1_000_000))
    silent = {x.name for x in gone}
    for hour in np.arange(np.ceil(stop), end).tolist():
        findings = detector.assess(moment_of(hour)).findings
        told = next((f for f in findings if _is_told(f)), None)
        if told is not None:
            about = sum(1 for f in findings if f.level >= Level.ALERT and (f.subject in silent or silent & set(f.members)))
            later = next((f for f in detector.assess(moment_of(hour + LATER_HOURS)).findings if _is_told(f)), None)
            return Trial(hour - stop, about, _named(told, silent), _named(later, silent) if later else NOBODY)
    return Trial(float("inf"), 0, NOBODY, NOBODY)


def _named(finding: Finding, silent: set[str]) -> Named:
    named = set(finding.members)
    return Named(len(named & silent), len(named - silent))


def _is_told(finding: Finding) -> bool:
    about_it = finding.kind in GROUP_KINDS and (SILENT_GROUP in finding.subject or SILENT_GROUP in finding.key)
    return about_it and finding.level >= Level.ALERT


def _sends(lists: Sequence[SimulatedList], provider: str, until: dict[str, float], end: float, first_id: int) -> Iterator[Send]:
    number = first_id
    for known in lists:
        for at in known.times[known.times < min(until.get(known.name, end), end)].tolist():
            number += 1
            yield _send(number, known.name, at, at, provider)


def _send(number: int, stream: str, at: float, stored: float, provider: str) -> Send:
    return Send(
        id=number,
        stream=stream,
        organisation=f"of {stream}",
        at=moment_of(at),
        stored_at=moment_of(stored),
        inboxes=INBOXES,
        copies=len(INBOXES),
        placements={"INBOX": len(INBOXES)},
        delivery=provider,
    )


@dataclass(frozen=True)
class Outage:
    """What was said around a day without polls."""

    about_streams: int
    """Streams with a finding at level `alert` while polls were down that they did not have before."""
    more_after: int
    """Streams that go on, with a finding after catching up that a detector which was never blind does not have then."""
    about_us: int
    """Findings about inboxes during the outage."""
    due: int
    """Streams that had stopped shortly before, and that a detector which was never blind tells of by then."""
    told: int
    """Those of them that were told within an hour of catching up."""
    back_dated: int
    """Those whose finding is dated into the outage."""


def outage(streams: int, seed: int, hours: int = 24) -> Outage:
    """Polls are down for `hours` while all lists go on, but for some heavy ones that stop as the outage begins."""
    lists = simulate(seed, streams, start=(2019, 2, 1), end=(2019, 6, 1)).lists
    start = float(np.floor(min(x.times[0] for x in lists)))
    down = start + 60 * 24
    up = down + hours
    heavy = [x for x in lists if x.kind == "national"][:10]
    until = {x.name: down - 6.0 for x in heavy}
    sends = list(_sends(lists, "Provider 1", until, up + 3, 0))
    later = [x for x in sends if x.at >= moment_of(down)]
    detector, sighted = _watching(), _watching()
    for each in (detector, sighted):
        each.add_sends(x for x in sends if x.at < moment_of(down))
        each.add_coverage(_coverage(start - 1, down, CoverageKind.LIVE))
    before = _silent(detector.assess(moment_of(down)).findings)
    during: set[str] = set()
    about_us: set[str] = set()
    for hour in np.arange(down + 1, up):
        findings = detector.assess(moment_of(float(hour))).findings
        during |= _silent(findings) - before
        about_us |= {f.key for f in findings if f.kind is FindingKind.INBOX_BLIND}
    detector.add_sends(later)
    detector.add_coverage(_coverage(down, up + 0.5, CoverageKind.RETROSPECTIVE))
    sighted.add_sends(later)
    sighted.add_coverage(_coverage(down, up + 0.5, CoverageKind.LIVE))
    after = detector.assess(moment_of(up + 0.5)).findings
    new = {f.subject: f for f in after if f.kind is FindingKind.GAP and f.level >= Level.ALERT and f.subject not in before}
    told = [f for name, f in new.items() if name in until]
    seen = _silent(sighted.assess(moment_of(up + 0.5)).findings)
    return Outage(
        about_streams=len(during),
        more_after=len(set(new) - set(until) - seen),
        about_us=len(about_us),
        due=len(set(until) & seen - before),
        told=len(told),
        back_dated=sum(1 for f in told if f.found_at < moment_of(up)),
    )


def _watching() -> Detector:
    detector = Detector(lambda _stream, _organisation: GapSettings())
    detector.set_inboxes(dict.fromkeys(INBOXES, ("INBOX",)))
    return detector


def _silent(findings: Sequence[Finding]) -> set[str]:
    return {f.subject for f in findings if f.kind is FindingKind.GAP and f.level >= Level.ALERT}


def _coverage(start: float, end: float, kind: CoverageKind) -> list[Coverage]:
    polls = int(timedelta(hours=end - start) / timedelta(minutes=5))
    return [Coverage(name, "INBOX", moment_of(start), moment_of(end), kind, polls) for name in INBOXES]


def delays_of(trials: Sequence[Trial]) -> Floats:
    return np.array([t.delay for t in trials])
