"""Faults: what went wrong with an inbox, its cause, and in one line what to mend (pure)."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from dataclasses import dataclass

from monitor.collect.line import WireError
from monitor.collect.wire import ByeError, RefusedError
from monitor.model import FailureCause
from monitor.settings import InboxSettings, Security

_CODE = re.compile(r"\[([A-Z]{4,30})\b[^\]]{0,80}\]")
_ADDRESS = re.compile(r"\S+@\S+")
_BYTES = re.compile(r"\bb'([^']*)'")
NO_FILES_LEFT = frozenset({errno.EMFILE, errno.ENFILE})
"""This machine's limits, whatever was to be opened."""
_BUSY_CODES = frozenset({"THROTTLED", "LIMIT", "INUSE", "OVERQUOTA", "UNAVAILABLE", "SERVERBUG"})
"""RFC 5530 and Gmail's own THROTTLED: the server cannot now, whatever was asked."""
_BUSY_WORDS = re.compile(r"too many|throttl|rate.?limit|bandwidth|try again later|maximum number of connections", re.I)


@dataclass(frozen=True, slots=True)
class Fault:
    """Whose turn it is: the operator's, unless `retryable`."""

    cause: FailureCause
    reason: str
    retryable: bool = True
    is_everywhere: bool = False
    """True where the whole account is limited: whatever else is asked would make it worse."""
    elsewhere: bool = False
    """True where the mail server has no part in it."""


def fault_of(error: Exception, inbox: InboxSettings, port: int, *, at_login: bool = False) -> Fault:
    """What an error on the wire means. Never holds the password, and of the server's words no address."""
    place = f"{inbox.host}:{port}"
    match error:
        case socket.gaierror():
            return Fault(FailureCause.DNS, f"the name {inbox.host} cannot be resolved; check `host` and this machine's DNS")
        case ssl.SSLCertVerificationError():
            return Fault(FailureCause.TLS, _untrusted(error, place), retryable=False)
        case ssl.SSLError():
            hint = (
                ""
                if inbox.security is Security.STARTTLS
                else f"; if the server speaks STARTTLS on port {port}, set `security: starttls`"
            )
            return Fault(FailureCause.TLS, f"{place} does not speak TLS as it should ({_tls_reason(error)}){hint}")
        case TimeoutError():
            return Fault(
                FailureCause.TIMEOUT, f"{place} does not answer in time; check `host` and `port`, or raise `collect.timeout`"
            )
        case ConnectionRefusedError():
            return Fault(FailureCause.NETWORK, f"{place} refuses connections; check `host` and `port`")
        case OSError() if error.errno in NO_FILES_LEFT:
            reason = "this machine allows no more open files; raise LimitNOFILE in the systemd unit, or `ulimit -Hn`"
            return Fault(FailureCause.NETWORK, reason, elsewhere=True)
        case OSError():
            return Fault(
                FailureCause.NETWORK, f"the connection to {place} failed ({error.strerror or error or type(error).__name__})"
            )
        case RefusedError() | ByeError():
            return _said_no(error, inbox, place, at_login)
        case WireError():
            return Fault(FailureCause.PROTOCOL, f"{place} does not speak IMAP as it should: {_tame(str(error), inbox)}")
    raise error


def _said_no(error: RefusedError | ByeError, inbox: InboxSettings, place: str, at_login: bool) -> Fault:
    text = str(error)
    code = _CODE.search(text)
    said = _tame(text, inbox)
    if (code and code[1] in _BUSY_CODES) or _BUSY_WORDS.search(text):
        everywhere = bool((code and code[1] == "THROTTLED") or _BUSY_WORDS.search(text))
        reason = f"{place} is busy or limits us, and is left alone for a while: {said}"
        return Fault(FailureCause.THROTTLED, reason, is_everywhere=everywhere)
    if isinstance(error, ByeError):
        return Fault(FailureCause.NETWORK, f"{place} ended the connection: {said}")
    if "support STARTTLS" in text or "start TLS" in text:
        return Fault(FailureCause.TLS, f"{place} offers no STARTTLS; set `security: tls` and its port", retryable=False)
    if at_login:
        hint = (
            "check `user` and the password (Gmail, Outlook and others want an app password or `oauth`)"
            if inbox.oauth is None
            else f"check that the account is `user`'s and allows IMAP, or run: gonequiet login {inbox.name}"
        )
        return Fault(FailureCause.LOGIN, f"{place} refused the login; {hint}: {said}", retryable=False)
    return Fault(FailureCause.PROTOCOL, f"{place} refused a command: {said}")


def _untrusted(error: ssl.SSLCertVerificationError, place: str) -> str:
    why = error.verify_message
    return f"the certificate of {place} is not trusted ({why}); if it is your own server's, name its authority in `ca_file`"


def _tls_reason(error: ssl.SSLError) -> str:
    return (error.reason or type(error).__name__).lower().replace("_", " ")


def _tame(text: str, inbox: InboxSettings) -> str:
    """A server's words, short, printable, without the user's name or any address."""
    text = _BYTES.sub(r"\1", text)
    plain = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(_ADDRESS.sub("…", plain.replace(inbox.user, "…")).split())[:160]
