"""Bodies: messages of which the headers came first are put in place by what comes after, each counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from monitor.model import Bodies, NewCopy
from monitor.store.store import Store
from tests.store.build import DAY, MINUTE, NOON, a_copy, a_visit

LONG = "z" * 3000


def begun(whole: NewCopy, octets: int) -> NewCopy:
    """A message of which so many octets were read."""
    return replace(whole, raw=replace(whole.raw, raw=whole.raw.raw[:octets], truncated=True, awaits_body=True))


def without_message_id(whole: NewCopy) -> NewCopy:
    return replace(whole, message=replace(whole.message, message_id=None))


def visit(store: Store, *copies: NewCopy) -> None:
    """One look at the folder where these lie."""
    raw = copies[0].raw
    store.save_visit(a_visit(copies, folder=raw.folder, role=raw.role, uidvalidity=raw.uidvalidity), copies)


def read_on(store: Store, *whole: NewCopy) -> None:
    """What was begun of these is read to its end."""
    raw = whole[0].raw
    store.save_bodies(Bodies(raw.inbox, raw.folder, raw.uidvalidity, tuple(copy.raw for copy in whole)), whole)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_messages_that_turn_out_to_be_the_same_are_the_first_of_them(store: Store, order: Sequence[int]) -> None:
    whole = [without_message_id(a_copy(uid, NOON + uid * DAY, text=LONG)) for uid in (1, 2, 3)]
    visit(store, *(begun(copy, 100 * copy.raw.uid) for copy in whole))
    read_on(store, *(whole[uid - 1] for uid in order))
    assert [(send.at, send.copies) for send in store.sends()] == [(NOON + DAY, 1)]
    assert store.awaited("seed-1", 9) == {}
    assert store.original(whole[0].raw.sha256) == whole[0].raw.raw
    assert store.known_uids("seed-1", "INBOX", 1) == {1, 2, 3}


def test_a_message_that_came_again_days_later_takes_its_send_with_it(store: Store) -> None:
    known = without_message_id(a_copy(1, text=LONG))
    again = without_message_id(a_copy(7, NOON + 3 * DAY, text=LONG, uidvalidity=2))
    visit(store, known)
    visit(store, begun(again, 100))
    [first, second] = store.sends()
    _, number = store.changed_sends(0)
    read_on(store, again)
    assert [(send.id, send.copies) for send in store.sends()] == [(first.id, 1)]
    assert {send.id: send.copies for send in store.changed_sends(number)[0]} == {second.id: 0}


@pytest.mark.parametrize(
    ("roles", "counts_as"),
    [
        (("INBOX", "JUNK"), "JUNK"),
        (("JUNK", "INBOX"), "INBOX"),
        (("JUNK", "ARCHIVE"), "JUNK"),
        (("INBOX", "JUNK", "ARCHIVE"), "JUNK"),
    ],
)
def test_a_message_that_came_again_elsewhere_counts_there(store: Store, roles: Sequence[str], counts_as: str) -> None:
    came = [without_message_id(a_copy(1, text=LONG, folder=role, role=role)) for role in roles]
    visit(store, came[0])
    for number, again in enumerate(came[1:], start=1):
        visit(store, begun(again, 100 * number))
    for again in came[1:]:
        read_on(store, again)
    assert [send.placements for send in store.sends()] == [{counts_as: 1}]


def test_a_message_that_came_again_keeps_the_tabs_that_it_lay_in(store: Store) -> None:
    known = without_message_id(a_copy(1, text=LONG))
    again = without_message_id(a_copy(7, text=LONG, uidvalidity=2, role="TAB:promotions"))
    visit(store, known)
    visit(store, begun(again, 100))
    store.save_visit(replace(a_visit(uidvalidity=2, at=NOON + 2 * MINUTE), vanished=(), roles={7: "TAB:updates"}), [])
    read_on(store, again)
    assert [(place.uid, place.role, place.gone_at is None) for place in store.moves()] == [
        (1, "INBOX", False),
        (7, "TAB:promotions", False),
        (7, "TAB:updates", True),
    ]
    assert [send.placements for send in store.sends()] == [{"TAB:updates": 1}]
