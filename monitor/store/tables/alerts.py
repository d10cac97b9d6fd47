"""Alerts: what was found, and each message about it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from monitor.store.columns import Moment, RowNumber


class AlertRow(SQLModel, table=True):
    """A finding's life; at most one that has not ended per key."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index(
            "uq_alerts_open_key",
            "key",
            unique=True,
            sqlite_where=text("state IN ('open', 'acknowledged')"),
            postgresql_where=text("state IN ('open', 'acknowledged')"),
        ),
    )
    id: int | None = Field(default=None, sa_type=RowNumber, primary_key=True)
    key: str = Field(index=True)
    kind: str
    subject: str
    level: int
    state: str = Field(index=True)
    since: datetime = Field(sa_type=Moment)
    found_at: datetime = Field(sa_type=Moment)
    opened_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)
    resolved_at: datetime | None = Field(default=None, sa_type=Moment)
    resumed_at: datetime | None = Field(default=None, sa_type=Moment)
    acknowledged_by: str | None = None
    muted_until: datetime | None = Field(default=None, sa_type=Moment)
    comment: str | None = Field(default=None, sa_type=Text)
    parent: str | None = None
    organisation: str | None = None
    finding: str | None = Field(default=None, sa_type=Text)
    """JSON of the newest finding."""
    told: str = Field(sa_type=Text)
    """JSON list of channels."""


class NoticeRow(SQLModel, table=True):
    """One message to one channel: pending until it is marked."""

    __tablename__ = "notices"
    id: int | None = Field(default=None, sa_type=RowNumber, primary_key=True)
    alert_id: int | None = Field(default=None, sa_type=RowNumber, foreign_key="alerts.id", index=True)
    event: str
    channel: str
    key: str = Field(unique=True)
    title: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    html: str | None = Field(default=None, sa_type=Text)
    payload: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    state: str = Field(index=True)
    tries: int = 0
    next_try_at: datetime | None = Field(default=None, sa_type=Moment)
    sent_at: datetime | None = Field(default=None, sa_type=Moment)
    error: str | None = Field(default=None, sa_type=Text)


alerts = SQLModel.metadata.tables["alerts"]
notices = SQLModel.metadata.tables["notices"]
