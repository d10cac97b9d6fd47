"""Context: what is stored around an alert, so that its text says only what was seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from monitor.model import ABOUT_US, Alert, AlertContext, Coverage, FindingKind, Identification, Send
from monitor.store.coverage import monitored_folders, read_coverage
from monitor.store.covered import covered_time
from monitor.store.evidence import link_hosts, of_send
from monitor.store.sends import last_send_of, sends_between, witnesses
from monitor.store.tables import copies, folders

IMPORTED = "import:"
"""How the names of inboxes begin that are archives: nobody polls them."""


def alert_context(connection: Connection, alert: Alert, now: datetime) -> AlertContext:
    """What was seen from the last mail before the alert's silence to its end or, while it goes on, to `now`."""
    is_group = alert.kind in (FindingKind.GROUP_GAP, FindingKind.PARTIAL_GROUP_GAP)
    # A finding about one seed names that inbox as its member: only a group's members are streams.
    members = alert.finding.members if is_group and alert.finding is not None else (alert.subject,)
    if alert.kind in ABOUT_US:
        return AlertContext(inboxes=(alert.subject,))
    last = last_send_of(connection, members, alert.since)
    if last is None:
        return AlertContext()
    until = max(min(alert.resumed_at or now, now), last.at)
    inboxes = _polled(witnesses(connection, members))
    meanwhile = [s for s in sends_between(connection, last.at, until) if s.stream not in members]
    others = [s for s in meanwhile if set(s.inboxes) & set(inboxes)]
    mail = of_send(connection, last)
    who = mail.identification if mail is not None else Identification()
    kin = tuple(s for s in meanwhile if s.organisation == last.organisation)
    watched = monitored_folders(connection, [name for name in inboxes if not name.startswith(IMPORTED)])
    return AlertContext(
        last_send=last,
        last_evidence=who.evidence,
        confidence=who.delivery_confidence if who.delivery is not None else who.platform_confidence,
        polls_since=_polls_since(connection, last),
        covered_since=covered_time(_coverage(connection, watched, last.at, until), watched, last.at, until),
        inboxes=inboxes,
        others_sends=len(others),
        others_streams=len({s.stream for s in others}),
        others_last_at=max((s.at for s in others), default=None),
        same_organisation=kin,
        shared_link_hosts=_shared_link_hosts(connection, last, kin),
    )


def _shared_link_hosts(connection: Connection, last: Send, kin: Sequence[Send]) -> dict[int, tuple[str, ...]]:
    """Who keeps another's link host keeps the account that it was made in, whatever the sender's name is."""
    linked = link_hosts(connection, [last.id, *(send.id for send in kin)]) if kin else {}
    known = linked.get(last.id, frozenset())
    return {send.id: tuple(sorted(shared)) for send in kin if (shared := linked.get(send.id, frozenset()) & known)}


def _coverage(connection: Connection, inboxes: Iterable[str], start: datetime, end: datetime) -> list[Coverage]:
    """Of these inboxes only: there may be thousands of others."""
    return [interval for inbox in inboxes for interval in read_coverage(connection, start, end, (inbox,))]


def _polled(inboxes: Sequence[str]) -> tuple[str, ...]:
    """The seed inboxes; archives only where there is nothing else."""
    return tuple(name for name in inboxes if not name.startswith(IMPORTED)) or tuple(inboxes)


def _polls_since(connection: Connection, last: Send) -> int:
    """Polls that proved the folders readable in which the last send lies, since it was first seen there."""
    rows = connection.execute(
        select(folders.c.polls, func.max(copies.c.polls_before).label("before"))
        .join(copies, copies.c.folder_id == folders.c.id)
        .where(copies.c.send_id == last.id)
        .group_by(folders.c.id, folders.c.polls)
    )
    return sum(max(row.polls - row.before, 0) for row in rows)
