"""Quota: what a server's answers say of how full a mailbox is, and of alerts to its owner (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from monitor.model import Quota
from monitor.words import publishable

_ALERT = re.compile(r"\[ALERT\]\s*(.+)", re.I | re.S)
LONGEST = 300


def fullest(quotas: Iterable[tuple[str, int, int]]) -> Quota | None:
    """Of (resource, used, limit) the one that is nearest to its limit; None where there is no limit."""
    found = [Quota(resource.upper()[:40], used, limit) for resource, used, limit in quotas if limit > 0 and used >= 0]
    return max(found, key=lambda quota: quota.share, default=None)


def alert_in(texts: Iterable[str]) -> str | None:
    """The last [ALERT] among a server's texts: one line, without addresses and links; None where there is none."""
    alerts = [found[1] for text in texts if (found := _ALERT.search(text))]
    return (publishable(alerts[-1], LONGEST) or None) if alerts else None
