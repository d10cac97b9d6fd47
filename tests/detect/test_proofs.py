"""Proofs: what counts for a stream of recorded events, and since when it was known."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detect.proofs import Proofs

BOTH = frozenset({"one", "two"})


@pytest.mark.parametrize(
    ("due", "known_at"),
    [
        (9.9, 9.9),
        (10.0, 20.0),  # the first moment of the hole
        (19.9, 20.0),
        (20.0, 20.0),
        (31.0, 40.0),  # the second one
    ],
)
def test_what_is_due_in_a_hole_is_known_at_the_proof_that_ends_it(due: float, known_at: float) -> None:
    proofs = Proofs.of({"one": [(40, 50), (20, 30), (0, 10)]}, {"one": [(30, 40), (10, 20)]})
    assert proofs.hindsight(frozenset({"one"})).known_at([due]).tolist() == [known_at]


def test_a_hole_of_one_inbox_hides_nothing_that_another_watched_live() -> None:
    proofs = Proofs.of({"one": [(0, 10), (20, 30)], "two": [(0, 12), (16, 30)]}, {"one": [(10, 20)], "two": [(12, 16)]})
    assert proofs.hindsight(BOTH).known_at([11.0, 13.0, 17.0]).tolist() == [11.0, 16.0, 17.0]
    assert proofs.hindsight(frozenset({"one"})).known_at([11.0, 13.0, 17.0]).tolist() == [20.0, 20.0, 20.0]


def test_what_never_comes_due_is_never_known() -> None:
    known = Proofs.of({"one": [(0, 10)]}, {"one": [(10, 20)]}).hindsight(BOTH).known_at([np.nan, 12.0, -np.inf])
    assert np.isnan(known[0])
    assert known[1:].tolist() == [20.0, -np.inf]


def test_time_that_was_proven_later_counts() -> None:
    proofs = Proofs.of({"one": [(0, 10), (25, 30)]}, {"one": [(10, 20)]})
    covered = proofs.covered(BOTH)
    assert covered.at(30.0) - covered.at(0.0) == 25.0
    assert covered.alarms_from == 0.0
