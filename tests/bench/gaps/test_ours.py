"""What the detector did is counted by covered time, as its own backtest counts it."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detect.proofs import Proofs
from tests.bench.gaps.ours import INBOX, Ours, replay
from tests.bench.gaps.protocol import HOURS_PER_YEAR, Stream, record_of

EVEN = Stream("even", np.arange(0.0, 1440.0, 10.0), 1440.0)
DAILY = 1
"""Its class: more than one a day."""
LIVE = [(-1.0, 100.0), (148.0, 1441.0)]
HOLE = [(100.0, 148.0)]


def test_a_hole_is_neither_exposure_nor_covered_delay() -> None:
    record = record_of([EVEN], warm_up=2)
    watched = Proofs.of({INBOX: LIVE}, {}).covered(frozenset({INBOX}))
    never = np.full(record.start.size, np.inf)
    ours = Ours(record, never, np.array([90.0, 200.0, 300.0]), np.array([9, 20, 30]), np.array([60.0, 24.0, np.inf]), watched)
    assert ours.outcome(DAILY).exposure_years * HOURS_PER_YEAR == pytest.approx(1440 - 10 - 48)
    assert ours.outcome(DAILY).delay_median == 60.0
    assert ours.covered_delay(DAILY) == 24.0
    assert np.isinf(Ours(record, never, ours.stopped[2:], ours.gap[2:], ours.delay[2:], watched).covered_delay(DAILY))


def test_time_that_is_proven_afterwards_is_exposure() -> None:
    record = record_of([EVEN])
    kept, holed = (replay([EVEN], record, 1.0, coverage=LIVE, in_retrospect=later, stops=10) for later in (HOLE, ()))
    assert kept.watched.judged(np.array([0.0]), np.array([1440.0])) == [1440.0]
    assert holed.watched.judged(np.array([0.0]), np.array([1440.0])) == [1392.0]
