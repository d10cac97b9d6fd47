"""Tables: what is kept of mail, coverage and alerts. Rows never leave the store; `documents` and readers make values of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from monitor.store.columns import Moment, RowNumber


class InboxRow(SQLModel, table=True):
    """A seed inbox, or where imported mail came from (`import:NAME`)."""

    __tablename__ = "inboxes"
    id: int | None = Field(default=None, sa_type=RowNumber, primary_key=True)
    name: str = Field(unique=True)


class FolderRow(SQLModel, table=True):
    """A folder with its checkpoint (null where it was never visited, as in an import)."""

    __tablename__ = "folders"
    __table_args__ = (UniqueConstraint("inbox_id", "name"),)
    id: int | None = Field(default=None, sa_type=RowNumber, primary_key=True)
    inbox_id: int = Field(sa_type=RowNumber, foreign_key="inboxes.id")
    name: str
    role: str
    uidvalidity: int | None = Field(default=None, sa_type=RowNumber)
    last_uid: int | None = Field(default=None, sa_type=RowNumber)
    uidnext: int | None = Field(default=None, sa_type=RowNumber)
    highestmodseq: int | None = Field(default=None, sa_type=RowNumber)
    messages: int | None = Field(default=None, sa_type=RowNumber)
    proven_at: datetime | None = Field(default=None, sa_type=Moment)
    state: str | None = Field(default=None, sa_type=Text)
    polls: int = Field(default=0, sa_type=RowNumber)
    """All polls that ever proved it readable."""


class StreamRow(SQLModel, table=True):
    __tablename__ = "streams"
    id: int | None = Field(default=None, sa_type=RowNumber, primary_key=True)
    name: str = Field(unique=True)
    organisation: str = Field(index=True)


class SendRow(SQLModel, table=True):
    """One mailing. `copies` 0 marks one that turned out to be part of another; its number is not used again."""

    __tablename__ = "sends"
    __table_args__ = (Index("ix_sends_stream_at", "stream_id", "at"),)
    id: int | None = Field(default=None, sa_type=RowNumber, primary_key=True)
    stream_id: int = Field(sa_type=RowNumber, foreign_key="streams.id")
    at: datetime = Field(sa_type=Moment, index=True)
    stored_at: datetime = Field(sa_type=Moment)
    copies: int
    inboxes: str = Field(sa_type=Text)
    """JSON list of names, sorted."""
    placements: str = Field(sa_type=Text)
    """JSON object: role → copies."""
    subject: str | None = Field(default=None, sa_type=Text)
    message_id: str | None = Field(default=None, sa_type=Text)
    platform: str | None = None
    delivery: str | None = None
    account: str | None = None
    platform_confidence: str | None = None
    delivery_confidence: str | None = None
    sdids: str | None = Field(default=None, sa_type=Text)
    """The signing domains with blanks between them."""
    authentication: str | None = Field(default=None, sa_type=Text)
    """`spf=pass dkim=fail`; null where no receiver of ours noted anything."""
    changed: int = Field(sa_type=RowNumber, index=True)
    """Which write changed it last; writes are numbered in the order of their commits."""


class CopyRow(SQLModel, table=True):
    """One message in one inbox, wherever it lies there now. What it says is here, its bytes are among the originals."""

    __tablename__ = "copies"
    __table_args__ = (
        UniqueConstraint("inbox_id", "digest"),
        Index("ix_copies_stream_at", "stream_id", "at"),
        Index("ix_copies_stream_message", "stream_id", "message_id"),
        Index(
            "ix_copies_awaiting",
            "inbox_id",
            sqlite_where=text("awaits_body"),
            postgresql_where=text("awaits_body"),
        ),
    )
    id: int | None = Field(default=None, sa_type=RowNumber, primary_key=True)
    inbox_id: int = Field(sa_type=RowNumber, foreign_key="inboxes.id")
    folder_id: int = Field(sa_type=RowNumber, foreign_key="folders.id")
    role: str
    """Where it was placed, and where a filter moved it since; a person's tidying does not count."""
    digest: str
    """SHA-256 of the bytes, lower-case hex; its original is kept under this name."""
    size: int = Field(sa_type=RowNumber)
    truncated: bool
    awaits_body: bool = False
    """True while its headers alone are kept and the rest is to be read."""
    message_id: str | None = Field(default=None, sa_type=Text)
    from_address: str | None = Field(default=None, sa_type=Text)
    subject: str | None = Field(default=None, sa_type=Text)
    sent_at: datetime | None = Field(default=None, sa_type=Moment)
    delivered_at: datetime = Field(sa_type=Moment)
    seen_at: datetime = Field(sa_type=Moment)
    at: datetime = Field(sa_type=Moment)
    link_hosts: str = Field(sa_type=Text)
    fingerprints: str = Field(sa_type=Text)
    stream_id: int | None = Field(default=None, sa_type=RowNumber, foreign_key="streams.id")
    send_id: int | None = Field(default=None, sa_type=RowNumber, foreign_key="sends.id", index=True)
    platform: str | None = None
    delivery: str | None = None
    account: str | None = None
    platform_confidence: str | None = None
    delivery_confidence: str | None = None
    sdids: str | None = Field(default=None, sa_type=Text)
    authentication: str | None = Field(default=None, sa_type=Text)
    """Both as in `sends`."""
    address: str | None = Field(default=None, sa_type=Text)
    """To which of our addresses it came; for the operator only."""
    polls_before: int = Field(default=0, sa_type=RowNumber)
    """The folder's `polls` when the copy was first seen."""


