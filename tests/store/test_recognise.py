"""Recognise: a message that is stored under other bytes is itself, and no other message is taken for it."""

from __future__ import annotations

from dataclasses import replace

from monitor.store.store import Store
from tests.store.build import HOUR, NOON, a_copy, a_visit

ONE = "one@example.org"


def store_one_that_left(store: Store) -> None:
    copy = a_copy(1, message_id=ONE, text="as it came")
    store.save_visit(a_visit([copy]), [copy])
    store.save_visit(replace(a_visit(at=NOON + HOUR), vanished=((1, 1),)), [])


def test_of_two_messages_that_come_one_at_most_is_the_stored_one(store: Store) -> None:
    store_one_that_left(store)
    copies = [a_copy(uid, message_id=ONE, uidvalidity=2, text=f"changed {uid}") for uid in (1, 2)]
    saved = store.save_visit(a_visit(copies, uidvalidity=2), copies)
    assert (saved.new_copies, saved.known) == (1, 1)
    assert [send.copies for send in store.sends()] == [2]


def test_what_comes_beside_the_stored_one_itself_is_another_message(store: Store) -> None:
    store_one_that_left(store)
    texts = ("changed", "as it came")
    copies = [a_copy(uid, message_id=ONE, folder="Junk", role="JUNK", text=text) for uid, text in enumerate(texts, start=1)]
    saved = store.save_visit(a_visit(copies, folder="Junk", role="JUNK"), copies)
    assert (saved.new_copies, saved.known) == (1, 1)
    assert [(send.copies, send.placements) for send in store.sends()] == [(2, {"JUNK": 2})]
    assert [place.sha256 for place in store.moves()] == [copies[1].raw.sha256] * 2
