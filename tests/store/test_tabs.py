"""Tabs: a copy that is moved to another of Gmail's tabs counts there, unless it counts somewhere else by now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.store.store import Store
from tests.store.build import HOUR, NOON, a_copy, a_visit


@pytest.mark.parametrize(
    ("folder", "uid", "role", "counts_as"),
    [
        ("INBOX", 1, "TAB:promotions", "TAB:updates"),
        ("INBOX", 2, "INBOX", "INBOX"),  # it lies there twice
        ("Junk", 1, "JUNK", "JUNK"),
        ("Promotions", 1, "TAB:promotions", "TAB:promotions"),  # a folder of that name
    ],
)
def test_a_copy_whose_tab_changes_counts_there_where_it_counted_in_that_tab(
    store: Store, folder: str, uid: int, role: str, counts_as: str
) -> None:
    in_tab = a_copy(1, role="TAB:promotions", text="same")
    newest = a_copy(uid, folder=folder, role=role, text="same")
    for copy in (in_tab, newest):
        store.save_visit(a_visit([copy], folder=copy.raw.folder, role=copy.raw.role), [copy])
    store.save_visit(replace(a_visit(at=NOON + HOUR), roles={1: "TAB:updates"}), [])
    assert [send.placements for send in store.sends()] == [{counts_as: 1}]
