"""States: a detector that was taken up from one says the same as one that has lived through all of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detect.calendar import hours_of, moment_of
from monitor.detect.detector import Detector
from monitor.detect.seeds import KEPT_SENDS
from monitor.detect.state import SPACINGS, SavedState, StateError, kept_hours
from monitor.model import Coverage, Send
from monitor.settings import GapSettings
from tests.detect.streams import DAY, HOUR, START, covered, regular_sends, send


def a_detector(coverage: Sequence[Coverage] = ()) -> Detector:
    known = Detector(lambda _stream, _organisation: GapSettings(), full_coverage=not coverage, keep_states=True)
    known.add_coverage(coverage)
    return known


def going_on_with(sends: Sequence[Send], hour: int) -> list[Send]:
    """The sends that a state of that hour is taken up with."""
    streams = {s.stream for s in sends}
    newest = {n: sorted((s for s in sends if s.stream == n), key=lambda s: s.at)[-KEPT_SENDS:] for n in streams}
    return [s for s in sends if s in newest[s.stream] or hours_of(s.at) >= hour]


def many_sends() -> list[Send]:
    """Twenty streams of three providers over fifty days, a few of which fall silent, seen by two inboxes."""
    return [
        s
        for k in range(20)
        for s in regular_sends(
            f"{k}.example",
            (2 + k) * HOUR,
            50 * DAY if k % 4 else 40 * DAY,
            first=10_000 * k,
            seed=k,
            inboxes=("one", "two") if k % 3 else ("one",),
            delivery=f"provider {k % 3}",
            organisation=f"organisation {k // 5}",
        )
    ]


def test_a_state_goes_on_as_if_nothing_had_happened() -> None:
    sends = many_sends()
    proofs = [covered(timedelta(0), 52 * DAY, inbox="one"), covered(3 * DAY, 45 * DAY, inbox="two")]
    lived = a_detector(proofs)
    lived.add_sends(s for s in sends if s.at < START + 44 * DAY)
    lived.assess(START + 44 * DAY)
    states = lived.states()
    assert states
    lived.add_sends(s for s in sends if s.at >= START + 44 * DAY)
    later = START + 52 * DAY
    whole = lived.assess(later)
    assert len(whole.findings) > 3
    for state in states:
        resumed = a_detector(proofs)
        assert resumed.proven_before(state.hour) == state.coverage
        resumed.resume(state.document, going_on_with(sends, state.hour))
        assert resumed.assess(later) == whole


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(0, 40 * 24), min_size=6, max_size=60),
    st.lists(st.integers(1, 60 * 24), min_size=2, max_size=6, unique=True),
    st.randoms(use_true_random=False),
)
def test_a_restart_from_a_state_changes_nothing(moments: list[float], looks: list[int], shuffler: random.Random) -> None:
    """Mail comes in as time passes, some of it late; after each look the program ends and begins again from a random state."""
    sends = [send(k, f"{k % 3}.example", START + h * HOUR, delivery="one") for k, h in enumerate(moments)]
    late = {s.id: 5 * HOUR if shuffler.random() < 0.2 else timedelta(0) for s in sends}
    running = a_detector()
    states: list[SavedState] = []
    for look in sorted(looks):
        now = START + look * HOUR
        known = [s for s in sends if s.at + late[s.id] <= now]
        running.add_sends(known)
        if running.lacks_history(now):
            running = a_detector()
            running.add_sends(known)
        lived = a_detector()
        lived.add_sends(known)
        assert running.assess(now) == lived.assess(now)
        states = running.states() or states
        usable = [s for s in states if not any(hours_of(x.at) < s.hour for x in sends if x not in known and x.at <= now)]
        if usable:
            state = shuffler.choice(usable)
            running = a_detector()
            running.resume(state.document, going_on_with(known, state.hour))


def test_a_change_from_before_the_state_needs_the_whole_history() -> None:
    sends = many_sends()
    lived = a_detector()
    lived.add_sends(sends)
    now = START + 50 * DAY
    lived.assess(now)
    state = lived.states()[-1]
    resumed = a_detector()
    resumed.resume(state.document, going_on_with(sends, state.hour))
    assert not resumed.lacks_history(now)
    resumed.add_sends([send(999_999, "0.example", moment_of(state.hour) + HOUR)])
    assert not resumed.lacks_history(now)
    resumed.add_sends([send(999_998, "0.example", moment_of(state.hour) - HOUR)])
    assert resumed.lacks_history(now)


@pytest.mark.parametrize("document", [b"", b"something else"])
def test_bytes_that_are_no_state_are_refused(document: bytes) -> None:
    with pytest.raises(StateError):
        a_detector().resume(document, [])


def test_a_state_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    lived = a_detector()
    lived.add_sends(many_sends())
    lived.assess(START + 50 * DAY)
    state = lived.states()[-1]
    monkeypatch.setattr("monitor.detect.state.version", lambda: "another")
    with pytest.raises(StateError, match="another version"):
        a_detector().resume(state.document, [])


def test_states_are_kept_close_together_lately_and_some_from_long_before() -> None:
    hours = sorted(kept_hours(450_001))
    assert hours[-1] == 450_000
    assert 450_001 - hours[0] > SPACINGS[-1]
    assert len(hours) <= 2 * len(SPACINGS)
    assert kept_hours(450_000) >= {h for h in kept_hours(450_005) if h <= 450_000} - {0}
