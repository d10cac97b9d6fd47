"""Tabs: copies that Gmail or a person moved to another tab of their folder, under the UID that they had."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from monitor.store.tables import copies, placements, tab_stays


def note_roles(
    connection: Connection, folder: int, uidvalidity: int, roles: Mapping[int, str], at: datetime
) -> dict[int, list[datetime]]:
    """Begin a new stay of each copy whose role (UID → role) is another by now, and keep the one before.

    Stream's row → times of copies that count in another place since.
    """
    changes: dict[int, list[datetime]] = defaultdict(list)
    if not roles:
        return changes
    query = (
        select(placements, copies.c.role.label("counts"), copies.c.folder_id.label("lies_in"), copies.c.stream_id, copies.c.at)
        .join(copies, copies.c.id == placements.c.copy_id)
        .where(placements.c.folder_id == folder, placements.c.uidvalidity == uidvalidity, placements.c.gone_at.is_(None))
        .where(placements.c.uid.between(min(roles), max(roles)))
    )
    moved = [row for row in connection.execute(query).all() if roles.get(row.uid, row.role) != row.role]
    for row in moved:
        role = roles[row.uid]
        stay = {name: getattr(row, name) for name in ("copy_id", "folder_id", "uidvalidity", "uid", "role", "seen_at")}
        connection.execute(insert(tab_stays).values(**stay, gone_at=at))
        connection.execute(update(placements).where(placements.c.id == row.id).values(role=role, seen_at=at))
        if (row.lies_in, row.counts) == (folder, row.role):
            connection.execute(update(copies).where(copies.c.id == row.copy_id).values(role=role))
            if row.stream_id is not None:
                changes[row.stream_id].append(row.at)
    return changes
