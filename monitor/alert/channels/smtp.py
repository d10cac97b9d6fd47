"""SMTP channel: a notice as a mail with plain text and HTML (RFC 5321, 5322)."""

from __future__ import annotations

import hashlib
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from monitor.errors import ChannelError
from monitor.model import Notice
from monitor.settings import ChannelSettings
from monitor.submission import Submission, SubmissionError
from monitor.words import plain


class SmtpChannel:
    """One mail server; a connection a notice, as alerts are rare."""

    def __init__(self, settings: ChannelSettings, password: str | None) -> None:
        """OSError where `ca_file` cannot be read."""
        self._settings = settings
        self._submission = Submission(settings, password)

    def send(self, notice: Notice) -> None:
        """Hand the mail to the server for all recipients; refused recipients are an error even if others took it."""
        settings = self._settings
        try:
            self._submission.send(mail_of(notice, settings), settings.sender or "", settings.to)
        except SubmissionError as error:
            raise ChannelError(settings.name, error.reason, retryable=error.retryable) from error


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
