"""Any history: after each visit the sends are what grouping all stored copies from the beginning says."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from monitor.detect.sends import GroupedCopy, group
from monitor.model import NewCopy
from monitor.store.documents import names_from_json
from monitor.store.store import Store
from monitor.store.tables import copies, inboxes
from tests.store.build import DAY, HOUR, MINUTE, NOON, a_copy, a_visit

FOLDERS = {"INBOX": "INBOX", "Junk": "JUNK", "All": "ARCHIVE"}
LATER = (0, 3, 13, 20, 40)
"""Hours after the first mail, within a send's window and beyond it."""

Letter = tuple[int, int]
"""(hours, number): letters of one number are one message with other bytes; of number 0 the Message-ID is left out."""
Look = tuple[str, str, Sequence[Letter], int]
"""(inbox, folder, what is new in it, how many of its first UIDs are gone)."""

LETTERS = st.tuples(st.sampled_from(LATER), st.integers(0, 2))
LOOKS = st.tuples(
    st.sampled_from(["seed-1", "seed-2"]),
    st.sampled_from(sorted(FOLDERS)),
    st.lists(LETTERS, min_size=1, max_size=4),
    st.integers(0, 4),
)


def a_letter(inbox: str, folder: str, uid: int, letter: Letter) -> NewCopy:
    hours, number = letter
    at = NOON + hours * HOUR
    name = f"{number}@example.org"
    copy = a_copy(
        uid, at, inbox=inbox, folder=folder, role=FOLDERS[folder], subject=f"s{number}", message_id=name, text=f"{letter}"
    )
    return replace(copy, message=replace(copy.message, sent_at=NOON - DAY, message_id=name if number else None))


def stored_sends(store: Store) -> list[tuple[object, ...]]:
    return sorted((s.at, s.copies, s.inboxes, sorted(s.placements.items()), s.subject) for s in store.sends())


def grouped_anew(store: Store) -> list[tuple[object, ...]]:
    with store._database.read() as connection:
        query = select(copies, inboxes.c.name).join(inboxes, inboxes.c.id == copies.c.inbox_id)
        rows = {row.id: row for row in connection.execute(query)}
    found = group(GroupedCopy(n, r.name, r.at, r.digest, r.message_id, names_from_json(r.fingerprints)) for n, r in rows.items())
    return sorted(
        (
            send.at,
            len(send.copies),
            tuple(sorted(send.inboxes)),
            sorted(Counter(rows[copy.id].role for copy in send.copies).items()),
            rows[send.copies[0].id].subject,
        )
        for send in found
    )


@settings(
    max_examples=1000 if os.environ.get("GONEQUIET_LONG") else 25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)  # shrinking takes minutes
@example([("seed-1", "INBOX", [(13, 1)], 0), ("seed-1", "Junk", [(13, 1), (0, 1)], 0)])
@given(st.lists(LOOKS, min_size=1, max_size=5))
def test_the_sends_are_always_those_of_all_copies(tmp_path_factory: pytest.TempPathFactory, looks: Sequence[Look]) -> None:
    folder = tmp_path_factory.mktemp("history")
    lying: dict[tuple[str, str], int] = defaultdict(int)
    with Store.open(f"sqlite:///{folder}/x.sqlite3", Path(folder)) as store:
        for number, (inbox, name, letters, gone) in enumerate(looks):
            first = lying[inbox, name] + 1
            lying[inbox, name] += len(letters)
            new = [a_letter(inbox, name, uid, letter) for uid, letter in enumerate(letters, start=first)]
            visit = a_visit(new, inbox=inbox, folder=name, role=FOLDERS[name], at=NOON + 3 * DAY + number * MINUTE)
            store.save_visit(replace(visit, vanished=((1, min(gone, first - 1)),) if gone and first > 1 else ()), new)
            assert stored_sends(store) == grouped_anew(store)
