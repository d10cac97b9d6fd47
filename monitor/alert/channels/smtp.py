"""SMTP channel: a notice as a mail with plain text and HTML (RFC 5321, 5322)."""

from __future__ import annotations

import hashlib
import smtplib
import socket
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from monitor.errors import ChannelError
from monitor.model import Notice
from monitor.settings import ChannelSettings, Security
from monitor.words import plain, without_addresses

_PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.PLAIN: 25}


class SmtpChannel:
    """One mail server; a connection a notice, as alerts are rare."""

    def __init__(self, settings: ChannelSettings, password: str | None) -> None:
        """OSError where `ca_file` cannot be read."""
        self._settings, self._password = settings, password
        self._context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)

    def send(self, notice: Notice) -> None:
        """Hand the mail to the server for all recipients; refused recipients are an error even if others took it."""
        name, settings = self._settings.name, self._settings
        message = mail_of(notice, settings)
        try:
            with self._connected() as server:
                if settings.user is not None and self._password is not None:
                    server.login(settings.user, self._password)
                refused = server.send_message(message, settings.sender, settings.to)
        except smtplib.SMTPAuthenticationError as error:
            raise ChannelError(name, f"the mail server refuses the user or the password ({_reply(error)})") from error
        except smtplib.SMTPRecipientsRefused as error:
            raise ChannelError(
                name, _refusal(error.recipients, settings.to), retryable=_is_temporary(error.recipients)
            ) from error
        except smtplib.SMTPResponseException as error:
            raise ChannelError(name, f"the mail server refuses: {_reply(error)}", retryable=error.smtp_code < 500) from error
        except smtplib.SMTPNotSupportedError as error:
            raise ChannelError(name, f"the mail server cannot do what is asked: {plain(str(error), 120)}") from error
        except smtplib.SMTPServerDisconnected as error:
            if isinstance(error.__context__, TimeoutError):
                raise ChannelError(name, f"{settings.host} port {self._port()}: no answer in time") from error
            raise ChannelError(name, f"{settings.host} port {self._port()}: the mail server closed the connection") from error
        except smtplib.SMTPException as error:
            raise ChannelError(name, f"the mail server breaks off: {plain(str(error), 120)}") from error
        except ssl.SSLCertVerificationError as error:
            raise ChannelError(
                name, f"the certificate of {settings.host} does not verify: {error.verify_message}; see ca_file"
            ) from error
        except (ssl.SSLError, ConnectionError, TimeoutError, socket.gaierror, OSError) as error:
            raise ChannelError(name, f"{settings.host} port {self._port()}: {_why(error)}") from error
        if refused:
            raise ChannelError(name, _refusal(refused, settings.to), retryable=False)

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        assert settings.host is not None
        timeout = settings.timeout.total_seconds()
        if settings.security is Security.PLAIN:
            return smtplib.SMTP(settings.host, self._port(), timeout=timeout)
        if settings.security is Security.TLS:
            return smtplib.SMTP_SSL(settings.host, self._port(), timeout=timeout, context=self._context)
        server = smtplib.SMTP(settings.host, self._port(), timeout=timeout)
        try:
            server.starttls(context=self._context)
        except BaseException:
            server.close()
            raise
        return server

    def _port(self) -> int:
        return self._settings.port or _PORTS[self._settings.security]


def mail_of(notice: Notice, settings: ChannelSettings) -> EmailMessage:
    """The mail: byte for byte the same at a repeat, with a Message-ID made from the notice's key."""
    sender = Address(addr_spec=settings.sender or "")
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("GoneQuiet", addr_spec=str(sender))
    message["To"] = [Address(addr_spec=to) for to in settings.to]
    message["Subject"] = plain(notice.title, 200)
    message["Date"] = notice.created_at
    message["Message-ID"] = f"<{hashlib.sha256(notice.key.encode()).hexdigest()[:40]}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation message comes back
    message["X-GoneQuiet-Notice"] = plain(notice.key, 200)
    message["X-GoneQuiet-Event"] = notice.event.value
    message.set_content(notice.text)
    if notice.html is not None:
        message.add_alternative(notice.html, subtype="html")
        boundary = hashlib.sha256(f"boundary {notice.key}".encode()).hexdigest()[:32]
        message.set_boundary(f"=_{boundary}")
    return message


def _refusal(refused: dict[str, tuple[int, bytes]], to: tuple[str, ...]) -> str:
    """Which recipients, by their place in the settings: addresses stay out of errors."""
    places = ", ".join(f"to[{place}]" for place, address in enumerate(to) if address in refused)
    code, reply = next(iter(refused.values()))
    return f"the mail server refuses {len(refused)} of {len(to)} recipients ({places}): {code} {_said(reply)}"


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