class EvidenceRow(SQLModel, table=True):
    """A copy's whole identification as JSON, apart from `copies` so that walking those stays cheap."""

    __tablename__ = "evidence"
    copy_id: int = Field(sa_column=Column(RowNumber, primary_key=True, autoincrement=False))
    document: str = Field(sa_type=Text)


class PackedRow(SQLModel, table=True):
    """Where an original lies that shares a file with others; the rest have files of their own."""

    __tablename__ = "packed"
    __table_args__ = ({"sqlite_with_rowid": False},)
    digest: bytes = Field(primary_key=True)
    """SHA-256."""
    pack: int = Field(sa_type=RowNumber)
    start: int = Field(sa_type=RowNumber)
    length: int


class PlacementRow(SQLModel, table=True):
    """Where a copy was seen: its history of folders, and the UIDs that are known already (RFC 9051 §2.3.1.1)."""

    __tablename__ = "placements"
    __table_args__ = (UniqueConstraint("folder_id", "uidvalidity", "uid"),)
    id: int | None = Field(default=None, sa_type=RowNumber, primary_key=True)
    copy_id: int = Field(sa_type=RowNumber, foreign_key="copies.id", index=True)
    folder_id: int = Field(sa_type=RowNumber, foreign_key="folders.id")
    uidvalidity: int = Field(sa_type=RowNumber)
    uid: int = Field(sa_type=RowNumber)
    role: str
    seen_at: datetime = Field(sa_type=Moment)
    gone_at: datetime | None = Field(default=None, sa_type=Moment)
    """When it was first noticed that it lies there no more; null while it does."""


class TabStayRow(SQLModel, table=True):
    """An earlier stay of a copy in another tab of the same folder: its UID there stands in `placements` with the newest one."""

    __tablename__ = "tab_stays"
    id: int | None = Field(default=None, sa_type=RowNumber, primary_key=True)
    copy_id: int = Field(sa_type=RowNumber, foreign_key="copies.id", index=True)
    folder_id: int = Field(sa_type=RowNumber, foreign_key="folders.id")
    uidvalidity: int = Field(sa_type=RowNumber)
    uid: int = Field(sa_type=RowNumber)
    role: str
    seen_at: datetime = Field(sa_type=Moment)
    gone_at: datetime = Field(sa_type=Moment)


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


class ProblemRow(SQLModel, table=True):
    """An oddity of a message that was kept all the same."""

    __tablename__ = "problems"
    id: int | None = Field(default=None, sa_type=RowNumber, primary_key=True)
    copy_id: int = Field(sa_type=RowNumber, foreign_key="copies.id", index=True)
    field: str
    detail: str = Field(sa_type=Text)


class CounterRow(SQLModel, table=True):
    """A total for the metrics, kept up to date in the transaction that it counts."""

    __tablename__ = "counters"
    name: str = Field(primary_key=True)
    first: str = Field(primary_key=True)
    second: str = Field(primary_key=True)
    third: str = Field(primary_key=True)
    value: int = Field(sa_type=RowNumber)


class MarkRow(SQLModel, table=True):
    """How far a long piece of work has come, so that it goes on there after an interruption."""

    __tablename__ = "marks"
    name: str = Field(primary_key=True)
    value: int = Field(sa_type=RowNumber)


class StateRow(SQLModel, table=True):
    """What the detector had concluded of all time before `hour`: a start takes it up there. Safe to delete at any time."""

    __tablename__ = "states"
    hour: int = Field(sa_column=Column(RowNumber, primary_key=True, autoincrement=False))
    """Since 1970, UTC."""
    changed: int = Field(sa_type=RowNumber)
    """The newest `sends.changed` that was known."""
    basis: str
    """Stands for the settings and the version that it was concluded with."""
    coverage: str
    """Stands for what was proven of the time before."""
    document: bytes


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


inboxes = SQLModel.metadata.tables["inboxes"]
folders = SQLModel.metadata.tables["folders"]
streams = SQLModel.metadata.tables["streams"]
sends = SQLModel.metadata.tables["sends"]
copies = SQLModel.metadata.tables["copies"]
evidence = SQLModel.metadata.tables["evidence"]
packed = SQLModel.metadata.tables["packed"]
placements = SQLModel.metadata.tables["placements"]
tab_stays = SQLModel.metadata.tables["tab_stays"]
coverage = SQLModel.metadata.tables["coverage"]
failures = SQLModel.metadata.tables["failures"]
inbox_notes = SQLModel.metadata.tables["inbox_notes"]
canaries = SQLModel.metadata.tables["canaries"]
problems = SQLModel.metadata.tables["problems"]
counters = SQLModel.metadata.tables["counters"]
marks = SQLModel.metadata.tables["marks"]
states = SQLModel.metadata.tables["states"]
alerts = SQLModel.metadata.tables["alerts"]
notices = SQLModel.metadata.tables["notices"]
