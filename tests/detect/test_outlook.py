"""What is said of the time ahead comes true: an alert comes when it was announced for, whatever the settings say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from monitor.model import FindingKind, Level, StreamPhase
from monitor.settings import GapSettings, Pause
from tests.detect.streams import DAY, HOUR, START, covered, detector, regular_sends, send

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
REFIT = datetime(2024, 3, 18, 6, tzinfo=UTC)
"""The first monthly recalibration after START, which moves what was announced. Daylight saving begins on 10 March, before it."""


@st.composite
def gap_settings(draw: st.DrawFn, now: datetime) -> GapSettings:
    """A silence that is bounded in one of the ways, or in none, and pauses that are over, running or to come."""
    bound = draw(st.sampled_from([(), ("floor",), ("ceiling",), ("fixed",), ("floor", "ceiling"), ("floor", "fixed")]))
    starts = draw(st.lists(st.floats(-48, 72), max_size=2))
    pauses = tuple(Pause(start=now + h * HOUR, end=now + (h + draw(st.floats(1, 48))) * HOUR) for h in starts)
    some = GapSettings(expected_pause=pauses, false_alarms_per_sender_year=draw(st.sampled_from([1, 12, 300])))
    return some.with_overrides({name: timedelta(hours=draw(st.integers(1, 60))) for name in bound})


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 6 * 24), min_size=8, max_size=60), st.floats(0, 30), st.data())
def test_an_alert_comes_when_it_was_announced_for(moments: list[float], wait: float, data: st.DataObject) -> None:
    sends = [send(k, "a.example", START + h * HOUR) for k, h in enumerate(moments)]
    last = max(s.at for s in sends)
    now = last + wait * HOUR
    known = detector(sends, settings=data.draw(gap_settings(now)))
    (state,) = known.assess(now).states
    due = state.alarm_due_at
    assume(due is not None and now < due < REFIT)
    assert due is not None
    gaps = [f for f in known.assess(due + SECOND).findings if f.kind is FindingKind.GAP and f.level >= Level.ALERT]
    assert [abs(f.found_at - due) <= SECOND for f in gaps] == [True]
    assert not any(f.level >= Level.ALERT for f in known.assess(due - SECOND).findings)


def test_a_busy_fleet_that_goes_on_moves_nothing_where_its_clock_is_off() -> None:
    off = GapSettings(fleet_clock="off")
    others = [s for k in range(12) for s in regular_sends(f"{k}.example", 3 * HOUR, 13 * DAY, first=1000 * (k + 1), seed=k + 2)]
    known = detector([*regular_sends("a.example", 5 * HOUR, 8 * DAY), *others], settings=off)
    now = START + 8 * DAY + HOUR
    due = next(s.alarm_due_at for s in known.assess(now).states if s.stream == "a.example")
    assert due is not None
    (gap,) = [f for f in known.assess(due + MINUTE).findings if f.subject == "a.example" and f.level >= Level.ALERT]
    assert abs(gap.found_at - due) <= SECOND


def test_what_is_announced_does_not_move_between_two_polls() -> None:
    sends = regular_sends("a.example", 4 * HOUR, 6 * DAY)
    known = detector(sends, full_coverage=False)
    polled = sends[-1].at + 2 * HOUR
    known.add_coverage([covered(timedelta(0), polled - START)])
    first, *later = [known.assess(polled + k * MINUTE).states[0].alarm_due_at for k in range(5)]
    assert first is not None
    assert all(due is not None and abs(due - first) < SECOND for due in later)


def test_an_alert_is_never_announced_for_the_past() -> None:
    """Blind for ten days: it would come with the next proof."""
    sends = regular_sends("a.example", 4 * HOUR, 6 * DAY)
    known = detector(sends, full_coverage=False)
    known.add_coverage([covered(timedelta(0), sends[-1].at - START + HOUR)])
    now = sends[-1].at + 10 * DAY
    (state,) = known.assess(now).states
    assert (state.phase, state.alarm_due_at) == (StreamPhase.BLIND, now)


def test_a_stream_that_ended_before_anybody_looked_has_no_alert_ahead() -> None:
    known = detector(regular_sends("a.example", 4 * HOUR, 6 * DAY), full_coverage=False)
    known.add_coverage([covered(30 * DAY, 40 * DAY)])
    (state,) = known.assess(START + 40 * DAY).states
    assert (state.phase, state.alarm_due_at) == (StreamPhase.ENDED, None)
    assert state.gap is not None
    assert (state.gap.delay_by_day, state.gap.delay_by_night) == (None, None)


@pytest.mark.parametrize("days", [3, 30, 300])
def test_mail_is_expected_after_a_declared_pause_and_not_in_it(days: int) -> None:
    sends = regular_sends("a.example", 4 * HOUR, 6 * DAY)
    ends = sends[-1].at + days * DAY
    known = detector(sends, settings=GapSettings(expected_pause=(Pause(start=sends[-1].at + SECOND, end=ends),)))
    expected = known.assess(sends[-1].at + HOUR).states[0].next_expected_at
    assert expected is not None
    assert ends < expected < ends + DAY
