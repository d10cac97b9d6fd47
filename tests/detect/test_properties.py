"""What holds of the detector whatever is sent, proven and asked, and in whatever order it comes to be known."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detect.detector import Detector
from monitor.model import Coverage, Finding, FindingKind, Level, Send, StreamState
from monitor.settings import GapSettings
from tests.detect.streams import DAY, HOUR, START, covered, detector, send

STREAMS = 7
"""Enough for parts of a group, and for a fleet that is nearly one."""
INBOXES = ("one", "two")
DAYS = 24.0 * 7
"""Twice as long is less than a month, at whose end tails and feedback are renewed and with them every surprise."""
MOMENTS = st.lists(st.tuples(st.integers(0, STREAMS - 1), st.floats(0, DAYS)), min_size=30, max_size=150)
WAITS = st.lists(st.floats(0, DAYS), min_size=2, max_size=6)
HOLES = st.lists(st.tuples(st.sampled_from(INBOXES), st.floats(0, 2 * DAYS), st.floats(1, 24 * 3)), max_size=5)


def world(moments: Sequence[tuple[int, float]], inboxes: Sequence[str] = INBOXES) -> list[Send]:
    """Sends of lists of one provider and two organisations."""
    return [
        send(k, f"{name}.example", START + at * HOUR, inboxes=inboxes, delivery="Postbird", organisation=f"org {name % 2}")
        for k, (name, at) in enumerate(moments)
    ]


def proofs(holes: Sequence[tuple[str, float, float]], until: datetime) -> list[Coverage]:
    """All time up to `until`, but for each inbox's holes."""
    found = []
    for inbox in INBOXES:
        begins = timedelta(0)
        for _, start, length in sorted((h for h in holes if h[0] == inbox), key=lambda h: h[1]):
            if (end := min(start * HOUR, until - START)) > begins:
                found.append(covered(begins, end, inbox=inbox))
            begins = max(begins, (start + length) * HOUR)
        if until - START > begins:
            found.append(covered(begins, until - START, inbox=inbox))
    return found


def watching(sends: Sequence[Send], coverage: Sequence[Coverage]) -> Detector:
    known = Detector(lambda _stream, _organisation: GapSettings())
    known.set_inboxes({inbox: ["INBOX"] for inbox in INBOXES})
    known.add_coverage(coverage)
    known.add_sends(sends)
    return known


def last_of(sends: Sequence[Send]) -> datetime:
    return max(s.at for s in sends)


def gaps(findings: Sequence[Finding]) -> list[Finding]:
    return [f for f in findings if f.kind is FindingKind.GAP]


@settings(max_examples=8, deadline=None)
@given(MOMENTS, WAITS)
def test_more_silence_never_lowers_surprise_nor_a_level(moments: list[tuple[int, float]], waits: list[float]) -> None:
    sends = world(moments)
    known = detector(sends)
    looks = [known.assess(last_of(sends) + h * HOUR) for h in sorted(waits)]
    for name in {s.stream for s in sends}:
        states = [next(s for s in look.states if s.stream == name) for look in looks]
        years = [s.return_period_years for s in states]
        assert years == sorted(years)
        levels = [max((f.level for f in look.findings if name in (f.subject, *f.members)), default=0) for look in looks]
        assert all(later >= min(before, Level.ALERT) for before, later in pairwise(levels))


@settings(max_examples=8, deadline=None)
@given(MOMENTS, st.floats(0, DAYS), st.integers(0, STREAMS - 1), HOLES)
def test_a_send_always_ends_a_gap(
    moments: list[tuple[int, float]], wait: float, name: int, holes: list[tuple[str, float, float]]
) -> None:
    """Whatever was said of the stream before, by itself or in a group."""
    sends = world(moments)
    now = last_of(sends) + wait * HOUR
    known = watching(sends, proofs(holes, now))
    known.assess(now)
    known.add_sends([send(10_000, f"{name}.example", now, inboxes=INBOXES, delivery="Postbird", organisation=f"org {name % 2}")])
    after = known.assess(now).findings
    assert not [f for f in after if f.kind is not FindingKind.INBOX_BLIND and f"{name}.example" in (f.subject, *f.members)]


