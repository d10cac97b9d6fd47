"""Servers: seed inboxes that one server keeps from being read since about the same time are one finding (pure)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from monitor.model import FailureCause, Finding, FindingKind, Level
from monitor.words import count

_OWN = frozenset({FailureCause.SETTINGS, FailureCause.FOLDER, FailureCause.LOGIN_ENDED})
"""What is wrong with one inbox alone; logins that ended together are told of as such, see `logins.py`."""


@dataclass(frozen=True, slots=True)
class Failing:
    """An inbox that cannot be read: which server failed, and why, by its newest try."""

    server: str
    """Its mail server, or the one where it gets its tokens, in words."""
    cause: FailureCause
    gives_tokens: bool = False
    """It is an authorization server."""


def servers_blind(
    blind: Mapping[str, datetime],
    suspects: Mapping[str, datetime],
    failing: Mapping[str, Failing],
    now: datetime,
    after: timedelta,
) -> tuple[Finding, ...]:
    """One finding for each server at which several inboxes fail alike since about the same time, beside those of each inbox.

    `blind` are the inboxes that are told of, `suspects` those that are about to be, each with its last proof (or its first
    failure); they belong together where these lie at most `after` apart. Refused logins are a matter of their own: they may be
    so many passwords. Times are aware UTC.
    """
    alike: defaultdict[tuple[str, bool, bool], dict[str, datetime]] = defaultdict(dict)
    for inbox, since in {**suspects, **blind}.items():
        if (why := failing.get(inbox)) is not None and why.cause not in _OWN:
            alike[why.server, why.gives_tokens, why.cause is FailureCause.LOGIN][inbox] = since
    found = []
    for (server, gives_tokens, is_login), ends in sorted(alike.items()):
        together = max(runs(ends, after), key=len)
        told = [ends[inbox] for inbox in together if inbox in blind]
        if len(together) > 1 and told:
            causes = sorted({failing[inbox].cause.value for inbox in together})
            since = max(ends[inbox] for inbox in together)
            role, where = ("authorization", "that log in through") if gives_tokens else ("server", "at")
            found.append(
                Finding(
                    kind=FindingKind.INBOX_BLIND,
                    key=f"inbox_blind:{role}:{server}{':login' if is_login else ''}",
                    subject=server,
                    level=Level.ALERT,
                    since=since,
                    found_at=min(max(min(told) + after, since), now),
                    members=tuple(sorted(together)),
                    note=f"{count(len(together), 'seed inbox')} {where} {server} could not be read since then; "
                    f"the last tries failed for: {', '.join(causes)}.",
                )
            )
    return tuple(found)


def runs(ends: Mapping[str, datetime], after: timedelta) -> Iterable[list[str]]:
    """The inboxes in order of these moments, parted where two lie further apart than `after`; the oldest run first."""
    ordered = sorted(ends, key=lambda inbox: (ends[inbox], inbox))
    runs = [ordered[:1]]
    for before, inbox in pairwise(ordered):
        if ends[inbox] - ends[before] > after:
            runs.append([])
        runs[-1].append(inbox)
    return runs
