"""Packed: which originals lie in which pack. All others are files of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from monitor.store.bulk import insert_rows
from monitor.store.packs import InPack
from monitor.store.statements import chunks
from monitor.store.tables import packed


def note(connection: Connection, places: Mapping[str, InPack]) -> None:
    """Keep where these (by SHA-256) lie, in the transaction that keeps their messages. The first place of each stays."""
    rows = [
        {"digest": bytes.fromhex(digest), "pack": at.pack, "start": at.start, "length": at.length}
        for digest, at in places.items()
    ]
    insert_rows(connection, packed, rows, "ON CONFLICT DO NOTHING")


def find(connection: Connection, digests: Sequence[str]) -> dict[str, InPack]:
    """SHA-256 → where it lies, for those that are in packs."""
    found: dict[str, InPack] = {}
    for some in chunks(digests):
        query = select(packed).where(packed.c.digest.in_([bytes.fromhex(digest) for digest in some]))
        found.update((row.digest.hex(), InPack(row.pack, row.start, row.length)) for row in connection.execute(query))
    return found
