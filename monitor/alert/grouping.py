"""Grouping: which finding speaks for which others, and which channels are to hear of an alert (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from monitor.model import Alert, Finding, FindingKind
from monitor.settings import RouteSettings

_CHILDREN = frozenset({FindingKind.GAP, FindingKind.SEED_SILENT, FindingKind.VOLUME_DROP})
_GROUPS = frozenset({FindingKind.GROUP_GAP, FindingKind.PARTIAL_GROUP_GAP})


def parents(speakers: Iterable[Finding | Alert], findings: Iterable[Finding | Alert]) -> dict[str, str]:
    """Key of each silenced finding → key of the one that speaks for it.

    A speaker that names members speaks for their gaps, silent seeds and volume drops, and for a group whose members are
    all among its own. The largest speaker wins, then the smaller key; nothing speaks for itself, and no chain is a circle.
    """
    ranked = sorted(speakers, key=lambda s: (-len(members(s)), s.key))
    found: dict[str, str] = {}
    for finding in findings:
        for speaker in ranked:
            if _speaks_for(speaker, finding):
                found[finding.key] = speaker.key
                break
    return found


def _speaks_for(speaker: Finding | Alert, finding: Finding | Alert) -> bool:
    if speaker.key == finding.key:
        return False
    if finding.kind in _CHILDREN:
        return finding.subject in members(speaker)
    if finding.kind in _GROUPS:
        ours, theirs = members(speaker), members(finding)
        return bool(theirs) and theirs <= ours and (len(ours), finding.key) > (len(theirs), speaker.key)
    return False


def members(of: Finding | Alert) -> frozenset[str]:
    """The streams that a finding, or the newest finding behind an alert, names."""
    finding = of.finding if isinstance(of, Alert) else of
    return frozenset(finding.members) if finding else frozenset()


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
