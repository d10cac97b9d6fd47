"""Rebuild: read every stored message again, as if it came in today, batch by batch and resumable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select

from monitor.errors import StoreError
from monitor.model import DkimProof, NewCopy, RawMessage
from monitor.store import counters, packed
from monitor.store.documents import identification_from_json
from monitor.store.intake import UNKNOWN
from monitor.store.raw import Originals
from monitor.store.reread import keep_again
from monitor.store.statements import insert_into
from monitor.store.states import forget_states
from monitor.store.tables import copies, evidence, folders, inboxes, marks, problems, streams

MARK = "rebuild"


@dataclass(frozen=True, slots=True)
class Before:
    """What is stored of a message until it is read again; names as in Identification, the account as `kind:id`."""

    stream: str | None
    platform: str | None
    delivery: str | None
    account: str | None
    platform_confidence: str | None
    delivery_confidence: str | None
    dkim: tuple[DkimProof, ...] = ()
    """What was verified when it came in; its key may be gone from DNS today."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Some stored messages, by the number of their copy, to be read again."""

    messages: Mapping[int, RawMessage]
    before: Mapping[int, Before]
    lost: tuple[str, ...]
    """What the store said of originals that are missing or damaged; their copies stay as they are."""
    last: int
    """The highest number that this batch covers."""
    total: int
    """The highest number that there is, for a progress bar."""


def next_batch(connection: Connection, originals: Originals, size: int) -> Stored | None:
    """The messages after the mark; None: all have been read. Recorded events are no messages and left alone."""
    after = _mark(connection)
    query = select(copies, inboxes.c.name.label("inbox"), folders.c.name.label("folder"), streams.c.name.label("stream"))
    query = query.join(inboxes, inboxes.c.id == copies.c.inbox_id).join(folders, folders.c.id == copies.c.folder_id)
    query = query.outerjoin(streams, streams.c.id == copies.c.stream_id)
    query = query.outerjoin(evidence, evidence.c.copy_id == copies.c.id).add_columns(evidence.c.document)
    rows = connection.execute(query.where(copies.c.id > after).order_by(copies.c.id).limit(size)).all()
    if not rows:
        return None
    places = packed.find(connection, [row.digest for row in rows])
    messages: dict[int, RawMessage] = {}
    lost: list[str] = []
    for row in rows:
        if row.from_address is None and row.stream_id is not None:
            continue
        try:
            messages[row.id] = _raw(row, originals.read(row.digest, places.get(row.digest)))
        except StoreError as error:
            lost.append(str(error))
    total: int = connection.execute(select(func.max(copies.c.id))).scalar_one()
    before = {row.id: _before(row) for row in rows if row.id in messages}
    return Stored(messages, before, tuple(lost), rows[-1].id, total)


def keep_batch(connection: Connection, batch: Stored, read: Mapping[int, NewCopy]) -> None:
    """Put what the messages say today in place of what was stored, and set the mark."""
    keep_again(connection, read)
    forget_states(connection)
    _set_mark(connection, batch.last)


def finish(connection: Connection) -> None:
    """Count all totals anew, and take the mark away."""
    totals: Counter[tuple[str, counters.Key]] = counters.tally()
    whom = func.coalesce(copies.c.delivery, UNKNOWN)
    by_place = select(streams.c.name, whom, copies.c.role, func.count()).join(streams, streams.c.id == copies.c.stream_id)
    for stream, delivery, role, number in connection.execute(by_place.group_by(streams.c.name, whom, copies.c.role)):
        totals[counters.COPIES, (stream, delivery, role)] = number
    sure = func.coalesce(copies.c.delivery_confidence, "none")
    for delivery, confidence, number in connection.execute(select(whom, sure, func.count()).group_by(whom, sure)):
        totals[counters.IDENTIFIED, (delivery, confidence)] = number
    odd = select(problems.c.field, func.count(problems.c.copy_id.distinct())).group_by(problems.c.field)
    for field, number in connection.execute(odd):
        totals[counters.PROBLEMS, (field,)] = number
    counters.replace(connection, totals)
    start_over(connection)


def start_over(connection: Connection) -> None:
    """Forget how far an interrupted rebuild came."""
    connection.execute(delete(marks).where(marks.c.name == MARK))


def _before(row: Row[Any]) -> Before:
    return Before(
        stream=row.stream,
        platform=row.platform,
        delivery=row.delivery,
        account=row.account,
        platform_confidence=row.platform_confidence,
        delivery_confidence=row.delivery_confidence,
        dkim=identification_from_json(row.document).dkim if row.document and '"dkim":' in row.document else (),
    )


def _raw(row: Row[Any], raw: bytes) -> RawMessage:
    return RawMessage(
        inbox=row.inbox,
        folder=row.folder,
        role=row.role,
        uidvalidity=0,
        uid=0,
        delivered_at=row.delivered_at,
        seen_at=row.seen_at,
        raw=raw,
        size=row.size,
        truncated=row.truncated,
    )


def _mark(connection: Connection) -> int:
    return connection.execute(select(marks.c.value).where(marks.c.name == MARK)).scalar() or 0


def _set_mark(connection: Connection, value: int) -> None:
    statement = insert_into(connection, marks).values(name=MARK, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))
