"""Canary mail on the first page: how long it takes with each mailbox provider, and whether it reaches each inbox."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.show.snapshot import InboxHealth, Snapshot
from monitor.words import count, moment, plain, span

_PLACES = {"INBOX": "in the inbox", "JUNK": "in junk"}


@dataclass(frozen=True, slots=True)
class DelayLine:
    """How long canary mail took with one mailbox provider in the last 24 hours."""

    receiver: str
    words: str


def delay_lines(snapshot: Snapshot) -> list[DelayLine]:
    """One line for each mailbox provider that canaries are sent to, by name."""
    delays: dict[str, list[timedelta]] = defaultdict(list)
    for inbox in snapshot.inboxes:
        if inbox.canary is not None:
            delays[plain(inbox.receiver or "other mail servers", 60)] += inbox.canary.delays
    return [DelayLine(receiver, _delay_words(took)) for receiver, took in sorted(delays.items())]


def canary_words(inbox: InboxHealth, now: datetime) -> str | None:
    """What the canaries of an inbox say; None where none are sent to it."""
    canary = inbox.canary
    if canary is None:
        return None
    if canary.arrived_at is None:
        sent = "" if canary.sent_at is None else f"; the last one was sent {moment(canary.sent_at, now)}"
        return f"no canary mail has arrived so far{sent}"
    place = _PLACES.get(canary.role or "", "in another folder")
    late = "canary mail is overdue; the last one" if inbox.unreached else "last canary"
    return f"{late} arrived {moment(canary.arrived_at, now)}, {place}"


def _delay_words(took: list[timedelta]) -> str:
    if not took:
        return "none arrived in the last 24 hours"
    median = timedelta(seconds=statistics.median(delay.total_seconds() for delay in took))
    number = count(len(took), "canary mail")
    return f"{number} in the last 24 hours, usually after {_short(median)}, at most {_short(max(took))}"


def _short(delay: timedelta) -> str:
    seconds = round(delay.total_seconds())
    return count(seconds, "second") if seconds < 120 else span(delay)
