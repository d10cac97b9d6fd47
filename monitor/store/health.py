"""Health: which polls failed, and since when each folder has been readable or not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select

from monitor.model import FailureCause, PollFailure
from monitor.store.documents import storable
from monitor.store.names import inbox_number
from monitor.store.tables import failures, folders, inboxes


@dataclass(frozen=True, slots=True)
class FolderState:
    """A folder and when it was last proven readable, UTC."""

    folder: str
    role: str
    proven_at: datetime | None


@dataclass(frozen=True, slots=True)
class InboxState:
    """What is known of one inbox from its polls."""

    inbox: str
    folders: tuple[FolderState, ...] = ()
    last_failure: PollFailure | None = None
    """The newest one that no successful poll has followed; None: the last poll worked."""
    consecutive_failures: int = 0
    failing_since: datetime | None = None
    """The first of them."""


def record_failure(connection: Connection, failure: PollFailure) -> None:
    values = {
        "inbox_id": inbox_number(connection, failure.inbox),
        "folder": failure.folder,
        "at": failure.at,
        "cause": failure.cause.value,
        "detail": storable(failure.detail),
        "retryable": failure.retryable,
    }
    connection.execute(insert(failures).values(values))


def read_failures(connection: Connection, since: datetime | None) -> list[PollFailure]:
    query = select(failures, inboxes.c.name.label("inbox")).join(inboxes, inboxes.c.id == failures.c.inbox_id)
    if since is not None:
        query = query.where(failures.c.at >= since)
    return [_as_failure(row) for row in connection.execute(query.order_by(failures.c.at, failures.c.id))]


def inbox_states(connection: Connection) -> dict[str, InboxState]:
    """Every inbox that was ever polled. A failure of one folder lasts until that folder is read, not another."""
    by_inbox: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(select(folders).order_by(folders.c.name)):
        by_inbox[row.inbox_id].append(row)
    failed: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(_recent_failures()):
        failed[row.inbox_id].append(row)
    known = connection.execute(select(inboxes).where(~inboxes.c.name.startswith("import:")).order_by(inboxes.c.name))
    return {row.name: _state(row.name, by_inbox[row.id], failed[row.id]) for row in known}


def _recent_failures() -> Select[Any]:
    """Those after the moment up to which all folders of their inbox are proven, in order of time; one query for all."""
    proven = (
        select(folders.c.inbox_id, func.min(folders.c.proven_at).label("at"))
        .where(folders.c.proven_at.is_not(None))
        .group_by(folders.c.inbox_id)
        .subquery()
    )
    return (
        select(failures)
        .select_from(inboxes)
        .outerjoin(proven, proven.c.inbox_id == inboxes.c.id)
        .join(failures, (failures.c.inbox_id == inboxes.c.id) & (failures.c.at > func.coalesce(proven.c.at, 0)))
        .order_by(failures.c.at, failures.c.id)
    )


def _state(inbox: str, rows: Sequence[Row[Any]], failed: Sequence[Row[Any]]) -> InboxState:
    proven = {row.name: row.proven_at for row in rows if row.proven_at is not None}
    newest = max(proven.values(), default=None)
    standing = [f for f in failed if _stands(f, newest if f.folder is None else proven.get(f.folder))]
    return InboxState(
        inbox=inbox,
        folders=tuple(FolderState(row.name, row.role, row.proven_at) for row in rows),
        last_failure=_as_failure(standing[-1], inbox) if standing else None,
        consecutive_failures=len(standing),
        failing_since=standing[0].at if standing else None,
    )


def _stands(failure: Row[Any], proven_at: datetime | None) -> bool:
    return proven_at is None or bool(failure.at > proven_at)


def _as_failure(row: Row[Any], inbox: str | None = None) -> PollFailure:
    return PollFailure(inbox or row.inbox, row.folder, row.at, FailureCause(row.cause), row.detail, row.retryable)
