"""Sends: read them back as values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from monitor.model import Account, Confidence, Identification, Send
from monitor.store.database import Database
from monitor.store.documents import authentication_from_text, counts_from_json, names_from_json
from monitor.store.statements import chunks
from monitor.store.tables import sends, streams

WITNESSED = 20
"""An inbox witnesses a stream while it gets at least one of so many sends."""

_SENDS = select(sends, streams.c.name.label("stream"), streams.c.organisation).join(streams, streams.c.id == sends.c.stream_id)


def read_sends(
    database: Database, after_id: int, stream: str | None, since: datetime | None, until: datetime | None
) -> Iterator[Send]:
    """In order of `at` (then id); from `since` on, before `until`. Rows are fetched as they are asked for."""
    query = _SENDS.where(sends.c.copies > 0, sends.c.id > after_id)
    if stream is not None:
        query = query.where(streams.c.name == stream)
    if since is not None:
        query = query.where(sends.c.at >= since)
    if until is not None:
        query = query.where(sends.c.at < until)
    with database.read() as connection:
        rows = connection.execution_options(yield_per=1000).execute(query.order_by(sends.c.at, sends.c.id))
        for row in rows:
            yield as_send(row)


def first(connection: Connection, query: Select[Any]) -> Send | None:
    row = connection.execute(query.where(sends.c.copies > 0).limit(1)).first()
    return as_send(row) if row else None


def last_send(connection: Connection, stream: str) -> Send | None:
    return first(connection, _SENDS.where(streams.c.name == stream).order_by(sends.c.at.desc(), sends.c.id.desc()))


def first_send_after(connection: Connection, stream: str, at: datetime) -> Send | None:
    return first(connection, _SENDS.where(streams.c.name == stream, sends.c.at > at).order_by(sends.c.at, sends.c.id))


def changed_sends(connection: Connection, after: int) -> tuple[tuple[Send, ...], int]:
    query = _SENDS.where(sends.c.changed > after) if after else _SENDS.where(sends.c.copies > 0)
    # Sorted here: asked to sort, SQLite would walk all sends in order of time instead of the few that changed.
    rows = sorted(connection.execute(query), key=lambda row: (row.at, row.id))
    return tuple(as_send(row) for row in rows), max((row.changed for row in rows), default=after)


def sends_of(connection: Connection, which: ColumnElement[bool]) -> tuple[Send, ...]:
    """Those that fit, in order of `at`, then id."""
    rows = connection.execute(_SENDS.where(sends.c.copies > 0, which))
    return tuple(sorted((as_send(row) for row in rows), key=lambda send: (send.at, send.id)))


def sends_by_number(connection: Connection, numbers: Iterable[int]) -> tuple[Send, ...]:
    found = [as_send(row) for some in chunks(sorted(numbers)) for row in connection.execute(_SENDS.where(sends.c.id.in_(some)))]
    return tuple(sorted(found, key=lambda send: (send.at, send.id)))


def last_send_of(connection: Connection, names: Iterable[str], until: datetime) -> Send | None:
    """The newest send of any of these streams at or before `until`."""
    of_them = _SENDS.where(streams.c.name.in_(list(names)), sends.c.at <= until)
    return first(connection, of_them.order_by(sends.c.at.desc(), sends.c.id.desc()))


def sends_between(connection: Connection, since: datetime, until: datetime) -> list[Send]:
    """Every stream's sends after `since` and up to `until`, in order."""
    between = (sends.c.copies > 0, sends.c.at > since, sends.c.at <= until)
    return [as_send(row) for row in connection.execute(_SENDS.where(*between).order_by(sends.c.at, sends.c.id))]


def witnesses(connection: Connection, names: Iterable[str], until: datetime | None = None) -> tuple[str, ...]:
    """The inboxes that got any of the last sends of each of these streams (before `until`), sorted."""
    found: set[str] = set()
    for name in names:
        newest = select(sends.c.inboxes).join(streams, streams.c.id == sends.c.stream_id)
        if until is not None:
            newest = newest.where(sends.c.at < until)
        newest = newest.where(streams.c.name == name, sends.c.copies > 0).order_by(sends.c.at.desc()).limit(WITNESSED)
        for document in connection.execute(newest).scalars():
            found.update(names_from_json(document))
    return tuple(sorted(found))


def last_identified(connection: Connection) -> dict[str, Identification]:
    """Stream → whose infrastructure its newest identified send came through, without the evidence."""
    newest = (
        select(sends.c.stream_id, func.max(sends.c.at).label("at"))
        .where(sends.c.copies > 0, (sends.c.delivery.is_not(None)) | (sends.c.platform.is_not(None)))
        .group_by(sends.c.stream_id)
        .subquery()
    )
    query = _SENDS.join(newest, (newest.c.stream_id == sends.c.stream_id) & (newest.c.at == sends.c.at)).order_by(sends.c.id)
    return {row.stream: _as_identification(row) for row in connection.execute(query) if row.delivery or row.platform}


def as_send(row: Row[Any]) -> Send:
    return Send(
        id=row.id,
        stream=row.stream,
        organisation=row.organisation,
        at=row.at,
        stored_at=row.stored_at,
        inboxes=names_from_json(row.inboxes),
        copies=row.copies,
        placements=counts_from_json(row.placements),
        subject=row.subject,
        message_id=row.message_id,
        platform=row.platform,
        delivery=row.delivery,
        account=row.account,
        platform_confidence=row.platform_confidence and Confidence(row.platform_confidence),
        delivery_confidence=row.delivery_confidence and Confidence(row.delivery_confidence),
        sdids=tuple(row.sdids.split(" ")) if row.sdids else (),
        authentication=authentication_from_text(row.authentication),
    )


def _as_identification(row: Row[Any]) -> Identification:
    kind, _, number = (row.account or "").partition(":")
    return Identification(
        platform=row.platform,
        delivery=row.delivery,
        account=Account(row.delivery or row.platform, kind, number) if number else None,
        platform_confidence=row.platform_confidence and Confidence(row.platform_confidence),
        delivery_confidence=row.delivery_confidence and Confidence(row.delivery_confidence),
    )
