"""Watching: what was proven readable, what failed, and what canaries and servers told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, Text, text
from sqlmodel import Field, SQLModel

from monitor.store.columns import Moment, RowNumber


class CoverageRow(SQLModel, table=True):
    """A proven interval. The folder's newest one grows in place, so a year without a fault is one row."""

    __tablename__ = "coverage"
    __table_args__ = (Index("ix_coverage_folder_until", "folder_id", "until"),)
    id: int | None = Field(default=None, sa_type=RowNumber, primary_key=True)
    folder_id: int = Field(sa_type=RowNumber, foreign_key="folders.id")
    since: datetime = Field(sa_type=Moment)
    until: datetime = Field(sa_type=Moment)
    kind: str
    polls: int = Field(sa_type=RowNumber)


class FailureRow(SQLModel, table=True):
    """Polls in a row that saw nothing for one cause. `folder` is null where the whole inbox failed."""

    __tablename__ = "failures"
    __table_args__ = (Index("ix_failures_inbox_at", "inbox_id", "at"),)
    id: int | None = Field(default=None, sa_type=RowNumber, primary_key=True)
    inbox_id: int = Field(sa_type=RowNumber, foreign_key="inboxes.id")
    folder: str | None = None
    at: datetime = Field(sa_type=Moment, index=True)
    """The first of them."""
    until: datetime = Field(sa_type=Moment)
    """The last of them."""
    times: int = Field(sa_type=RowNumber)
    cause: str
    detail: str = Field(sa_type=Text)
    retryable: bool
    server: str | None = None
    """The host that failed where it is not the mail server."""


class CanaryRow(SQLModel, table=True):
    """A canary mail of ours to one seed inbox: kept before it is sent, marked after, and again when it arrives."""

    __tablename__ = "canaries"
    __table_args__ = (
        Index("ix_canaries_inbox_sent", "inbox_id", "sent_at"),
        Index(
            "ix_canaries_missing",
            "sent_at",
            sqlite_where=text("arrived_at IS NULL AND sent_at IS NOT NULL"),
            postgresql_where=text("arrived_at IS NULL AND sent_at IS NOT NULL"),
        ),
        Index("ix_canaries_arrived", "arrived_at"),
    )
    id: int | None = Field(default=None, sa_type=RowNumber, primary_key=True)
    inbox_id: int = Field(sa_type=RowNumber, foreign_key="inboxes.id")
    token: str = Field(unique=True)
    made_at: datetime = Field(sa_type=Moment)
    sent_at: datetime | None = Field(default=None, sa_type=Moment)
    tries: int = Field(default=0, sa_type=RowNumber)
    error: str | None = Field(default=None, sa_type=Text)
    given_up: bool = False
    arrived_at: datetime | None = Field(default=None, sa_type=Moment)
    role: str | None = None


class InboxNoteRow(SQLModel, table=True):
    """What a server said last of a seed inbox itself."""

    __tablename__ = "inbox_notes"
    inbox_id: int = Field(sa_column=Column(RowNumber, ForeignKey("inboxes.id"), primary_key=True, autoincrement=False))
    at: datetime = Field(sa_type=Moment)
    resource: str | None = None
    used: int | None = Field(default=None, sa_type=RowNumber)
    most: int | None = Field(default=None, sa_type=RowNumber)
    full_since: datetime | None = Field(default=None, sa_type=Moment)
    alert: str | None = Field(default=None, sa_type=Text)
    alert_since: datetime | None = Field(default=None, sa_type=Moment)


coverage = SQLModel.metadata.tables["coverage"]
failures = SQLModel.metadata.tables["failures"]
canaries = SQLModel.metadata.tables["canaries"]
inbox_notes = SQLModel.metadata.tables["inbox_notes"]
