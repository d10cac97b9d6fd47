"""Connecting: from an inbox's settings to a connection that is logged in, or an InboxError that says what to mend."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from monitor.collect.faults import NO_FILES_LEFT, Fault, fault_of
from monitor.collect.line import Address
from monitor.collect.tokens import TokenSource
from monitor.collect.wire import FAULTS, Connection
from monitor.errors import InboxError
from monitor.model import FailureCause
from monitor.settings import InboxSettings, Security

PORTS = {Security.TLS: 993, Security.STARTTLS: 143, Security.PLAIN: 143}


@dataclass(frozen=True)
class Access:
    """What is needed to log in to one inbox. Without a context, its `ca_file` or the system's authorities are trusted."""

    inbox: InboxSettings
    credential: str | TokenSource = field(repr=False)
    """The password, or where access tokens come from."""
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
        if isinstance(self.credential, str):
            return self._log_in_by_password(self.credential)
        token = self.credential.access_token()
        try:
            return self._log_in_by_token(token)
        except InboxError as error:
            # It may have been taken back before its time, as after a change of the password. Another one tells.
            if error.cause is not FailureCause.LOGIN or (fresh := self.credential.access_token(refused=token)) == token:
                raise
        return self._log_in_by_token(fresh)

    def _log_in_by_password(self, password: str) -> Connection:
        return self._log_in(lambda connection: connection.login(self.inbox.user, password))

    def _log_in_by_token(self, token: str) -> Connection:
        return self._log_in(lambda connection: connection.login_by_token(self.inbox.user, token))

    def _log_in(self, present: Callable[[Connection], None]) -> Connection:
        try:
            connection = Connection(self._address())
        except FAULTS as error:
            raise self.error(fault_of(error, self.inbox, self.port)) from error
        try:
            present(connection)
        except FAULTS as error:
            connection.drop()
            raise self.error(fault_of(error, self.inbox, self.port, at_login=True)) from error
        except BaseException:
            connection.drop()
            raise
        return connection

    def error(self, fault: Fault) -> InboxError:
        """The fault as an error of this inbox."""
        return InboxError(self.inbox.name, fault.reason, cause=fault.cause, retryable=fault.retryable, elsewhere=fault.elsewhere)

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
            if error.errno in NO_FILES_LEFT:
                raise self.error(fault_of(error, self.inbox, self.port)) from error
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
