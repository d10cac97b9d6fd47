"""Batches: what comes at once is stored by as many statements, however much it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event

from monitor.model import NewCopy
from monitor.store.statements import AT_ONCE
from monitor.store.store import Store
from tests.store.build import HOUR, NOON, a_copy, a_visit


@contextmanager
def noted(store: Store) -> Iterator[list[int]]:
    """How many parameters each statement takes."""
    said: list[int] = []

    def note(_connection: object, _cursor: object, _statement: str, given: Sequence[object], _: object, is_many: bool) -> None:
        said.append(max((len(row) for row in given if isinstance(row, tuple)), default=0) if is_many else len(given))

    event.listen(store._database.engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(store._database.engine, "before_cursor_execute", note)


def statements(store: Store, inbox: str, number: int) -> int:
    """How many it takes to store so many messages of known streams, each a send of its own."""
    copies = [
        a_copy(n, NOON + n * HOUR, inbox=inbox, stream=f"list{n % 7}.example", subject=f"{inbox} {n}") for n in range(number)
    ]
    with noted(store) as said:
        store.save_visit(a_visit(copies, inbox=inbox), copies)
    return len(said)


@pytest.mark.parametrize("few", [40, 60])
def test_twice_the_messages_take_hardly_more_statements(store: Store, few: int) -> None:
    first = [a_copy(n, NOON, inbox="seed-0", stream=f"list{n}.example", subject=f"first {n}") for n in range(7)]
    store.save_visit(a_visit(first, inbox="seed-0"), first)
    assert statements(store, "seed-2", 4 * few) <= statements(store, "seed-1", few) + 5


def test_one_message_in_however_many_copies_takes_no_longer_statements(store: Store) -> None:
    """Either database takes some tens of thousands of parameters in one."""

    def a_version(number: int, later: int) -> NewCopy:
        copy = a_copy(number, NOON + later * HOUR, inbox="import:attic", message_id="one@example.org")
        return replace(copy, message=replace(copy.message, sent_at=NOON))

    store.save_imported(a_version(number, 2) for number in range(AT_ONCE + 100))
    with noted(store) as said:
        store.save_imported([a_version(AT_ONCE + 100, 1)])
    assert [(send.at, send.copies) for send in store.sends()] == [(NOON + HOUR, AT_ONCE + 101)]
    assert max(said) <= AT_ONCE
