"""Canary mail that does not arrive: when an inbox counts as one that mail does not reach, and the findings of it (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from monitor.detect.blindness import ALL
from monitor.model import Canary, Finding, FindingKind, Level, MissingCanaries
from monitor.words import count

Hole = tuple[datetime, datetime | None]
"""[start, end) in which nothing proves that mail reached the inbox; None: it lasts."""


def overdue(runs: Iterable[MissingCanaries], read_until: Mapping[str, datetime], after: timedelta) -> tuple[MissingCanaries, ...]:
    """The runs that say something: the first of them was `after` old, and none later had arrived, while we could read the inbox.

    Single canaries that are lost between others that arrive are none, nor are those that we could not have seen.
    """
    return tuple(
        run
        for run in runs
        if (known := run.arrived_after or read_until.get(run.inbox)) is not None and known - run.first_sent_at >= after
    )


def holes(runs: Iterable[MissingCanaries]) -> dict[str, list[Hole]]:
    """Inbox → when mail did not reach it: from the last canary that arrived to the next that did, by the times of sending."""
    found: dict[str, list[Hole]] = {}
    for run in runs:
        found.setdefault(run.inbox, []).append((run.good_before or run.first_sent_at, run.good_after))
    return found


def overdue_findings(
    runs: Sequence[MissingCanaries], written_to: AbstractSet[str], after: timedelta, now: datetime
) -> tuple[Finding, ...]:
    """One finding for each inbox that canaries do not reach now; one for all where that are several and all of them.

    `written_to` are the inboxes that get canaries.
    """
    open_runs = {run.inbox: run for run in runs if run.good_after is None and run.inbox in written_to}
    if len(open_runs) > 1 and open_runs.keys() == written_to:
        since = max(_since(run) for run in open_runs.values())
        found_at = max(run.first_sent_at + after for run in open_runs.values())
        note = (
            f"No canary mail has reached any of the {len(open_runs)} seed inboxes since then, though all could be read; "
            "what they have in common is the canary account."
        )
        return (_overdue(ALL, "all inboxes", since, min(found_at, now), note, tuple(sorted(open_runs))),)
    return tuple(
        _overdue(inbox, inbox, _since(run), min(run.first_sent_at + after, now), _said(run), ())
        for inbox, run in sorted(open_runs.items())
    )


def unsent_findings(unsent: Sequence[Canary], now: datetime, after: timedelta) -> tuple[Finding, ...]:
    """One finding about the canary account once it has failed for `after`; `unsent` are those it could not send, oldest first."""
    if not unsent or now - unsent[0].made_at < after:
        return ()
    inboxes = tuple(sorted({canary.inbox for canary in unsent}))
    newest = max(unsent, key=lambda canary: canary.made_at)
    return (
        Finding(
            kind=FindingKind.CANARY_UNSENT,
            key="canary_unsent",
            subject="the canary account",
            level=Level.ALERT,
            since=unsent[0].made_at,
            found_at=unsent[0].made_at + after,
            members=inboxes,
            note=f"The last try failed: {newest.error}",
        ),
    )


def _since(run: MissingCanaries) -> datetime:
    return run.good_before or run.first_sent_at


def _said(run: MissingCanaries) -> str:
    if run.good_before is None:
        return f"{count(run.number, 'canary mail')} of ours to this inbox have been sent, none has ever arrived; the polls work."
    return f"{count(run.number, 'canary mail')} of ours sent since then, and due, have not arrived; the polls work."


def _overdue(key: str, subject: str, since: datetime, found_at: datetime, note: str, members: tuple[str, ...]) -> Finding:
    return Finding(
        kind=FindingKind.CANARY_OVERDUE,
        key=f"canary_overdue:{key}",
        subject=subject,
        level=Level.ALERT,
        since=since,
        found_at=found_at,
        members=members,
        note=note,
    )
