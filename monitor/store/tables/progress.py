"""Progress: totals, how far long pieces of work have come, and what the detector had concluded."""

from __future__ import annotations

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from monitor.store.columns import RowNumber


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


counters = SQLModel.metadata.tables["counters"]
marks = SQLModel.metadata.tables["marks"]
states = SQLModel.metadata.tables["states"]
