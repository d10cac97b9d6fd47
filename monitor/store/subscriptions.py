"""Subscriptions: which of our addresses a stream writes to, from the copies that came."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from monitor.model import Subscription
from monitor.store.tables import copies, inboxes, streams


def read_subscriptions(connection: Connection, stream: str | None) -> tuple[Subscription, ...]:
    """By stream, inbox and address. They follow from the copies, so that a rebuild mends them with everything else."""
    query = (
        select(
            streams.c.name.label("stream"),
            inboxes.c.name.label("inbox"),
            copies.c.address,
            func.min(copies.c.delivered_at).label("first_at"),
            func.max(copies.c.delivered_at).label("last_at"),
            func.count().label("copies"),
        )
        .join(streams, streams.c.id == copies.c.stream_id)
        .join(inboxes, inboxes.c.id == copies.c.inbox_id)
        .group_by(streams.c.name, inboxes.c.name, copies.c.address)
        .order_by(streams.c.name, inboxes.c.name, copies.c.address)
    )
    if stream is not None:
        query = query.where(streams.c.name == stream)
    return tuple(Subscription(**row._mapping) for row in connection.execute(query))
