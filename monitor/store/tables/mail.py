"""Mail: inboxes and their folders, streams, sends and copies, and what each copy showed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, Text, UniqueConstraint, text
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


class ProblemRow(SQLModel, table=True):
    """An oddity of a message that was kept all the same."""

    __tablename__ = "problems"
    id: int | None = Field(default=None, sa_type=RowNumber, primary_key=True)
    copy_id: int = Field(sa_type=RowNumber, foreign_key="copies.id", index=True)
    field: str
    detail: str = Field(sa_type=Text)


class PackedRow(SQLModel, table=True):
    """Where an original lies that shares a file with others; the rest have files of their own."""

    __tablename__ = "packed"
    __table_args__ = ({"sqlite_with_rowid": False},)
    digest: bytes = Field(primary_key=True)
    """SHA-256."""
    pack: int = Field(sa_type=RowNumber)
    start: int = Field(sa_type=RowNumber)
    length: int


inboxes = SQLModel.metadata.tables["inboxes"]
folders = SQLModel.metadata.tables["folders"]
streams = SQLModel.metadata.tables["streams"]
sends = SQLModel.metadata.tables["sends"]
copies = SQLModel.metadata.tables["copies"]
evidence = SQLModel.metadata.tables["evidence"]
problems = SQLModel.metadata.tables["problems"]
packed = SQLModel.metadata.tables["packed"]
