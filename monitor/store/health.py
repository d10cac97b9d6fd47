"""Health: which polls failed, and since when each folder has been readable or not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

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


@dataclass(frozen=True, slots=True)
class FailureRun:
    """Polls in a row that failed for one cause, the first and the last of them, UTC."""

    inbox: str
    folder: str | None
    """None: the whole inbox."""
    first_at: datetime
    last_at: datetime
    times: int
    cause: FailureCause
    detail: str
    """Of the last one."""


def record_failure(connection: Connection, failure: PollFailure) -> None:
    """Keep it, as one more of a run where the last one had the same cause and nothing was read since."""
    inbox = inbox_number(connection, failure.inbox)
    newest = _newest(connection, inbox, failure.folder)
    if newest is not None and _goes_on(connection, newest, failure):
        more = {"until": failure.at, "times": newest.times + 1, "detail": storable(failure.detail)}
        connection.execute(update(failures).where(failures.c.id == newest.id).values(more))
        return
    values = {
        "inbox_id": inbox,
        "folder": failure.folder,
        "at": failure.at,
        "until": failure.at,
        "times": 1,
        "cause": failure.cause.value,
        "detail": storable(failure.detail),
        "retryable": failure.retryable,
        "server": failure.server,
    }
    connection.execute(insert(failures).values(values))


def _newest(connection: Connection, inbox: int, folder: str | None) -> Row[Any] | None:
    query = select(failures).where(failures.c.inbox_id == inbox, failures.c.folder.is_not_distinct_from(folder))
    return connection.execute(query.order_by(failures.c.at.desc(), failures.c.id.desc()).limit(1)).first()


def _goes_on(connection: Connection, run: Row[Any], failure: PollFailure) -> bool:
    if (run.cause, run.retryable, run.server) != (failure.cause.value, failure.retryable, failure.server):
        return False
    if failure.at < run.until:
        return False
    if failure.cause is FailureCause.FOLDER and run.detail != storable(failure.detail):
        return False
    proven = select(func.max(folders.c.proven_at)).where(folders.c.inbox_id == run.inbox_id)
    if failure.folder is not None:
        proven = proven.where(folders.c.name == failure.folder)
    at: datetime | None = connection.execute(proven).scalar()
    return at is None or at <= run.until


def read_failures(connection: Connection, since: datetime | None) -> list[PollFailure]:
    """The last one of each run, in order of time."""
    query = select(failures, inboxes.c.name.label("inbox")).join(inboxes, inboxes.c.id == failures.c.inbox_id)
    if since is not None:
        query = query.where(failures.c.until >= since)
    return [_as_failure(row) for row in connection.execute(query.order_by(failures.c.until, failures.c.id))]


def failure_runs(
    connection: Connection, start: datetime | None, end: datetime | None, inboxes_named: Sequence[str] | None
) -> list[FailureRun]:
    """Those that reach into [start, end), in order of time; of these inboxes (None: of all)."""
    query = select(failures, inboxes.c.name.label("inbox")).join(inboxes, inboxes.c.id == failures.c.inbox_id)
    if inboxes_named is not None:
        query = query.where(inboxes.c.name.in_(inboxes_named))
    if start is not None:
        query = query.where(failures.c.until >= start)
    if end is not None:
        query = query.where(failures.c.at < end)
    return [
        FailureRun(row.inbox, row.folder, row.at, row.until, row.times, FailureCause(row.cause), row.detail)
        for row in connection.execute(query.order_by(failures.c.at, failures.c.id))
    ]


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
        .join(failures, (failures.c.inbox_id == inboxes.c.id) & (failures.c.until > func.coalesce(proven.c.at, 0)))
        .order_by(failures.c.until, failures.c.id)
    )


def _state(inbox: str, rows: Sequence[Row[Any]], failed: Sequence[Row[Any]]) -> InboxState:
    proven = {row.name: row.proven_at for row in rows if row.proven_at is not None}
    newest = max(proven.values(), default=None)
    standing = [f for f in failed if _stands(f, newest if f.folder is None else proven.get(f.folder))]
    return InboxState(
        inbox=inbox,
        folders=tuple(FolderState(row.name, row.role, row.proven_at) for row in rows),
        last_failure=_as_failure(standing[-1], inbox) if standing else None,
        consecutive_failures=sum(f.times for f in standing),
        failing_since=min((f.at for f in standing), default=None),
    )


def _stands(failure: Row[Any], proven_at: datetime | None) -> bool:
    return proven_at is None or bool(failure.until > proven_at)


def _as_failure(row: Row[Any], inbox: str | None = None) -> PollFailure:
    cause = FailureCause(row.cause)
    return PollFailure(inbox or row.inbox, row.folder, row.until, cause, row.detail, row.retryable, row.server)
