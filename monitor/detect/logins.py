"""Logins: those by token that one provider has ended at about the same time are one finding (pure)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.detect.servers import runs
from monitor.model import Finding, FindingKind, Level
from monitor.words import count

GATHERED = timedelta(minutes=15)
"""So long a login that ended waits to be told of where others at its provider may have ended too: three usual polls."""
TOGETHER = timedelta(hours=1)
"""An access token lives so long, and only then does it show that the login behind it has ended."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A login by token that its provider renews no more."""

    provider: str
    """In words, such as `Google (oauth2.googleapis.com)`."""
    since: datetime
    """The first poll that failed for it, UTC."""
    reason: str


def logins_ended(ended: Mapping[str, Ended], now: datetime) -> tuple[Finding, ...]:
    """One finding for each provider of which several inboxes' logins have ended, beside those of each inbox."""
    at_one: defaultdict[str, dict[str, datetime]] = defaultdict(dict)
    for inbox, login in ended.items():
        at_one[login.provider][inbox] = login.since
    found = []
    for provider, since in sorted(at_one.items()):
        together = max(runs(since, TOGETHER), key=len)
        told_at = since[together[0]] + GATHERED
        if len(together) > 1 and now >= told_at:
            last = together[-1]
            begins = since[last]
            found.append(
                Finding(
                    kind=FindingKind.PASSWORD_EXPIRES,
                    key=f"password_expires:authorization:{provider}",
                    subject=provider,
                    level=Level.ALERT,
                    since=begins,
                    found_at=max(told_at, begins),
                    members=tuple(sorted(together)),
                    note=f"{count(len(together), 'seed inbox')} that log in through {provider} cannot log in any more. "
                    f"The last failure of {last}: {ended[last].reason}.",
                )
            )
    return tuple(found)
