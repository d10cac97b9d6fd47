"""Watching: what was covered, who witnessed it, what failed, and what servers say of inboxes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from monitor.model import Coverage, InboxNote, PollFailure
from monitor.store import coverage, health, inbox_notes
from monitor.store.faces.opened import Opened
from monitor.store.health import FailureRun, InboxState
from monitor.store.witnessed import Witnessed, read_witnessed


class Watching(Opened):
    def coverage(self, start: datetime | None = None, end: datetime | None = None, inbox: str | None = None) -> list[Coverage]:
        """The proven intervals that reach into [start, end), whole, in order of their start; merged as far as they touch."""
        with self._database.read() as connection:
            return coverage.read_coverage(connection, start, end, None if inbox is None else (inbox,))

    def witnessed(
        self, start: datetime, end: datetime, stream: str | None = None, inboxes: Sequence[str] | None = None
    ) -> Witnessed:
        """What was covered in [start, end) and who witnessed: of these inboxes, or of those that get the stream, or of all."""
        with self._database.read() as connection:
            return read_witnessed(connection, stream, inboxes, start, end)

    def monitored_folders(self, inboxes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Inbox → the folders that are being read in it; () for one that never was."""
        with self._database.read() as connection:
            return coverage.monitored_folders(connection, inboxes)

    def record_failure(self, failure: PollFailure) -> None:
        with self._database.write() as connection:
            health.record_failure(connection, failure)

    def failures(self, since: datetime | None = None) -> list[PollFailure]:
        """The last failure of each run for one cause, in order of time, from `since` on."""
        with self._database.read() as connection:
            return health.read_failures(connection, since)

    def failure_runs(
        self, start: datetime | None = None, end: datetime | None = None, inboxes: Sequence[str] | None = None
    ) -> list[FailureRun]:
        """What failed in [start, end) and why, each run of failures for one cause as one, in order of time."""
        with self._database.read() as connection:
            return health.failure_runs(connection, start, end, inboxes)

    def inbox_health(self) -> dict[str, InboxState]:
        """Inbox → its folders, when each was last proven readable, and the failure that stands."""
        with self._database.read() as connection:
            return health.inbox_states(connection)

    def keep_inbox_note(self, note: InboxNote) -> None:
        """Keep what a server says of an inbox, in place of what it said before."""
        with self._database.write() as connection:
            inbox_notes.keep(connection, note)

    def inbox_notes(self) -> dict[str, InboxNote]:
        """Inbox → what its server said last of it."""
        with self._database.read() as connection:
            return inbox_notes.read(connection)
