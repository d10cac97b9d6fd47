"""Seed inboxes, how they are read, and the canary mail that proves that mail arrives in them."""

from __future__ import annotations

import ipaddress
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import Field

from monitor.settings.oauth import OAuthSettings
from monitor.settings.paths import LocatedPath, Strict
from monitor.settings.security import Security
from monitor.settings.spans import SomeTime


def listen_place(text: str) -> tuple[str, int] | Path:
    """Host and port on loopback, or the path of a unix socket; ValueError where it is neither."""
    if text.startswith("/"):
        return Path(text)
    host, _, port = text.rpartition(":")
    address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    if not address.is_loopback or not 0 < int(port) < 65536:
        raise ValueError(text)
    return str(address), int(port)


class InboxKind(StrEnum):
    IMAP = "imap"
    MAILDIR = "maildir"
    MBOX = "mbox"
    LISTENER = "listener"


class WatchedBy(StrEnum):
    """How new mail in an inbox is noticed."""

    POLL = "poll"
    IDLE = "idle"
    """The server tells of it at once (IMAP IDLE); a slow poll is the net, and the usual one where IDLE does not work."""
    BOTH = "both"


class InboxSettings(Strict):
    name: str
    kind: InboxKind = InboxKind.IMAP
    path: LocatedPath | None = None
    """maildir: its folder; mbox: a file, or a folder of such files."""
    listen: str | None = None
    """listener: `127.0.0.1:8024`, or the path of a unix socket."""
    protocol: Literal["lmtp", "smtp"] = "lmtp"
    host: str = ""
    user: str = ""
    """Both are there for imap, and for nothing else."""
    port: int | None = None
    security: Security = Security.TLS
    ca_file: LocatedPath | None = None
    password_file: LocatedPath | None = None
    password_env: str | None = None
    oauth: OAuthSettings | None = None
    """Instead of a password."""
    addresses: tuple[str, ...] = ()
    """Its own addresses beside `user`; `@example.org` is all of a domain."""
    receiver: str | None = None
    """Who runs the mailbox, a name from `config/receivers/`; known hosts are recognised by themselves."""
    group: Literal["quiet", "engaged"] = "quiet"
    folders: tuple[str, ...] | None = None
    """None: all folders that can hold list mail."""
    poll_every: SomeTime | None = None
    address: str | None = None
    """Where mail for it is sent, for canary mail; None: `user` is the address."""
    watch: WatchedBy | None = None
    """How new mail is noticed; None: `poll`, or `both` where `idle` says so."""
    password_expires: date | None = None
    """The day on which its password, or the token instead of it, ends."""
    last_signed_in: date | None = None
    """When a person signed in last, by web or app: some providers close mailboxes where nobody does."""
    closes_after: SomeTime | None = None
    """How long its provider leaves a mailbox open that nobody signs in to; None: what is known of it."""
    idle: bool = False
    """The older word for `watch: both`."""
    enabled: bool = True

    @property
    def watched_by(self) -> WatchedBy:
        return self.watch or (WatchedBy.BOTH if self.idle else WatchedBy.POLL)

    @property
    def mail_address(self) -> str | None:
        """The address that canary mail goes to; None where neither `address` nor `user` is one, nor any of `addresses`."""
        return self.address or next((a for a in (self.user, *self.addresses) if "@" in a[1:]), None)

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """All that is known of its addresses; those that begin with `@` are whole domains."""
        return tuple(a for a in (self.user, self.address or "", *self.addresses) if "@" in a)


class CollectSettings(Strict):
    poll_every: SomeTime = timedelta(minutes=5)
    timeout: SomeTime = timedelta(seconds=30)
    concurrency: int = Field(default=16, ge=1, le=256)
    per_host: int = Field(default=4, ge=1)
    max_message_bytes: int = Field(default=25_000_000, ge=10_000, le=2_000_000_000)
    verify_dkim: Literal["auto", "off"] = "auto"
    """`auto`: verify DKIM signatures of new mail ourselves, where DNS answers, and keep the keys."""


class CanarySettings(Strict):
    """A mail account of ours that writes to every seed inbox, to see that mail arrives there."""

    host: str
    port: int | None = None
    security: Security = Security.STARTTLS
    ca_file: LocatedPath | None = None
    user: str | None = None
    password_file: LocatedPath | None = None
    password_env: str | None = None
    sender: str
    every: SomeTime = timedelta(hours=1)
    timeout: SomeTime = timedelta(seconds=20)

    @property
    def overdue_after(self) -> timedelta:
        """So long after it was sent a canary that has not arrived is overdue."""
        return 3 * self.every
