"""The archived facts of January 2021 become messages again: archived fields, our own Received line, nothing invented."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from importlib.resources import files

RECEIVER = "seed.gonequiet.example"
"""Our demo receiver; names and addresses below .example and 192.0.2.0/24 are for documentation (RFC 2606, RFC 5737)."""


@dataclass(frozen=True, slots=True)
class ArchivedMail:
    """One row of `january_2021.csv`: what the archive kept of one message."""

    date: datetime
    """The `Date:` field with the sender's own offset."""
    message_id: str
    """With its angle brackets."""
    name: str
    """The display name as archived; some are raw encoded words (RFC 2047)."""
    address: str
    domain: str
    subject: str
    link_hosts: tuple[str, ...]

    @property
    def at(self) -> datetime:
        """The `Date:` in UTC, at which the demo delivers it."""
        return self.date.astimezone(UTC)


def read_january() -> tuple[ArchivedMail, ...]:
    """All mail of 3–14 January 2021, in the order in which it was sent (see README.md here for its source)."""
    text = (files(__package__) / "january_2021.csv").read_text(encoding="utf-8")
    mails = [
        ArchivedMail(
            date=datetime.fromisoformat(row["date"]),
            message_id=row["message_id"],
            name=row["name"],
            address=row["email"],
            domain=row["domain"],
            subject=row["subject"],
            link_hosts=tuple(host for host in row["link_hosts"].split("|") if host),
        )
        for row in csv.DictReader(io.StringIO(text, newline=""))
    ]
    return tuple(sorted(mails, key=lambda mail: mail.at))


def as_message(mail: ArchivedMail) -> bytes:
    """The message (RFC 5322, CRLF) with the archived fields, and on top the line that our receiver adds (RFC 5321 §4.4)."""
    links = [f"https://{host}/" for host in mail.link_hosts]
    lines = [
        f"Received: from archive.example ([192.0.2.1]) by {RECEIVER} with ESMTPS; {format_datetime(mail.at)}",
        f"Date: {format_datetime(mail.date)}",
        f"Message-ID: {mail.message_id}",
        f"From: {_mailbox(mail.name, mail.address)}",
        f"Subject: {_unstructured(mail.subject)}",
        "MIME-Version: 1.0",
        'Content-Type: text/plain; charset="utf-8"',
        "Content-Transfer-Encoding: 8bit",
        "",
        mail.subject,
        "",
        *links,
        "",
    ]
    return "\r\n".join(lines).encode("utf-8")


def _mailbox(name: str, address: str) -> str:
    """Name and address; a name that was archived as raw encoded words goes through untouched."""
    return f"{name} <{address}>" if name.startswith("=?") else formataddr((name, address))


def _unstructured(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8").encode(linesep="\r\n")
