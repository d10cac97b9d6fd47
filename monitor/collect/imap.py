"""Read a seed inbox over IMAP: every folder that can hold list mail, incrementally, and with the proof of what was seen."""

from __future__ import annotations

import ssl
from collections.abc import Generator, Iterator, Mapping
from datetime import date, datetime, timedelta

from monitor.clock import Clock
from monitor.collect.connecting import Access
from monitor.collect.faults import Fault, fault_of
from monitor.collect.folders import Folder, which_folders
from monitor.collect.reading import FolderReader, StoredHeaders
from monitor.collect.tokens import TokenSource
from monitor.collect.wire import FAULTS, Connection, RefusedError
from monitor.model import Awaited, Bodies, Checkpoint, FailureCause, FolderVisit, InboxNote, PollFailure
from monitor.settings import InboxSettings

LIST_AGAIN = timedelta(hours=1)
"""How long a list of folders is believed; one that vanished is noticed at once."""
TABS_AGAIN = timedelta(hours=1)
TABS_WITHIN = timedelta(days=7)
"""So often, and so long after its delivery, it is asked whether a message has been moved to another of Gmail's tabs."""


class ImapInbox:
    """One seed inbox and its connection, which is kept from visit to visit. One thread at a time."""

    def __init__(
        self,
        settings: InboxSettings,
        credential: str | TokenSource,
        *,
        timeout: timedelta,
        max_message_bytes: int,
        poll_every: timedelta,
        stored_headers: StoredHeaders,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """`credential` is a password, or where access tokens come from. Of a message above `max_message_bytes` only the
        beginning is fetched. Looks closer together than about three times `poll_every` leave no hole. Without a context, the
        inbox's `ca_file` or the system's authorities are trusted."""
        self._settings = settings
        self._access = Access(
            settings, credential, timeout.total_seconds(), most_bytes=2 * max_message_bytes + 64_000_000, context=ssl_context
        )
        self._reader = FolderReader(settings.name, max_message_bytes, poll_every, stored_headers)
        self._connection: Connection | None = None
        self._folders: list[Folder] = []
        self._listed_at: datetime | None = None
        self._noted_at: datetime | None = None
        self._tabs_at: datetime | None = None
        self._missed: set[str] = set()

    def visit(
        self, checkpoints: Mapping[str, Checkpoint], clock: Clock, awaited: Mapping[str, Awaited] | None = None
    ) -> Generator[FolderVisit | Bodies | InboxNote | PollFailure, None, None]:
        """Look at every folder, then read the bodies that are `awaited` in them. What comes out is to be stored in this order;
        the next may be taken before.

        A folder's failure comes out as a PollFailure and the others go on; InboxError: the whole inbox failed.
        A long folder comes in several visits, and only the last of them has its coverage.
        """
        try:
            connection = self._alive()
            yield from self._noted(connection, clock)
            yield from self._lost(connection, checkpoints, clock)
            tabs_since = self._tabs_since(connection, clock)
            for folder in self._folders:
                try:
                    seen = checkpoints.get(folder.name)
                    yield from self._reader.look(connection, folder, seen, clock, tabs_since=tabs_since)
                except RefusedError as error:
                    if (fault := fault_of(error, self._settings, self._access.port)).is_everywhere:
                        self._drop()
                        raise self._access.error(fault) from error
                    self._listed_at = None
                    yield self._folder_failure(folder.name, error, clock)
            for folder in self._folders:
                if awaited and folder.name in awaited:
                    yield from self._reader.bodies(connection, folder, awaited[folder.name], clock)
        except FAULTS as error:
            self._drop()
            raise self._access.error(fault_of(error, self._settings, self._access.port)) from error

    def close(self) -> None:
        """Log out; the next visit connects again."""
        if self._connection is not None:
            self._connection.logout()
            self._connection = None

    def _alive(self) -> Connection:
        """The kept connection if it still answers, else a new one: servers end idle ones, and restart."""
        if self._connection is not None:
            try:
                self._connection.noop()
            except FAULTS:
                self._drop()
            else:
                return self._connection
        self._listed_at = self._noted_at = None
        self._connection = self._access.log_in()
        self._connection.enable_qresync()
        return self._connection

    def _noted(self, connection: Connection, clock: Clock) -> Iterator[InboxNote]:
        """What the server says of the mailbox itself, after a login and once an hour."""
        now = clock.now()
        if self._noted_at is None or not timedelta(0) <= now - self._noted_at < LIST_AGAIN:
            yield InboxNote(self._settings.name, now, connection.quota(), connection.alert())
            self._noted_at = now

    def _tabs_since(self, connection: Connection, clock: Clock) -> date | None:
        """From which day on to ask where Gmail has the mail of the inbox by now: once an hour, as it costs five commands."""
        now = clock.now()
        if self._tabs_at is None or not timedelta(0) <= now - self._tabs_at < TABS_AGAIN:
            is_first, self._tabs_at = self._tabs_at is None, now
            if not is_first and connection.offers("X-GM-EXT-1"):
                return (now - TABS_WITHIN).date()
        return None

    def _lost(self, connection: Connection, checkpoints: Mapping[str, Checkpoint], clock: Clock) -> Iterator[PollFailure]:
        """List the folders where it is time to, and tell once of each that is wanted or was read before and is not there."""
        now = clock.now()
        if self._listed_at is not None and timedelta(0) <= now - self._listed_at < LIST_AGAIN:
            return
        self._folders = which_folders(connection.folders(), self._settings.folders)
        self._listed_at = now
        there = {folder.name for folder in self._folders}
        wanted = self._settings.folders if self._settings.folders is not None else tuple(checkpoints)
        for name in sorted({"INBOX" if name.upper() == "INBOX" else name for name in wanted} - there - self._missed):
            hint = "mend `folders`" if self._settings.folders is not None else "it was renamed or deleted"
            reason = f"the folder {name!r} is not on the server; {hint}. What is in it now is not seen"
            yield PollFailure(self._settings.name, name, now, FailureCause.FOLDER, reason)
            self._missed.add(name)
        self._missed &= set(wanted) - there
        if not there:
            raise self._access.error(Fault(FailureCause.FOLDER, "no folder can be read; mend `folders`", retryable=False))

    def _folder_failure(self, folder: str, error: RefusedError, clock: Clock) -> PollFailure:
        said = fault_of(error, self._settings, self._access.port)
        cause = said.cause if said.cause is FailureCause.THROTTLED else FailureCause.FOLDER
        reason = f"the folder {folder!r} cannot be read; if it was renamed or deleted, mend `folders`. {said.reason}"
        return PollFailure(self._settings.name, folder, clock.now(), cause, reason)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.drop()
            self._connection = None
