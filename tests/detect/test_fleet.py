"""The fleet clock: a lull of everybody slows it, a provider that fell silent does not, and nobody learns from slowed time."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import cache

import numpy as np
import pytest

from monitor.detect.bank import Floats
from monitor.detect.calendar import hours_of
from monitor.detect.coverage_book import CoverageBook
from monitor.detect.defaults import load_defaults
from monitor.detect.journal import Journal
from monitor.detect.replay import Frame, Replay, WitnessTable
from monitor.model import Level, Send
from monitor.settings import GapSettings
from tests.detect.streams import DAY, HOUR, START, detector, send

GOES, RETURNS, END = 40, 45, 48
"""Days from START on: most lists fall silent, they come back within a day, and the end."""
OTHERS = ("delivery", "Otherbird")


def fleet(delivery: str | None, *, resting: int = 60, rest: float = RETURNS - GOES) -> list[Send]:
    """90 lists that mail once a day at any hour, of which the first `resting` rest for `rest` days from GOES on.

    `delivery`: the provider of the first 60, the others have another; None gives each of the 60 its own."""
    chance = random.Random(4)
    sends: list[Send] = []
    for k in range(90):
        provider = (delivery or f"Provider {k}") if k < 60 else OTHERS[1]
        for day in range(END):
            at = START + day * DAY + timedelta(minutes=chance.randrange(1440))
            if k >= resting or not GOES * DAY <= at - START < (GOES + rest) * DAY:
                sends.append(send(len(sends), f"{k}.example", at, delivery=provider))
    return sends


@cache
def days(delivery: str | None) -> dict[int, tuple[Frame, Floats]]:
    """What was concluded by the end of each day before GOES and after, and the clock's speed in its last hour."""
    journal = Journal()
    journal.add(fleet(delivery))
    journal.settle()
    zones = [GapSettings().timezone]
    replay = Replay(lambda _s, _o: GapSettings(), load_defaults(), journal, CoverageBook(), WitnessTable(True), zones)
    frame, kept = replay.start(int(hours_of(START))), {}
    for hour in range(24 * END):
        replay.finish_hour(frame)
        if hour >= 24 * (GOES - 1) and hour % 24 == 23:
            kept[hour // 24] = frame.fork(), frame.engine.speed
    return kept


@pytest.mark.parametrize("delivery", ["Postbird", None])
def test_those_that_mail_on_while_most_are_silent_look_neither_faster_nor_more_regular(delivery: str | None) -> None:
    (frame, _), (later, _) = days(delivery)[GOES - 1], days(delivery)[RETURNS - 1]
    row = frame.roster.groups[OTHERS]
    before, after = frame.engine.bank, later.engine.bank
    assert after.scale[row] > 0.8 * before.scale[row]
    assert np.all(after.level_a[row] / after.level_b[row] < 1.25 * before.level_a[row] / before.level_b[row])


def test_a_provider_found_silent_does_not_slow_the_clock_of_the_others() -> None:
    frame, speed = days("Postbird")[RETURNS - 1]
    assert speed[frame.roster.groups[OTHERS]] > 0.8
    assert speed[frame.roster.streams["70.example"]] > 0.6


def test_a_lull_of_many_that_have_nothing_in_common_slows_the_clock() -> None:
    frame, speed = days(None)[RETURNS - 1]
    assert speed[frame.roster.streams["70.example"]] < 0.6


def test_a_holiday_of_everybody_raises_nothing() -> None:
    """Nobody mails for a day and a half: that is no list's and no provider's silence. Our inbox may be suspected."""
    known = detector(fleet("Postbird", resting=90, rest=1.5))
    for hour in range(24 * GOES, 24 * (GOES + 4), 3):
        found = known.assess(START + hour * HOUR).findings
        assert [f.key for f in found if f.level >= Level.ALERT and not f.key.startswith("inbox_blind:")] == []
