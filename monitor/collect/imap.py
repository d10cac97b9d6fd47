"""Read one seed inbox over IMAP, without leaving a trace: read-only, nothing marked, every call with a time-out."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError, ProtocolError

from monitor.clock import Clock
from monitor.collect.coverage import Sight, prove
from monitor.collect.folders import Folder, which_folders
from monitor.errors import InboxError
from monitor.model import Checkpoint, FailureCause, FolderVisit, PollFailure, RawMessage
from monitor.settings import InboxSettings, Security

BATCH_MESSAGES = 200
BATCH_BYTES = 8_000_000
FIRST_PART = 262_144
"""So many octets are kept of a message above the size limit: its headers and the begin of its body."""
PORTS = {Security.TLS: 993, Security.STARTTLS: 143, Security.PLAIN: 143}
_BUSY = ("[THROTTLED]", "[LIMIT]", "[INUSE]", "[UNAVAILABLE]", "[OVERQUOTA]", "TOO MANY")


@dataclass(frozen=True, slots=True)
class _Status:
    """The answer of STATUS (RFC 9051 §6.3.11)."""

    uidvalidity: int
    uidnext: int
    messages: int


class ImapInbox:
    """One inbox and its connection, which is kept from visit to visit. Not for two threads at once."""

    def __init__(
        self,
        settings: InboxSettings,
        password: str,
        *,
        timeout: timedelta,
        max_message_bytes: int,
        poll_every: timedelta,
    ) -> None:
        self._settings = settings
        self._password = password
        self._timeout = timeout.total_seconds()
        self._max_bytes = max_message_bytes
        self._poll_every = poll_every
        self._client: IMAPClient | None = None

    def visit(self, checkpoints: Mapping[str, Checkpoint], clock: Clock) -> Iterator[FolderVisit | PollFailure]:
        """Look at every folder once. A backlog comes in batches, each with its checkpoint; only the last proves coverage.

        A folder that cannot be read is a PollFailure, and the others go on. InboxError: the inbox cannot be read at all.
        """
        folders = self._folders()
        yield from self._missing(folders, checkpoints, clock)
        for folder in folders:
            try:
                yield from self._visit_folder(folder, checkpoints.get(folder.name), clock)
            except InboxError as error:
                if error.cause not in (FailureCause.PROTOCOL, FailureCause.FOLDER):
                    raise
                yield PollFailure(self.name, folder.name, clock.now(), error.cause, error.reason)

    @property
    def name(self) -> str:
        return self._settings.name

    def close(self) -> None:
        """Log out; a connection that is gone already is no error."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.logout()

    # ------------------------------------------------------------------------------------------ folders

    def _folders(self) -> list[Folder]:
        """The folders to read. A kept connection that has died meanwhile is opened anew, once."""
        if self._client is not None:
            try:
                return self._list(self._client)
            except InboxError:
                self._drop()
        return self._list(self._connect())

    def _list(self, client: IMAPClient) -> list[Folder]:
        listing = [
            (flags, delimiter.decode("ascii", "replace") if delimiter else None, str(name))
            for flags, delimiter, name in self._ask(client.list_folders)
        ]
        return which_folders(listing, self._settings.folders)

    def _missing(self, folders: Sequence[Folder], checkpoints: Mapping[str, Checkpoint], clock: Clock) -> Iterator[PollFailure]:
        """Folders that are named in the settings, or were read before, and are not on the server.

        One that was found by itself is told once, as not retryable: its checkpoint is then forgotten.
        """
        there = {folder.name for folder in folders}
        if self._settings.folders is None:
            for name in sorted(set(checkpoints) - there):
                reason = f"the folder {name!r} is not on the server any more: it was renamed or deleted"
                yield PollFailure(self.name, name, clock.now(), FailureCause.FOLDER, reason, retryable=False)
            return
        for name in sorted({"INBOX" if name.upper() == "INBOX" else name for name in self._settings.folders} - there):
            reason = f"the folder {name!r} is not on the server; create it or take it out of folders"
            yield PollFailure(self.name, name, clock.now(), FailureCause.FOLDER, reason)

    def _visit_folder(self, folder: Folder, previous: Checkpoint | None, clock: Clock) -> Iterator[FolderVisit]:
        at = clock.now()
        status = self._status(folder)
        restarted = previous is not None and previous.uidvalidity != status.uidvalidity
        last_uid = 0 if previous is None or restarted else previous.last_uid
        before = None if restarted else previous
        if status.uidnext == last_uid + 1 or (status.messages == 0 and before is None):
            sight = Sight(at, status.uidvalidity, status.uidnext, ())
            yield self._end(folder, previous, restarted, sight, max(last_uid, status.uidnext - 1), ())
            return
        uidnext, uids = self._examine(folder, status, last_uid)
        fetched: list[int] = []
        oldest: datetime | None = None
        batch: list[RawMessage] = []
        for raw in self._fetch(folder, status.uidvalidity, uids, clock):
            if len(batch) >= BATCH_MESSAGES or (batch and sum(m.size for m in batch) + raw.size > BATCH_BYTES):
                proven_at = at if before is None else before.proven_at
                checkpoint = Checkpoint(folder.name, status.uidvalidity, batch[-1].uid, proven_at)
                yield FolderVisit(
                    self.name, folder.name, folder.role, at, checkpoint, messages=tuple(batch), restarted=restarted and not oldest
                )
                batch = []
            batch.append(raw)
            fetched.append(raw.uid)
            oldest = min(oldest or raw.delivered_at, raw.delivered_at)
        sight = Sight(at, status.uidvalidity, uidnext, tuple(fetched), oldest)
        yield self._end(folder, previous, restarted, sight, uidnext - 1, tuple(batch))

    def _end(
        self,
        folder: Folder,
        previous: Checkpoint | None,
        restarted: bool,
        sight: Sight,
        last_uid: int,
        batch: tuple[RawMessage, ...],
    ) -> FolderVisit:
        coverage = prove(self.name, folder.name, previous, sight, self._poll_every)
        checkpoint = Checkpoint(folder.name, sight.uidvalidity, last_uid, sight.at, uidnext=sight.uidnext)
        return FolderVisit(self.name, folder.name, folder.role, sight.at, checkpoint, coverage, batch, restarted)

    # ------------------------------------------------------------------------------------------ commands

    def _status(self, folder: Folder) -> _Status:
        answer = self._ask(self._open.folder_status, folder.name, ["MESSAGES", "UIDNEXT", "UIDVALIDITY"])
        try:
            return _Status(int(answer[b"UIDVALIDITY"]), int(answer[b"UIDNEXT"]), int(answer[b"MESSAGES"]))
        except (KeyError, TypeError, ValueError) as error:
            raise self._fault(FailureCause.PROTOCOL, f"the server's STATUS of {folder.name!r} is incomplete") from error

    def _examine(self, folder: Folder, status: _Status, last_uid: int) -> tuple[int, list[int]]:
        """UIDNEXT and the UIDs above `last_uid`, ascending. Never opens the folder for writing."""
        client = self._open
        self._ask(client.select_folder, folder.name, readonly=True)
        # "n:*" always names the last message too, even if n is above every UID (RFC 9051 §6.4.8).
        found = self._ask(client.search, ["UID", f"{last_uid + 1}:*"])
        uids = sorted({int(uid) for uid in found if uid > last_uid})
        return max(status.uidnext, uids[-1] + 1 if uids else 0), uids

    def _fetch(self, folder: Folder, uidvalidity: int, uids: Sequence[int], clock: Clock) -> Iterator[RawMessage]:
        """The messages in order of UID; one that vanished meanwhile is left out, and so is not proven."""
        client = self._open
        for start in range(0, len(uids), BATCH_MESSAGES):
            wanted = uids[start : start + BATCH_MESSAGES]
            facts = self._ask(client.fetch, wanted, ["RFC822.SIZE", "INTERNALDATE"])
            for group in _by_size([(uid, int(facts[uid][b"RFC822.SIZE"])) for uid in wanted if uid in facts], self._max_bytes):
                sizes = dict(group)
                large = max(sizes.values()) > self._max_bytes
                section = f"BODY.PEEK[]<0.{min(FIRST_PART, self._max_bytes)}>" if large else "BODY.PEEK[]"
                bodies = self._ask(client.fetch, list(sizes), [section])
                for uid in sorted(sizes):
                    raw = _body(bodies.get(uid))
                    if raw is not None:
                        delivered_at = facts[uid][b"INTERNALDATE"].astimezone(UTC)
                        yield RawMessage(
                            self.name,
                            folder.name,
                            folder.role,
                            uidvalidity,
                            uid,
                            delivered_at,
                            clock.now(),
                            raw,
                            size=max(sizes[uid], len(raw)),
                            truncated=large,
                        )

    # ------------------------------------------------------------------------------------------ connection

    @property
    def _open(self) -> IMAPClient:
        return self._client if self._client is not None else self._connect()

    def _connect(self) -> IMAPClient:
        settings = self._settings
        port = settings.port or PORTS[settings.security]
        context = _tls_context(settings.ca_file)
        secure = settings.security is Security.TLS

        def open_connection() -> IMAPClient:
            timeout = SocketTimeout(connect=self._timeout, read=self._timeout)
            client = IMAPClient(settings.host, port, ssl=secure, ssl_context=context if secure else None, timeout=timeout)
            client.normalise_times = False
            # imaplib formats every literal for a debug log that nobody reads: 40 to 80 % of the CPU time of a fetch.
            client._imap.debug = 0
            # A command leaves in several small writes: Nagle's algorithm would hold the later ones for an ACK (40 ms here).
            client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if settings.security is Security.STARTTLS:
                client.starttls(context)
            return client

        client = self._ask(open_connection)
        try:
            self._ask(client.login, settings.user, self._password)
        except InboxError:
            with suppress(Exception):
                client.shutdown()
            raise
        self._client = client
        return client

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.shutdown()

    def _ask(self, command: Any, *arguments: Any, **options: Any) -> Any:
        """Do one command. What goes wrong becomes an InboxError that says what to mend; no connection in doubt is kept."""
        try:
            return command(*arguments, **options)
        except LoginError as error:
            raise self._login_refused(error) from error
        except IMAPClientAbortError as error:
            raise self._lost(error) from error
        except (IMAPClientError, ProtocolError) as error:
            raise self._refused(error) from error
        except (OSError, EOFError, ValueError, IndexError, KeyError, TypeError, AssertionError) as error:
            raise self._lost(error) from error

    def _login_refused(self, error: Exception) -> InboxError:
        self._drop()
        if _says_busy(error):
            return self._fault(FailureCause.THROTTLED, "the server refuses the login for now: too many or too often")
        return self._fault(
            FailureCause.LOGIN, f"{self._settings.host} refuses the login: check user and password (or app password)"
        )

    def _refused(self, error: Exception) -> InboxError:
        if _says_busy(error):
            self._drop()
            return self._fault(FailureCause.THROTTLED, "the server is limiting us; it is asked less often for a while")
        return self._fault(FailureCause.PROTOCOL, f"the server refused a command: {_short(error)}")

    def _lost(self, error: Exception) -> InboxError:
        """A connection that broke, or an answer that is no IMAP: dropped either way."""
        self._drop()
        where = f"{self._settings.host}:{self._settings.port or PORTS[self._settings.security]}"
        match error:
            case ssl.SSLCertVerificationError():
                return self._fault(
                    FailureCause.TLS,
                    f"the certificate of {where} is not trusted ({error.verify_message}): check host and ca_file",
                )
            case ssl.SSLError():
                return self._fault(FailureCause.TLS, f"no TLS with {where} ({_short(error)}): check port and security")
            case socket.gaierror():
                return self._fault(FailureCause.DNS, f"no address is known for {self._settings.host}: check host")
            case TimeoutError():
                return self._fault(FailureCause.TIMEOUT, f"{where} did not answer within {self._timeout:.0f} s")
            case OSError() | EOFError() | IMAPClientAbortError():
                return self._fault(FailureCause.NETWORK, f"no connection to {where} ({_short(error)})")
        return self._fault(FailureCause.PROTOCOL, f"{where} answered what is no IMAP ({_short(error)})")

    def _fault(self, cause: FailureCause, reason: str) -> InboxError:
        return InboxError(self.name, reason, cause=cause)


@cache
def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """One context for all connections that trust the same authorities: far less memory and time for each."""
    return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))


def _by_size(sized: Sequence[tuple[int, int]], limit: int) -> Iterator[list[tuple[int, int]]]:
    """Groups to fetch at once, in order: of at most `BATCH_BYTES` together; one above the limit goes alone."""
    group: list[tuple[int, int]] = []
    total = 0
    for uid, size in sized:
        if group and (size > limit or total + size > BATCH_BYTES or group[-1][1] > limit):
            yield group
            group, total = [], 0
        group.append((uid, size))
        total += size
    if group:
        yield group


def _body(answer: Mapping[bytes, Any] | None) -> bytes | None:
    """The bytes out of a FETCH answer, whose key is `BODY[]` or `BODY[]<0>`."""
    for key, value in (answer or {}).items():
        if key.startswith(b"BODY[]") and isinstance(value, bytes):
            return value
    return None


def _says_busy(error: Exception) -> bool:
    text = str(error).upper()
    return any(word in text for word in _BUSY)


def _short(error: Exception) -> str:
    """One bounded line without what a server may have echoed of a command."""
    text = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
    return text[:120]
