"""The embedded mail sink: an SMTP server on loopback that keeps what arrives, so that the demo can show the alert's mail."""

from __future__ import annotations

import asyncio
import email.policy
import threading
from email.message import EmailMessage
from email.parser import BytesParser

from aiosmtpd.smtp import SMTP, Envelope, Session

from monitor.demo.certificate import LOOPBACK
from monitor.demo.loop_thread import LoopThread


class MailSink:
    """Accepts any mail; `mails` is all of it in order of arrival."""

    def __init__(self, thread: LoopThread) -> None:
        self._thread = thread
        self._lock = threading.Lock()
        self._raw: list[bytes] = []
        self._server = thread.call(self._start())
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _start(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: SMTP(self, hostname="sink.gonequiet.example", loop=loop), LOOPBACK, 0)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  (aiosmtpd's name)
        with self._lock:
            self._raw.append(bytes(envelope.original_content or b""))
        return "250 Kept"

    @property
    def mails(self) -> tuple[EmailMessage, ...]:
        with self._lock:
            raw = tuple(self._raw)
        return tuple(BytesParser(EmailMessage, policy=email.policy.default).parsebytes(one) for one in raw)

    def close(self) -> None:
        self._thread.loop.call_soon_threadsafe(self._server.close)
