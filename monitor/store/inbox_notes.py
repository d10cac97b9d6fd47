"""Inbox notes: what a server said last of each seed inbox itself, and since when it has been saying so."""

from __future__ import annotations

from sqlalchemy import Connection, select

from monitor.model import InboxNote, Quota
from monitor.store.documents import storable
from monitor.store.names import inbox_number
from monitor.store.statements import insert_into
from monitor.store.tables import inbox_notes, inboxes

NEARLY_FULL = 0.9
"""The share of its limit from which a mailbox counts as nearly full."""


def keep(connection: Connection, note: InboxNote) -> None:
    """In place of the one before; what it says on has been so since then."""
    inbox = inbox_number(connection, note.inbox)
    before = connection.execute(select(inbox_notes).where(inbox_notes.c.inbox_id == inbox)).first()
    is_full = note.quota is not None and note.quota.share >= NEARLY_FULL
    alert = storable(note.alert) if note.alert is not None else None
    values = {
        "at": note.at,
        "resource": storable(note.quota.resource) if note.quota else None,
        "used": note.quota.used if note.quota else None,
        "most": note.quota.limit if note.quota else None,
        "full_since": ((before.full_since if before else None) or note.at) if is_full else None,
        "alert": alert,
        "alert_since": ((before.alert_since if before else None) or note.at) if alert else None,
    }
    statement = insert_into(connection, inbox_notes).values(inbox_id=inbox, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["inbox_id"], set_=values))


def read(connection: Connection) -> dict[str, InboxNote]:
    """Inbox → the newest note."""
    query = select(inbox_notes, inboxes.c.name).join(inboxes, inboxes.c.id == inbox_notes.c.inbox_id)
    return {
        row.name: InboxNote(
            inbox=row.name,
            at=row.at,
            quota=Quota(row.resource, row.used, row.most) if row.resource is not None else None,
            alert=row.alert,
            full_since=row.full_since,
            alert_since=row.alert_since,
        )
        for row in connection.execute(query)
    }
