"""Read a seed inbox over IMAP: every folder that can hold list mail, incrementally, and with the proof of what was seen."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Generator, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from monitor.clock import Clock
from monitor.collect.faults import Fault, fault_of
from monitor.collect.folders import Folder, which_folders
from monitor.collect.line import Address
from monitor.collect.reading import FolderReader
from monitor.collect.wire import FAULTS, Connection, RefusedError
from monitor.errors import InboxError
from monitor.model import Checkpoint, FailureCause, FolderVisit, PollFailure
from monitor.settings import InboxSettings, Security

LIST_AGAIN = timedelta(hours=1)
"""How long a list of folders is believed; one that vanished is noticed at once."""
PORTS = {Security.TLS: 993, Security.STARTTLS: 143, Security.PLAIN: 143}


class ImapInbox:
    """One seed inbox and its connection, which is kept from visit to visit. One thread at a time."""

    def __init__(
        self,
        settings: InboxSettings,
        password: str,
        *,
        timeout: timedelta,
        max_message_bytes: int,
        poll_every: timedelta,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Of a message above `max_message_bytes` only the beginning is fetched. Looks closer together than about three
        times `poll_every` leave no hole. Without a context, the inbox's `ca_file` or the system's authorities are trusted."""
        self._settings = settings
        self._password = password
        self._timeout = timeout
        self._limit = max_message_bytes
        self._reader = FolderReader(settings.name, max_message_bytes, poll_every)
        self._context = ssl_context
        self._port = settings.port or PORTS[settings.security]
        self._connection: Connection | None = None
        self._folders: list[Folder] = []
        self._listed_at: datetime | None = None
        self._missed: set[str] = set()

    def visit(self, checkpoints: Mapping[str, Checkpoint], clock: Clock) -> Generator[FolderVisit | PollFailure, None, None]:
        """Look at every folder. Each visit that comes out is to be stored before the next one is taken.

        A folder's failure comes out as a PollFailure and the others go on; InboxError: the whole inbox failed.
        A long folder comes in several visits, and only the last of them has its coverage.
        """
        try:
            connection = self._alive()
            yield from self._lost(connection, checkpoints, clock)
            for folder in self._folders:
                try:
                    yield from self._reader.look(connection, folder, checkpoints.get(folder.name), clock)
                except RefusedError as error:
                    self._listed_at = None
                    yield self._folder_failure(folder.name, error, clock)
        except FAULTS as error:
            self._drop()
            raise self._error(fault_of(error, self._settings, self._port)) from error

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
        self._listed_at = None
        self._connection = self._log_in(self._connect())
        return self._connection

    def _connect(self) -> Connection:
        context = None
        if self._settings.security is not Security.PLAIN:
            context = self._context or self._trusted()
        elif not _is_loopback(self._settings.host):
            reason = "`security: plain` would send the password in clear text; it is for a server on this machine only"
            raise self._error(Fault(FailureCause.SETTINGS, reason, retryable=False))
        return Connection(
            Address(
                self._settings.host,
                self._port,
                self._settings.security,
                context,
                self._timeout.total_seconds(),
                most_bytes=2 * self._limit + 64_000_000,
            )
        )

    def _trusted(self) -> ssl.SSLContext:
        try:
            return shared_context(self._settings.ca_file)
        except OSError as error:
            reason = f"`ca_file` {self._settings.ca_file} holds no certificates that can be read ({error.strerror or error})"
            raise self._error(Fault(FailureCause.SETTINGS, reason, retryable=False)) from error

    def _log_in(self, connection: Connection) -> Connection:
        try:
            connection.login(self._settings.user, self._password)
        except FAULTS as error:
            connection.drop()
            raise self._error(fault_of(error, self._settings, self._port, at_login=True)) from error
        return connection

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
            raise self._error(Fault(FailureCause.FOLDER, "no folder can be read; mend `folders`", retryable=False))

    def _folder_failure(self, folder: str, error: RefusedError, clock: Clock) -> PollFailure:
        said = fault_of(error, self._settings, self._port)
        cause = said.cause if said.cause is FailureCause.THROTTLED else FailureCause.FOLDER
        reason = f"the folder {folder!r} cannot be read; if it was renamed or deleted, mend `folders`. {said.reason}"
        return PollFailure(self._settings.name, folder, clock.now(), cause, reason)

    def _error(self, fault: Fault) -> InboxError:
        return InboxError(self._settings.name, fault.reason, cause=fault.cause, retryable=fault.retryable)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.drop()
            self._connection = None


def shared_context(ca_file: Path | None) -> ssl.SSLContext:
    """One context for all connections that trust the same authorities: it makes connecting six times as quick.

    A changed `ca_file` is read anew. OSError or ssl.SSLError where it is no file of certificates.
    """
    return _context(ca_file, ca_file.stat().st_mtime_ns if ca_file is not None else 0)


@lru_cache(maxsize=64)
def _context(ca_file: Path | None, _changed: int) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
