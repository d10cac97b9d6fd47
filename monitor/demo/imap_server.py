"""The embedded mail server: pymap's in-memory IMAP on loopback over TLS, with the demo's seed inboxes.

pymap has had no release for two years and is the best of its kind; all that touches it is in this file. Seen of 0.36.7:
it has no SPECIAL-USE (Junk is found by its name), STATUS knows no HIGHESTMODSEQ, and UIDs begin at 101. Its own set-up
has one user, hashes passwords for 0.3 s a login and asks the DNS for the host's name at every greeting: so it is
set up here with several users, clear passwords (random, alive for one demo) and a fixed greeting.
"""

from __future__ import annotations

import asyncio
import ssl
from argparse import Namespace
from collections.abc import Iterable, Mapping
from datetime import datetime

from proxyprotocol.reader import ProxyProtocolReader
from proxyprotocol.version import ProxyProtocolVersion
from pymap.backend.dict import Config, Identity, Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxSet
from pymap.concurrent import Subsystem
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext

from monitor.demo.certificate import LOOPBACK
from monitor.demo.loop_thread import LoopThread


class _Config(Config):
    @property
    def greeting(self) -> bytes:
        return b"Server ready"


class DemoMailServer:
    """Several IMAP users, each with INBOX and the given folders; `deliver` puts mail in as a mail system would."""

    def __init__(self, thread: LoopThread, tls: ssl.SSLContext, passwords: Mapping[str, str], folders: Iterable[str]) -> None:
        """Start to listen on a free port of loopback; `passwords` is user → password."""
        self._thread = thread
        self._boxes: dict[str, MailboxSet] = {}
        self._server = thread.call(self._start(tls, dict(passwords), tuple(folders)))
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _start(self, tls: ssl.SSLContext, passwords: dict[str, str], folders: tuple[str, ...]) -> asyncio.Server:
        config = _Config(
            Namespace(passlib_cfg=None, proxy_protocol=None),
            host=LOOPBACK,
            port=0,
            demo_data=False,
            demo_user="",
            demo_password="",
            ssl_context=tls,
            tls_enabled=False,  # no STARTTLS: the port speaks TLS from the first byte (RFC 8314 §3.2)
            hash_context=Cleartext(),
            cpu_subsystem=Subsystem.for_asyncio(),
            reject_dnsbl=False,
        )
        config.apply_context()
        login = Login(config)
        for user, password in passwords.items():
            await Identity(user, login, None, frozenset()).set(UserMetadata(config, user, password=password))
            self._boxes[user] = MailboxSet()
            for folder in folders:
                await self._boxes[user].add_mailbox(folder)
            config.set_cache[user] = (self._boxes[user], FilterSet())
        connected = ProxyProtocolReader(ProxyProtocolVersion.get(None)).get_callback(IMAPServer(login, config))
        return await asyncio.start_server(connected, LOOPBACK, 0, ssl=tls)

    def deliver(self, user: str, folder: str, raw: bytes, at: datetime) -> int:
        """File a message with INTERNALDATE `at` (aware); give its UID. KeyError: no such user or folder."""

        async def append() -> int:
            box = await self._boxes[user].get_mailbox(folder)
            return (await box.append(AppendMessage(raw, at, frozenset()))).uid

        return self._thread.call(append())

    def close(self) -> None:
        self._thread.loop.call_soon_threadsafe(self._server.close)
