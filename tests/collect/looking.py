"""Look at an inbox as the service does: keep what every visit brought and go on from there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Generic, TypeVar

from monitor.app.opening import SeedInbox
from monitor.clock import Clock, SteppedClock
from monitor.collect.imap import ImapInbox
from monitor.collect.tokens import TokenSource
from monitor.model import Bodies, Checkpoint, Coverage, FolderVisit, InboxNote, PollFailure, RawMessage
from monitor.settings import InboxSettings

Inbox = TypeVar("Inbox", bound=SeedInbox)
FIVE = timedelta(minutes=5)
unstored = partial(ImapInbox, stored_headers=lambda *_: frozenset())
"""An inbox of which nothing is stored yet."""


def now() -> datetime:
    return datetime.now(UTC)


def open_inbox(
    settings: InboxSettings, credential: str | TokenSource, *, seconds: float = 10, limit: int = 1_000_000
) -> ImapInbox:
    return unstored(settings, credential, timeout=timedelta(seconds=seconds), max_message_bytes=limit, poll_every=FIVE)


class Watched(Generic[Inbox]):
    """Visits one inbox and remembers; `clock` starts at the real time and is moved by the test."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.clock = SteppedClock(now())
        self.checkpoints: dict[str, Checkpoint] = {}
        self.visits: list[FolderVisit] = []
        self.failures: list[PollFailure] = []
        self.bodies: list[Bodies] = []
        self.notes: list[InboxNote] = []

    def visit(self, after: timedelta = timedelta(seconds=1)) -> list[FolderVisit]:
        """One look at all folders, so long after the last one."""
        self.clock.move_to(self.clock.now() + after)
        return self.visit_at(self.clock)

    def visit_at(self, clock: Clock) -> list[FolderVisit]:
        fresh: list[FolderVisit] = []
        self.failures = []
        for result in self.inbox.visit(self.checkpoints, clock):
            if isinstance(result, PollFailure):
                self.failures.append(result)
            elif isinstance(result, Bodies):
                self.bodies.append(result)
            elif isinstance(result, InboxNote):
                self.notes.append(result)
            else:
                self.checkpoints[result.folder] = result.checkpoint
                fresh.append(result)
                self.visits.append(result)
        return fresh


class Watcher(Watched[ImapInbox]):
    """Of an inbox over IMAP."""


def messages_of(visits: list[FolderVisit]) -> list[RawMessage]:
    return [message for visit in visits for message in visit.messages]


def coverage_of(visits: list[FolderVisit]) -> dict[str, list[Coverage]]:
    """Folder → what was proven."""
    found: dict[str, list[Coverage]] = {}
    for visit in visits:
        found.setdefault(visit.folder, []).extend(visit.coverage)
    return found


def subjects(visits: list[FolderVisit]) -> list[str]:
    """The first line of each message that the visits brought, without its name."""
    return [message.raw.split(b"\r\n")[0].removeprefix(b"Subject: ").decode() for message in messages_of(visits)]


def mail(subject: str, size: int = 0) -> bytes:
    return f"Subject: {subject}\r\n\r\n".encode() + b"Chip in before midnight.\r\n" * (1 + size // 26)


def changed(settings: InboxSettings, values: Mapping[str, object]) -> InboxSettings:
    return settings.model_copy(update=dict(values))
