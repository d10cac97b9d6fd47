"""Batches: what comes at once is stored by as many statements, however much it is."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from monitor.store.store import Store
from tests.store.build import HOUR, NOON, a_copy, a_visit


def statements(store: Store, inbox: str, number: int) -> int:
    """How many it takes to store so many messages of known streams, each a send of its own."""
    copies = [
        a_copy(n, NOON + n * HOUR, inbox=inbox, stream=f"list{n % 7}.example", subject=f"{inbox} {n}") for n in range(number)
    ]
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(store._database.engine, "before_cursor_execute", note)
    try:
        store.save_visit(a_visit(copies, inbox=inbox), copies)
    finally:
        event.remove(store._database.engine, "before_cursor_execute", note)
    return len(said)


@pytest.mark.parametrize("few", [40, 60])
def test_twice_the_messages_take_hardly_more_statements(store: Store, few: int) -> None:
    first = [a_copy(n, NOON, inbox="seed-0", stream=f"list{n}.example", subject=f"first {n}") for n in range(7)]
    store.save_visit(a_visit(first, inbox="seed-0"), first)
    assert statements(store, "seed-2", 4 * few) <= statements(store, "seed-1", few) + 5
