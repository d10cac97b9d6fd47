"""Submission: hand mails to an SMTP server (RFC 6409, RFC 5321), with every fault in one line that says what to mend."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from monitor.settings import Security
from monitor.words import plain, without_addresses

_PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.PLAIN: 25}


class SmtpSettings(Protocol):
    """Where a server is and who we are there."""

    @property
    def host(self) -> str | None: ...
    @property
    def port(self) -> int | None: ...
    @property
    def security(self) -> Security: ...
    @property
    def ca_file(self) -> Path | None: ...
    @property
    def user(self) -> str | None: ...
    @property
    def timeout(self) -> timedelta: ...


class SubmissionError(Exception):
    """A mail was not taken. `reason` holds no password and no address."""

    def __init__(self, reason: str, *, retryable: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.retryable = reason, retryable


class RecipientRefusedError(SubmissionError):
    """The server refuses some of the recipients; the connection is still of use."""


class Submission:
    """One mail server."""

    def __init__(self, settings: SmtpSettings, password: str | None) -> None:
        """OSError where `ca_file` cannot be read."""
        self._settings, self._password = settings, password
        self._context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)

    @contextmanager
    def connected(self) -> Iterator[Session]:
        """A connection that is signed in, for one mail after another; SubmissionError where there is none to be had."""
        with self._explained():
            server = self._connect()
        try:
            if self._settings.user is not None and self._password is not None:
                with self._explained():
                    server.login(self._settings.user, self._password)
            yield Session(self, server)
            with suppress(smtplib.SMTPException, OSError):  # what was taken is taken, however the server says good-bye
                server.quit()
        finally:
            server.close()

    def send(self, message: EmailMessage, sender: str, to: Sequence[str]) -> None:
        """One mail over a connection of its own; refused recipients are an error even if others took it."""
        with self.connected() as session:
            session.send(message, sender, to)

    def hand_over(self, server: smtplib.SMTP, message: EmailMessage, sender: str, to: Sequence[str]) -> None:
        with self._explained():
            try:
                refused = server.send_message(message, sender, to)
            except smtplib.SMTPRecipientsRefused as error:
                reason = _refusal(error.recipients, to)
                raise RecipientRefusedError(reason, retryable=_is_temporary(error.recipients)) from error
        if refused:
            raise RecipientRefusedError(_refusal(refused, to), retryable=False)

    def _connect(self) -> smtplib.SMTP:
        settings, port = self._settings, self._port()
        assert settings.host is not None
        timeout = settings.timeout.total_seconds()
        if settings.security is Security.PLAIN:
            return smtplib.SMTP(settings.host, port, timeout=timeout)
        if settings.security is Security.TLS:
            return smtplib.SMTP_SSL(settings.host, port, timeout=timeout, context=self._context)
        server = smtplib.SMTP(settings.host, port, timeout=timeout)
        try:
            server.starttls(context=self._context)
        except BaseException:
            server.close()
            raise
        return server

    def _port(self) -> int:
        return self._settings.port or _PORTS[self._settings.security]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors of the library and of the network become ours."""
        host = self._settings.host
        try:
            yield
        except smtplib.SMTPAuthenticationError as error:
            raise SubmissionError(f"the mail server refuses the user or the password ({_reply(error)})") from error
        except smtplib.SMTPResponseException as error:
            raise SubmissionError(f"the mail server refuses: {_reply(error)}", retryable=error.smtp_code < 500) from error
        except smtplib.SMTPNotSupportedError as error:
            raise SubmissionError(f"the mail server cannot do what is asked: {plain(str(error), 120)}") from error
        except smtplib.SMTPServerDisconnected as error:
            is_slow = isinstance(error.__context__, TimeoutError)
            what = "no answer in time" if is_slow else "the mail server closed the connection"
            raise SubmissionError(f"{host} port {self._port()}: {what}") from error
        except smtplib.SMTPException as error:
            raise SubmissionError(f"the mail server breaks off: {plain(str(error), 120)}") from error
        except ssl.SSLCertVerificationError as error:
            raise SubmissionError(f"the certificate of {host} does not verify: {error.verify_message}; see ca_file") from error
        except OSError as error:
            raise SubmissionError(f"{host} port {self._port()}: {_why(error)}") from error


class Session:
    """One connection; a mail at a time."""

    def __init__(self, submission: Submission, server: smtplib.SMTP) -> None:
        self._submission, self._server = submission, server

    def send(self, message: EmailMessage, sender: str, to: Sequence[str]) -> None:
        """SubmissionError where it is not taken; after a RecipientRefusedError the next one may be tried."""
        self._submission.hand_over(self._server, message, sender, to)


def _refusal(refused: dict[str, tuple[int, bytes]], to: Sequence[str]) -> str:
    """Which recipients, by their place in the settings: addresses stay out of errors."""
    places = ", ".join(f"to[{place}]" for place, address in enumerate(to) if address in refused)
    code, reply = next(iter(refused.values()))
    whom = f"{len(refused)} of {len(to)} recipients ({places})" if len(to) > 1 else "the recipient"
    return f"the mail server refuses {whom}: {code} {_said(reply)}"


def _is_temporary(refused: dict[str, tuple[int, bytes]]) -> bool:
    return any(code < 500 for code, _ in refused.values())


def _reply(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_said(error.smtp_error)}"


def _said(reply: bytes | str) -> str:
    return without_addresses(plain(reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply, 160))


def _why(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "no such host name"
    if isinstance(error, ssl.SSLError):
        return f"TLS fails ({plain(error.reason, 80)}); see security and port"
    return error.strerror or type(error).__name__
