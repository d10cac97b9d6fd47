"""Evidence: a stream's newest mail with whom it was identified as coming through, and what its bytes are called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from monitor.model import Identification, Send
from monitor.store.documents import identification_from_json, names_from_json
from monitor.store.grouping import SURENESS
from monitor.store.sends import last_send, sends_by_number
from monitor.store.statements import chunks
from monitor.store.tables import copies, evidence, folders, inboxes


@dataclass(frozen=True, slots=True)
class CopyFacts:
    """What one stored copy says about itself."""

    id: int
    inbox: str
    folder: str
    role: str
    sha256: str
    truncated: bool
    message_id: str | None
    from_address: str | None
    subject: str | None
    sent_at: datetime | None
    """`Date:`, the sender's claim, UTC."""
    delivered_at: datetime
    link_hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LastMail:
    """A send, its surest identification with the evidence, and the copy that shows it."""

    send: Send
    identification: Identification
    copy: CopyFacts


def last_mail(connection: Connection, stream: str) -> LastMail | None:
    send = last_send(connection, stream)
    return of_send(connection, send) if send is not None else None


def mail_of_send(connection: Connection, number: int) -> LastMail | None:
    """The copy of the send with this number that says most; None where there is none."""
    found = sends_by_number(connection, (number,))
    return of_send(connection, found[0]) if found else None


def of_send(connection: Connection, send: Send) -> LastMail | None:
    """The copy of this send that says most; None where it was imported as an event and nothing else is known."""
    rows = connection.execute(
        select(copies, inboxes.c.name.label("inbox"), folders.c.name.label("folder"), evidence.c.document)
        .join(inboxes, inboxes.c.id == copies.c.inbox_id)
        .join(folders, folders.c.id == copies.c.folder_id)
        .join(evidence, evidence.c.copy_id == copies.c.id)
        .where(copies.c.send_id == send.id)
        .order_by(copies.c.at, copies.c.digest)
    ).all()
    if not rows:
        return None
    surest = max(rows, key=lambda r: (SURENESS[r.delivery_confidence], SURENESS[r.platform_confidence]))
    return LastMail(send, identification_from_json(surest.document), _facts(surest))


def link_hosts(connection: Connection, numbers: Iterable[int]) -> dict[int, frozenset[str]]:
    """Send → the hosts that its copies link to."""
    found: dict[int, frozenset[str]] = {}
    for some in chunks(sorted(numbers)):
        query = select(copies.c.send_id, copies.c.link_hosts).where(copies.c.send_id.in_(some))
        for row in connection.execute(query):
            found[row.send_id] = found.get(row.send_id, frozenset()) | set(names_from_json(row.link_hosts))
    return found


def _facts(row: Row[Any]) -> CopyFacts:
    return CopyFacts(
        id=row.id,
        inbox=row.inbox,
        folder=row.folder,
        role=row.role,
        sha256=row.digest,
        truncated=row.truncated,
        message_id=row.message_id,
        from_address=row.from_address,
        subject=row.subject,
        sent_at=row.sent_at,
        delivered_at=row.delivered_at,
        link_hosts=names_from_json(row.link_hosts),
    )