@settings(max_examples=8, deadline=None)
@given(MOMENTS, st.randoms(use_true_random=False), st.floats(0, DAYS))
def test_duplicates_and_the_order_of_arrival_change_nothing(
    moments: list[tuple[int, float]], shuffler: random.Random, wait: float
) -> None:
    sends = world(moments)
    now = last_of(sends) + wait * HOUR
    mixed = [*sends, *shuffler.sample(sends, len(sends) // 2)]
    shuffler.shuffle(mixed)
    in_parts = detector([])
    for k in range(0, len(mixed), 40):
        in_parts.add_sends(mixed[k : k + 40])
        in_parts.assess(now - shuffler.random() * DAY)
    assert detector(mixed).assess(now) == in_parts.assess(now) == detector(sends).assess(now)


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([20.0, 60.0, DAYS]))
def test_a_second_witness_changes_nothing(chance: random.Random, wait: float) -> None:
    """Neither in what is found of lists and groups nor in what is said of each list."""
    moments = [(chance.randrange(STREAMS), chance.uniform(0, DAYS)) for _ in range(140)]

    def said(inboxes: Sequence[str]) -> tuple[list[Finding], list[StreamState]]:
        sends = world(moments, inboxes)
        judged = detector(sends).assess(last_of(sends) + wait * HOUR)
        return [f for f in judged.findings if f.kind is not FindingKind.INBOX_BLIND], list(judged.states)

    (alone, states), (together, more) = said(("one",)), said(INBOXES)
    assert alone == together
    for one, other in zip(states, more, strict=True):
        assert (one.phase, one.gap, one.sends) == (other.phase, other.gap, other.sends)


@settings(max_examples=8, deadline=None)
@given(MOMENTS, HOLES, st.floats(0.1, DAYS), st.floats(0.1, DAYS))
def test_no_coverage_no_surprise(
    moments: list[tuple[int, float]], holes: list[tuple[str, float, float]], one: float, other: float
) -> None:
    """From the last proof on nothing becomes more improbable, however long it lasts, and nothing new is found of senders."""
    sends = world(moments)
    proven = last_of(sends) + 3 * HOUR
    coverage = proofs(holes, proven)
    ends = max(c.end for c in coverage)
    early, late = sorted((one, other))
    known = watching(sends, coverage)
    before, after = known.assess(max(ends, last_of(sends)) + early * HOUR), known.assess(max(ends, last_of(sends)) + late * HOUR)
    assert [s.return_period_years for s in before.states] == [s.return_period_years for s in after.states]
    assert [(f.key, f.level, f.found_at) for f in gaps(before.findings)] == [
        (f.key, f.level, f.found_at) for f in gaps(after.findings)
    ]


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_detector_that_lived_through_it_says_what_a_rebuilt_one_says(chance: random.Random) -> None:
    """Mail comes as time passes, a fifth of it half a day late; holes are proven by what is read after them, or never."""
    moments = [(chance.randrange(STREAMS), chance.uniform(0, DAYS)) for _ in range(chance.randrange(30, 150))]
    spans = [(chance.uniform(0, DAYS), chance.uniform(1, 60)) for _ in range(3)]
    holes = [(inbox, *span) for span in spans for inbox in INBOXES]
    looks = [chance.randrange(1, 24 * 13) for _ in range(5)]
    sends = world(moments)
    late = {s.id: 12 * HOUR if chance.random() < 0.2 else timedelta(0) for s in sends}
    mended = [is_read for _ in spans for is_read in (chance.random() < 0.7,) * len(INBOXES)]
    lived = watching([], [])
    for look in sorted(looks):
        now = START + look * HOUR
        known = [s for s in sends if s.at + late[s.id] <= now]
        open_holes = [h for h, again in zip(holes, mended, strict=True) if not (again and START + (h[1] + h[2]) * HOUR <= now)]
        coverage = proofs(open_holes, now)
        lived.add_sends(known)
        lived.add_coverage(coverage)
        assert lived.assess(now) == watching(known, coverage).assess(now)
