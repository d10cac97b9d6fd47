"""Listener: a seed inbox that a mail server on this machine hands its mail to, by LMTP (RFC 2033) or SMTP, for a whole domain.

The one file that knows aiosmtpd. A message is stored before its 250: until then it is the sender's, who tries again (RFC 5321
§4.5.4.1). Only loopback and unix sockets: what faces the network (TLS, limits, relaying) is the mail server's in front.
"""

from __future__ import annotations

import asyncio
import smtplib
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope

from monitor.clock import Clock
from monitor.collect.coverage import LEAST_LIVE
from monitor.errors import GoneQuietError, InboxError
from monitor.model import Awaited, Bodies, Checkpoint, Coverage, FailureCause, FolderVisit, PollFailure, RawMessage
from monitor.settings import InboxSettings, listen_place

log = structlog.get_logger("gonequiet.listener")

FOLDER = "INBOX"
IDENT = "GoneQuiet"
KEPT = "250 2.0.0 Kept"
NOT_KEPT = "451 4.3.0 This cannot be kept now; try again"
NOT_OURS = "550 5.1.1 No such address here"
TOO_LARGE = ("552 ", "500 Line too long")
"""How aiosmtpd's answers to a message begin that it does not take for its size, or for that of a line."""
LONGEST_LINE = 1_000_000
"""RFC 5321 has 1,000 octets; there are senders that do not care, and what they send is evidence too."""

Keep = Callable[[FolderVisit], None]
"""Stores a visit in one transaction, or raises."""


class Listener:
    """One listening seed inbox. It begins with its first visit; each visit makes sure that it answers.

    That we answer ourselves shows our end of the way only. So the time between two visits counts as covered only where canary
    mail comes the whole way (`has_canaries`); while it does not arrive, detection takes the time away again, as from any inbox.
    """

    def __init__(
        self,
        settings: InboxSettings,
        keep: Keep,
        clock: Clock,
        *,
        is_ours: Callable[[str], bool],
        has_canaries: bool,
        poll_every: timedelta,
        max_message_bytes: int,
        timeout: timedelta,
    ) -> None:
        """`is_ours` says of an address in lower case whether mail for it is taken."""
        self._settings, self._keep, self._clock, self._is_ours = settings, keep, clock, is_ours
        self._most, self._timeout = max_message_bytes, timeout.total_seconds()
        self._has_canaries = has_canaries
        self._longest = max(3 * poll_every, LEAST_LIVE)
        self._last_uid = 0
        self._proven_at: datetime | None = None
        """Since then we have answered; None: not yet, or that broke off."""
        self._broken_at: datetime | None = None
        """When something that came was last not kept."""
        self._worker: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.AbstractServer | None = None
        self._thread: threading.Thread | None = None

    def visit(
        self, checkpoints: Mapping[str, Checkpoint], clock: Clock, awaited: Mapping[str, Awaited] | None = None
    ) -> Generator[FolderVisit | Bodies | PollFailure, None, None]:
        """Begin to listen where that has not begun, and see that we answer. Nothing comes out here: mail comes by itself.

        InboxError where the place cannot be had, or nobody answers there; StoreError where that could not be noted.
        """
        at = clock.now()
        if self._thread is None:
            seen = checkpoints.get(FOLDER)
            self._last_uid = seen.last_uid if seen is not None else 0
            self._start()
        try:
            see_that_it_answers(self._settings, self._timeout)
        except InboxError:
            self._proven_at = None
            raise
        assert self._worker is not None
        self._worker.submit(self._prove, at).result()
        yield from ()

    def close(self) -> None:
        """Keep and answer what was handed over, and hang up."""
        if self._thread is not None:
            assert self._loop is not None
            assert self._worker is not None
            self._worker.shutdown()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._thread = None
        self._proven_at = None

    def _prove(self, at: datetime) -> None:
        """Note that we answered at this moment, and if we did all the while since the last one, that too."""
        since, self._proven_at = self._proven_at, None
        coverage: tuple[Coverage, ...] = ()
        if self._has_canaries and since is not None and self._kept_all(since) and timedelta(0) < at - since <= self._longest:
            coverage = (Coverage(self._settings.name, FOLDER, since, at),)
        checkpoint = Checkpoint(FOLDER, 1, self._last_uid, at)
        self._keep(FolderVisit(self._settings.name, FOLDER, FOLDER, at, checkpoint, coverage))
        self._proven_at = at

    def _kept_all(self, since: datetime) -> bool:
        return self._broken_at is None or self._broken_at < since

    def _start(self) -> None:
        loop = asyncio.new_event_loop()
        try:
            self._server = loop.run_until_complete(self._listen(loop))
        except OSError as error:
            loop.close()
            reason = f"`listen` {self._settings.listen} cannot be had ({error.strerror or error})"
            raise InboxError(self._settings.name, reason, cause=FailureCause.SETTINGS) from error
        self._loop = loop
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="listener-keep")
        self._thread = threading.Thread(target=self._run, args=[loop, self._server], name="listener", daemon=True)
        self._thread.start()
        log.info("listening", inbox=self._settings.name, at=self._settings.listen)
        if not self._has_canaries:
            hint = "set `canary`, and `address` for this inbox"
            log.warning("silence here is not judged, as no canary mail comes here", inbox=self._settings.name, mend=hint)

    async def _listen(self, loop: asyncio.AbstractEventLoop) -> asyncio.AbstractServer:
        place = listen_place(self._settings.listen or "")
        if isinstance(place, Path):
            server = await loop.create_unix_server(self._session, path=str(place))
            place.chmod(0o666)  # as open as loopback: the folder says who may come near
            return server
        return await loop.create_server(self._session, host=place[0], port=place[1])

    def _session(self) -> SMTP:
        kind = _Lmtp if self._settings.protocol == "lmtp" else _Smtp
        return kind(
            self,
            data_size_limit=self._most,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident=IDENT,
            timeout=300,
            loop=self._loop,
        )

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop, server: asyncio.AbstractServer) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()
        server.close()
        ending = asyncio.all_tasks(loop)
        for task in ending:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*ending, return_exceptions=True))
        loop.close()

    # ------------------------------------------------------------------------------------------ aiosmtpd's hooks

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, _server: SMTP, _session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Each recipient is answered by itself: ours, or nobody's."""
        if not self._is_ours(address.lower()):
            return NOT_OURS
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_exception(self, error: Exception) -> str:
        """aiosmtpd would answer 500, and the sender would give the message up."""
        self._broken_at = self._clock.now()
        log.warning("a session failed; its sender is asked to try again", inbox=self._settings.name, error=type(error).__name__)
        return NOT_KEPT

    def note_too_large(self) -> None:
        """A message was refused for good, and we shall never know which one."""
        self._broken_at = self._clock.now()
        log.warning(
            "mail was refused, as it or a line of it is too large",
            inbox=self._settings.name,
            mend="collect.max_message_bytes",
            most=self._most,
            longest_line=LONGEST_LINE,
        )

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        """One after another, apart from the loop: storing blocks."""
        assert self._worker is not None
        content = envelope.original_content or b""
        recipients = tuple(dict.fromkeys(envelope.rcpt_tos))
        return await asyncio.get_running_loop().run_in_executor(
            self._worker, self._take, envelope.mail_from or "", recipients, content
        )

    def _take(self, mail_from: str, recipients: tuple[str, ...], content: bytes) -> str:
        """A copy for each recipient, as a mail server would deliver it; all are stored, or none."""
        at = self._clock.now()
        messages = tuple(
            self._message(number, _noted(mail_from, recipient) + content)
            for number, recipient in enumerate(recipients, start=self._last_uid + 1)
        )
        checkpoint = Checkpoint(FOLDER, 1, self._last_uid + len(messages), at)
        visit = FolderVisit(self._settings.name, FOLDER, FOLDER, at, checkpoint, messages=messages)
        try:
            self._keep(visit)
        except GoneQuietError as error:
            self._broken_at = self._clock.now()
            log.error("mail could not be kept; its sender is asked to try again", inbox=self._settings.name, detail=str(error))
            return NOT_KEPT
        except Exception:
            self._broken_at = self._clock.now()
            log.exception("a fault of ours while keeping mail; please report it", inbox=self._settings.name)
            return NOT_KEPT
        self._last_uid = checkpoint.last_uid
        return KEPT

    def _message(self, uid: int, raw: bytes) -> RawMessage:
        now = self._clock.now()
        return RawMessage(
            inbox=self._settings.name,
            folder=FOLDER,
            role=FOLDER,
            uidvalidity=1,
            uid=uid,
            delivered_at=now,
            seen_at=now,
            raw=raw,
            size=len(raw),
        )


