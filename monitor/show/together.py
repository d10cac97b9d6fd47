"""Lists that are silent together: which alert speaks for others, and whom the open ones name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from monitor.model import Alert, FindingKind
from monitor.show.snapshot import ShownAlert, Snapshot
from monitor.show.views import open_alerts
from monitor.words import count, plain

_GROUPS = (FindingKind.GROUP_GAP, FindingKind.PARTIAL_GROUP_GAP)


def leading(alerts: Iterable[ShownAlert]) -> list[ShownAlert]:
    """The alerts that no other of them speaks for, in their order."""
    known = list(alerts)
    keys = {shown.alert.key for shown in known}
    return [shown for shown in known if shown.alert.parent not in keys]


def named_together(snapshot: Snapshot) -> frozenset[str]:
    """The lists of which an open alert about several says that they are silent; not those that may be in a usual pause."""
    findings = [shown.alert.finding for shown in open_alerts(snapshot) if shown.alert.kind in _GROUPS]
    return frozenset(name for found in findings if found for name in found.members if name not in found.unsure)


def gone_quiet(gaps: Sequence[ShownAlert]) -> int:
    """How many lists these alerts name, each once."""
    return len({name for shown in gaps for name in _lists(shown.alert)})


def gap_name(shown: ShownAlert) -> str:
    """`news.example.org`, or `4 lists of SendGrid`."""
    subject = plain(shown.alert.subject, 60)
    return f"{count(len(_lists(shown.alert)), 'list')} of {subject}" if shown.alert.kind in _GROUPS else subject


def _lists(alert: Alert) -> tuple[str, ...]:
    if alert.kind in _GROUPS and alert.finding is not None:
        return alert.finding.members
    return (alert.subject,)
