"""Grouping: which finding speaks for which others, and which channels are to hear of an alert (pure)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from monitor.model import Alert, Finding, FindingKind
from monitor.settings import RouteSettings

SAME = timedelta(seconds=1)
"""Moments closer than this are the same: the detector reckons in fractions of hours."""
_CHILDREN = frozenset({FindingKind.GAP, FindingKind.SEED_SILENT, FindingKind.VOLUME_DROP})
GROUPS = frozenset({FindingKind.GROUP_GAP, FindingKind.PARTIAL_GROUP_GAP})
_SILENCES = GROUPS | {FindingKind.GAP}
_ABOUT_INBOXES = frozenset({FindingKind.INBOX_BLIND, FindingKind.CANARY_OVERDUE})
_SPEAKERS = GROUPS | _ABOUT_INBOXES | {FindingKind.PASSWORD_EXPIRES}


def parents(speakers: Iterable[Finding | Alert], findings: Iterable[Finding | Alert]) -> dict[str, str]:
    """Key of each silenced finding → key of the one that speaks for it.

    A group or a blind inbox speaks for the gaps, silent seeds and volume drops of the streams it names, for a group whose
    streams are all among them, and for the inboxes it names; a password or login that has ended, or several together, speak for
    their inboxes. A silence that began after the group's own is another one, of which the group has not told. The largest wins,
    then the smaller key; no chain is a circle.
    """
    ranked = sorted(speakers, key=lambda s: (-len(members(s)), s.key))
    found: dict[str, str] = {}
    for finding in findings:
        for speaker in ranked:
            if _speaks_for(speaker, finding):
                found[finding.key] = speaker.key
                break
    return found


def has_wider(alert: Alert, findings: Iterable[Finding]) -> bool:
    """True where a finding of ours now says more than this alert did, so that its own finding is gone without being over."""
    return any(_speaks_for(finding, alert) for finding in findings)


def _speaks_for(speaker: Finding | Alert, finding: Finding | Alert) -> bool:
    """Whether one that names streams or inboxes includes another, which is not itself."""
    if speaker.key == finding.key or speaker.kind not in _SPEAKERS:
        return False
    named, theirs = members(speaker), members(finding)
    if speaker.kind is FindingKind.PASSWORD_EXPIRES:  # only where it has ended: that it will be so explains no failure of today
        about = theirs or {finding.subject}
        if finding.kind is FindingKind.PASSWORD_EXPIRES:
            return not theirs and about <= named
        return (
            finding.kind is FindingKind.INBOX_BLIND and about <= (named or {speaker.subject}) and speaker.since >= finding.since
        )
    is_larger = (len(named), finding.key) > (len(theirs), speaker.key)
    if speaker.kind in _ABOUT_INBOXES and finding.kind in _ABOUT_INBOXES:
        return is_larger and (finding.subject in named or (bool(theirs) and theirs <= named))
    if speaker.kind in _ABOUT_INBOXES and finding.kind is FindingKind.SEED_SILENT and theirs & {speaker.subject, *named}:
        return True
    if names_streams(speaker) and finding.kind in _SILENCES and finding.since > speaker.since + SAME:
        return False
    if finding.kind in _CHILDREN:
        return finding.subject in named
    if finding.kind in GROUPS:
        return is_larger and bool(theirs) and theirs <= named
    return False


def members(of: Finding | Alert) -> frozenset[str]:
    """The streams (or, for what is about inboxes, the inboxes) that a finding, or the newest one behind an alert, names."""
    finding = of.finding if isinstance(of, Alert) else of
    return frozenset(finding.members) if finding else frozenset()


def names_streams(of: Finding | Alert) -> bool:
    """Whether it is about streams that fell silent together: in a group, or in one inbox that none of their mail reaches."""
    finding = of.finding if isinstance(of, Alert) else of
    return of.kind in GROUPS or (of.kind is FindingKind.INBOX_BLIND and finding is not None and finding.gap is not None)


def named_no_more(known: Alert, finding: Finding | None) -> frozenset[str]:
    """The streams that a group's alert has named and that its newest finding does not name: perhaps they have mailed."""
    return members(known) - members(finding) if finding is not None and names_streams(known) else frozenset()


def followed(finding: Finding, known: Alert, back: Collection[str]) -> Finding:
    """A group's newest finding, which still names the streams that its alert has named before: not all come back at once.

    Those that are `back` are `resumed` instead.
    """
    if not names_streams(finding):
        return finding
    named = members(known) | members(finding)
    before = known.finding.resumed if known.finding else ()
    resumed = (set(before) | (named & set(back))) - members(finding)
    return replace(
        finding,
        members=tuple(sorted(named - resumed)),
        resumed=tuple(sorted(resumed)),
        since=max(finding.since, known.since),
    )


def without(finding: Finding, back: Collection[str]) -> Finding:
    """A group's finding of which some members have mailed again."""
    gone = frozenset(finding.members) & frozenset(back)
    return replace(
        finding,
        members=tuple(stream for stream in finding.members if stream not in gone),
        unsure=tuple(stream for stream in finding.unsure if stream not in gone),
        resumed=tuple(sorted({*finding.resumed, *gone})),
    )


def channels_for(alert: Alert, routes: Sequence[RouteSettings]) -> tuple[str, ...]:
    """The channels whose routes want this alert at its level, each once, in the order of the settings."""
    return tuple(dict.fromkeys(c for route in routes if wants(route, alert) for c in route.channels))


def channels_that_want_raises(alert: Alert, routes: Sequence[RouteSettings]) -> frozenset[str]:
    """Those of them that asked to hear again when an alert they know of rises a level."""
    return frozenset(c for route in routes if route.again_when_raised and wants(route, alert) for c in route.channels)


def wants(route: RouteSettings, alert: Alert) -> bool:
    """True where a route's level, kinds and organisations all admit the alert."""
    return (
        alert.level >= route.least
        and (route.kinds is None or alert.kind.value in route.kinds)
        and (route.organisations is None or alert.organisation in route.organisations)
    )