def see_that_it_answers(settings: InboxSettings, timeout: float) -> None:
    """Connect as a mail server would, and go. InboxError where nobody answers, or somebody else does."""
    place = listen_place(settings.listen or "")
    made = smtplib.LMTP if settings.protocol == "lmtp" else smtplib.SMTP
    client = made(timeout=timeout) if made is smtplib.SMTP else made()
    client.timeout = timeout
    try:
        host, port = (str(place), 0) if isinstance(place, Path) else place
        code, greeting = client.connect(host, port)
        client.noop()
        client.quit()
    except (OSError, smtplib.SMTPException) as error:
        client.close()
        reason = f"nobody answers at `listen` {settings.listen} ({getattr(error, 'strerror', None) or type(error).__name__})"
        raise InboxError(settings.name, reason, cause=FailureCause.NETWORK) from error
    if code != 220 or IDENT.encode() not in greeting:
        reason = f"another program answers at `listen` {settings.listen}; name another place"
        raise InboxError(settings.name, reason, cause=FailureCause.SETTINGS)


class ListenerCheck:
    """A listening inbox as another process than the service sees it: whether it answers."""

    def __init__(self, settings: InboxSettings, timeout: timedelta) -> None:
        self._settings, self._timeout = settings, timeout.total_seconds()

    def visit(
        self, checkpoints: Mapping[str, Checkpoint], clock: Clock, awaited: Mapping[str, Awaited] | None = None
    ) -> Generator[FolderVisit | Bodies | PollFailure, None, None]:
        """InboxError where nobody answers."""
        see_that_it_answers(self._settings, self._timeout)
        yield from ()

    def close(self) -> None:
        """Nothing is held open."""


class _Smtp(SMTP):
    line_length_limit = LONGEST_LINE

    async def push(self, status: Any) -> None:
        if isinstance(status, str) and status.startswith(TOO_LARGE):
            self.event_handler.note_too_large()
        await super().push(status)


class _Lmtp(_Smtp, LMTP):
    """After the message LMTP has one answer for each recipient that was accepted (RFC 2033 §4.2); aiosmtpd has one for all."""

    _owed = 0

    async def push(self, status: Any) -> None:
        if isinstance(status, str) and status.startswith("354"):
            self._owed = len(self.envelope.rcpt_tos) if self.envelope is not None else 0
            await super().push(status)
            return
        times, self._owed = max(self._owed, 1), 0
        for _ in range(times):
            await super().push(status)


def _noted(mail_from: str, recipient: str) -> bytes:
    """What a server notes at final delivery (RFC 5321 §4.4). Without a time: the same message twice is the same bytes."""
    return f"Return-Path: <{mail_from}>\r\nDelivered-To: {recipient}\r\n".encode("utf-8", "replace")
