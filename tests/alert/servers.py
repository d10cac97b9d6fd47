"""Real servers on loopback for the channels: SMTP with and without TLS, and HTTP that answers as it is told."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from monitor.demo.loop_thread import LoopThread

LOOPBACK = "127.0.0.1"


class Mailbox:
    """An SMTP server's handler: keeps mails, refuses whom and what it is told to."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.rcpt_tos: list[list[str]] = []
        self.refused: dict[str, str] = {}
        self.answer = "250 Kept"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            raw = bytes(envelope.original_content or b"")
            self.raw.append(raw)
            mail = email.message_from_bytes(raw, policy=email.policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.rcpt_tos.append(list(envelope.rcpt_tos))
        return self.answer


@contextmanager
def smtp_server(
    mailbox: Mailbox, context: ssl.SSLContext | None = None, *, starttls: bool = False, password: str | None = None
) -> Iterator[int]:
    """Run one until the block ends; gives its port. With a context it speaks TLS from the first byte, or STARTTLS."""

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        fits = isinstance(data, LoginPassword) and data.password.decode() == password
        return AuthResult(success=fits, handled=False)

    def protocol() -> SMTP:
        return SMTP(
            mailbox,
            hostname="mail.example.org",
            loop=asyncio.get_running_loop(),
            tls_context=context if starttls else None,
            require_starttls=starttls,
            auth_required=password is not None,
            auth_require_tls=False,
            authenticator=authenticate if password is not None else None,
        )

    async def start() -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(protocol, LOOPBACK, 0, ssl=None if starttls else context)

    with LoopThread("smtp") as thread:
        server = thread.call(start())
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            thread.loop.call_soon_threadsafe(server.close)


@dataclass
class Request:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Hook:
    """What the HTTP server got, and what it answers: (status, headers) in turn, the last one for ever."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=lambda: [(200, {})])
    arrived: threading.Event = field(default_factory=threading.Event)
    hold: threading.Event | None = None
    """An answer waits for it."""


@contextmanager
def http_server(context: ssl.SSLContext | None = None) -> Iterator[Hook]:
    """Run one until the block ends."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.requests.append(Request(self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(body)))
            hook.arrived.set()
            if hook.hold is not None:
                hook.hold.wait(30)
            status, headers = hook.answers.pop(0) if len(hook.answers) > 1 else hook.answers[0]
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    hook.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
