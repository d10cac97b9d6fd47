"""Alerts and notices: stored in one transaction before anything is sent, marked after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, or_, select, update

from monitor.model import Alert, AlertChange, AlertEventKind, AlertState, FindingKind, Level, NewNotice, Notice, NoticeState
from monitor.store import counters
from monitor.store.documents import finding_from_json, finding_to_json, names_from_json, payload_from_json, to_json
from monitor.store.statements import insert_into
from monitor.store.tables import alerts, notices

_LIVING = (AlertState.OPEN.value, AlertState.ACKNOWLEDGED.value)
_BY_HAND = ("acknowledged_by", "muted_until", "comment")


def apply_changes(connection: Connection, changes: Iterable[AlertChange]) -> tuple[Alert, ...]:
    """Write alerts and their notices; the alerts as stored, with their numbers.

    A new alert whose key is open already goes on as that one, and a notice whose key is known is not stored again, so the
    same changes twice are the same as once.
    """
    stored = []
    totals = counters.tally()
    for change in changes:
        number, is_news = _keep_alert(connection, change)
        stored.append(read_alert(connection, number))
        added = sum(_keep_notice(connection, number, notice) for notice in change.notices)
        if change.event is not None and (is_news or added or not change.notices):
            totals[counters.ALERTS, (change.alert.kind.value, change.event.value)] += 1
    counters.add(connection, totals)
    return tuple(alert for alert in stored if alert is not None)


def read_alert(connection: Connection, number: int) -> Alert | None:
    row = connection.execute(select(alerts).where(alerts.c.id == number)).first()
    return _as_alert(row) if row is not None else None


def read_alerts(
    connection: Connection, states: Sequence[AlertState] | None, since: datetime | None, subject: str | None
) -> tuple[Alert, ...]:
    """Newest first. `since`: those that are open or ended at or after it."""
    query = select(alerts)
    if states is not None:
        query = query.where(alerts.c.state.in_([state.value for state in states]))
    if since is not None:
        query = query.where(or_(alerts.c.state.in_(_LIVING), alerts.c.resolved_at >= since))
    if subject is not None:
        query = query.where(alerts.c.subject == subject)
    return tuple(_as_alert(row) for row in connection.execute(query.order_by(alerts.c.opened_at.desc(), alerts.c.id.desc())))


def due_notices(connection: Connection, now: datetime) -> tuple[Notice, ...]:
    waiting = notices.c.state == NoticeState.PENDING.value
    is_due = or_(notices.c.next_try_at.is_(None), notices.c.next_try_at <= now)
    return _notices(connection, select(notices).where(waiting, is_due))


def notices_of(connection: Connection, alert: int) -> tuple[Notice, ...]:
    return _notices(connection, select(notices).where(notices.c.alert_id == alert))


def mark_notice(connection: Connection, notice: Notice) -> None:
    """Keep what a try brought, and count it."""
    values = {
        "state": notice.state.value,
        "tries": notice.tries,
        "next_try_at": notice.next_try_at,
        "sent_at": notice.sent_at,
        "error": notice.error,
    }
    connection.execute(update(notices).where(notices.c.id == notice.id).values(values))
    result = "retried" if notice.state is NoticeState.PENDING else notice.state.value
    counters.add(connection, {(counters.NOTICES, (notice.channel, result)): 1})


def _keep_alert(connection: Connection, change: AlertChange) -> tuple[int, bool]:
    """The alert's row, and whether it was made just now."""
    number = change.alert.id or _living_number(connection, change.alert.key)
    if number is None:
        return connection.execute(insert(alerts).values(_columns(change.alert)).returning(alerts.c.id)).scalar_one(), True
    kept = connection.execute(select(alerts.c.state).where(alerts.c.id == number).with_for_update()).scalar_one()
    values = _merged(change, AlertState(kept))
    connection.execute(update(alerts).where(alerts.c.id == number).values(values))
    return number, False


def _merged(change: AlertChange, kept: AlertState) -> dict[str, Any]:
    """What a change writes: an operator's part, or the detector's; neither takes back what the other has just said."""
    columns = _columns(change.alert)
    said = {name: columns.pop(name) for name in _BY_HAND}
    acknowledged = change.alert.state is AlertState.ACKNOWLEDGED
    if change.by_hand:
        state = AlertState.ACKNOWLEDGED if acknowledged and kept is AlertState.OPEN else kept
        return {k: v for k, v in said.items() if v is not None} | {"state": state.value, "updated_at": change.alert.updated_at}
    if change.alert.state is AlertState.OPEN and kept is AlertState.ACKNOWLEDGED:
        columns["state"] = kept.value
    return columns


def _living_number(connection: Connection, key: str) -> int | None:
    number: int | None = connection.execute(select(alerts.c.id).where(alerts.c.key == key, alerts.c.state.in_(_LIVING))).scalar()
    return number


def _keep_notice(connection: Connection, alert: int, notice: NewNotice) -> bool:
    """True where it was not there yet."""
    row = {
        "alert_id": alert,
        "event": notice.event.value,
        "channel": notice.channel,
        "key": notice.key,
        "title": notice.title,
        "text": notice.text,
        "html": notice.html,
        "payload": to_json(notice.payload),
        "created_at": notice.created_at,
        "state": NoticeState.PENDING.value,
        "tries": 0,
    }
    statement = insert_into(connection, notices).values(row).on_conflict_do_nothing().returning(notices.c.id)
    return connection.execute(statement).first() is not None


def _columns(alert: Alert) -> dict[str, Any]:
    return {
        "key": alert.key,
        "kind": alert.kind.value,
        "subject": alert.subject,
        "level": int(alert.level),
        "state": alert.state.value,
        "since": alert.since,
        "found_at": alert.found_at,
        "opened_at": alert.opened_at,
        "updated_at": alert.updated_at,
        "resolved_at": alert.resolved_at,
        "resumed_at": alert.resumed_at,
        "acknowledged_by": alert.acknowledged_by,
        "muted_until": alert.muted_until,
        "comment": alert.comment,
        "parent": alert.parent,
        "organisation": alert.organisation,
        "finding": finding_to_json(alert.finding),
        "told": to_json(alert.told),
    }


def _as_alert(row: Row[Any]) -> Alert:
    return Alert(
        id=row.id,
        key=row.key,
        kind=FindingKind(row.kind),
        subject=row.subject,
        level=Level(row.level),
        state=AlertState(row.state),
        since=row.since,
        found_at=row.found_at,
        opened_at=row.opened_at,
        updated_at=row.updated_at,
        resolved_at=row.resolved_at,
        resumed_at=row.resumed_at,
        acknowledged_by=row.acknowledged_by,
        muted_until=row.muted_until,
        comment=row.comment,
        parent=row.parent,
        organisation=row.organisation,
        finding=finding_from_json(row.finding),
        told=names_from_json(row.told),
    )


def _notices(connection: Connection, query: Select[Any]) -> tuple[Notice, ...]:
    """Oldest first."""
    return tuple(_as_notice(row) for row in connection.execute(query.order_by(notices.c.created_at, notices.c.id)))


def _as_notice(row: Row[Any]) -> Notice:
    return Notice(
        id=row.id,
        alert_id=row.alert_id,
        event=AlertEventKind(row.event),
        channel=row.channel,
        key=row.key,
        title=row.title,
        text=row.text,
        html=row.html,
        payload=payload_from_json(row.payload),
        created_at=row.created_at,
        state=NoticeState(row.state),
        tries=row.tries,
        next_try_at=row.next_try_at,
        sent_at=row.sent_at,
        error=row.error,
    )
