"""States: what the detector had concluded up to an hour, and the sends with which it goes on from there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from monitor.model import Send
from monitor.store.sends import sends_of
from monitor.store.statements import insert_into
from monitor.store.tables import sends, states


@dataclass(frozen=True, slots=True)
class KeptState:
    """A stored state without its document."""

    hour: int
    """Since 1970, UTC: all time before it is over."""
    changed: int
    basis: str
    coverage: str


def read_states(connection: Connection) -> list[KeptState]:
    """The newest first."""
    query = select(states.c.hour, states.c.changed, states.c.basis, states.c.coverage).order_by(states.c.hour.desc())
    return [KeptState(*row) for row in connection.execute(query)]


def document_of(connection: Connection, hour: int) -> bytes:
    """Empty where it has been replaced meanwhile."""
    return connection.execute(select(states.c.document).where(states.c.hour == hour)).scalar() or b""


def keep_states(connection: Connection, made: Sequence[tuple[KeptState, bytes]], hours: Collection[int]) -> None:
    """Store them in place of what was known of the same hours, and drop those of other hours than `hours`."""
    for state, document in made:
        values = {"changed": state.changed, "basis": state.basis, "coverage": state.coverage, "document": document}
        statement = insert_into(connection, states).values(hour=state.hour, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["hour"], set_=values))
    connection.execute(delete(states).where(states.c.hour.not_in(list(hours))))


def forget_states(connection: Connection) -> None:
    connection.execute(delete(states))


def sends_to_go_on_with(
    connection: Connection, changed: int, start: datetime, newest: int
) -> tuple[tuple[Send, ...], int] | None:
    """The sends from `start` on and the `newest` of each stream, and the number to ask `changed_sends` with next time.

    None where a send from before `start` has changed since the number `changed`: then the state holds no more.
    """
    earliest = connection.execute(select(func.min(sends.c.at)).where(sends.c.changed > changed)).scalar()
    if earliest is not None and earliest < start:
        return None
    # Numbered over the index of streams and times alone; the few rows that are wanted are read after that.
    place = func.row_number().over(partition_by=sends.c.stream_id, order_by=(sends.c.at.desc(), sends.c.id.desc()))
    placed = select(sends.c.id, place.label("place")).subquery()
    wanted = select(placed.c.id).where(placed.c.place <= newest)
    found = sends_of(connection, sends.c.id.in_(wanted) | (sends.c.at >= start))
    last = connection.execute(select(func.max(sends.c.changed))).scalar() or 0
    return found, last
