"""Places: where each copy lies and lay."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from monitor.store.columns import Moment, RowNumber


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


placements = SQLModel.metadata.tables["placements"]
tab_stays = SQLModel.metadata.tables["tab_stays"]
