"""What is learned of time that does not count: nothing of holes, no promise where no alarm was possible."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest

from monitor.detect.calendar import hours_of
from monitor.detect.coverage_book import CoverageBook
from monitor.detect.defaults import load_defaults
from monitor.detect.engine import Engine
from monitor.detect.journal import Journal
from monitor.detect.replay import Replay, WitnessTable
from monitor.detect.rhythm import UNLEARNED
from monitor.model import Coverage, Send
from monitor.settings import GapSettings
from tests.detect.streams import DAY, HOUR, START, covered, regular_sends, send

LISTS = 6
LAST = 60
"""Days of history."""
HOLE = (40, 44)


def mail(days: int = LAST) -> list[Send]:
    return [s for k in range(LISTS) for s in regular_sends(f"{k}.example", 4 * HOUR, days * DAY, first=10_000 * k, seed=k)]


def concluded(sends: Sequence[Send], coverage: Sequence[Coverage]) -> Engine:
    """The engine at the end of LAST."""
    journal, book = Journal(), CoverageBook()
    journal.add(sends)
    book.add(coverage)
    zones = [GapSettings().timezone]
    replay = Replay(lambda _s, _o: GapSettings(), load_defaults(), journal, book, WitnessTable(False), zones)
    frame = replay.start(int(hours_of(START)))
    while frame.engine.hour < hours_of(START) + 24 * LAST:
        replay.finish_hour(frame)
    return frame.engine


def around_the_hole() -> list[Coverage]:
    return [covered(timedelta(0), HOLE[0] * DAY), covered(HOLE[1] * DAY, LAST * DAY)]


def test_mail_found_in_a_hole_says_nothing_about_level_and_irregularity() -> None:
    """Nobody polled for four days, and what was sent then is known: no list looks faster for it, or more regular."""
    lost = [s for s in mail() if not HOLE[0] * DAY <= s.at - START < HOLE[1] * DAY]
    found, never_seen = concluded(mail(), around_the_hole()), concluded(lost, around_the_hole())
    rows = slice(0, LISTS)
    assert found.bank.levels()[rows] == pytest.approx(never_seen.bank.levels()[rows], rel=0.02)
    assert found.bank.scale[rows] == pytest.approx(never_seen.bank.scale[rows], rel=0.1)


def test_every_kept_gap_has_a_place_of_its_own() -> None:
    """Three sessions within an hour, the first of them in a hole: what is left out leaves no place empty."""
    moments = [
        *(k * DAY for k in range(20)),
        *(20 * DAY + timedelta(minutes=m) for m in (5, 25, 45)),
        *(k * DAY for k in (21, 22)),
    ]
    sends = [send(k, "0.example", START + at) for k, at in enumerate(moments)]
    seen_again = 20 * DAY + timedelta(minutes=15)
    bank = concluded(sends, [covered(timedelta(0), 19.5 * DAY), covered(seen_again, LAST * DAY)]).bank
    assert bank.unringed[0] == 1
    assert np.count_nonzero(bank.ring[0]) == len(moments) - 1 - UNLEARNED - 1
    assert (bank.ring[0, : len(moments) - 1 - UNLEARNED - 1] > 0).all()


def test_imported_history_promises_no_alarm() -> None:
    """All but the last three days came by an import: no alarm was possible, so that none is missed."""
    engine = concluded(mail(), [covered((LAST - 3) * DAY, LAST * DAY)])
    assert 0 < engine.learning.promised.sum() < 1.1 * LISTS * 3 / 365
    assert np.abs(engine.learning.feedback).max() < 0.02


def test_a_hole_promises_no_alarm() -> None:
    whole, torn = concluded(mail(), [covered(timedelta(0), LAST * DAY)]), concluded(mail(), around_the_hole())
    days = (LAST - (HOLE[1] - HOLE[0])) / LAST
    assert torn.learning.promised.sum() == pytest.approx(days * whole.learning.promised.sum(), rel=0.02)
