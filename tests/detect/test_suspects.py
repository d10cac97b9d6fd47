"""The right suspect: provider before streams, and only where several streams are missed."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from monitor.detect import suspects
from monitor.detect.detector import Detector
from monitor.detect.groups import Member, part_needed, part_of, part_score, part_scores, quieter_half, several_are_silent
from monitor.model import FindingKind, Level, Send
from monitor.settings import GapSettings
from tests.detect.streams import DAY, HOUR, START, covered, detector, keys, regular_sends

DELIVERY = "Postbird"


def house(streams: int, *, silent: int, after: float) -> list[Send]:
    """`streams` lists of one provider, of which `silent` stop after 40 days, and 9 lists elsewhere that never do."""
    sends: list[Send] = []
    for k in range(streams + 9):
        until = 40 * DAY if k < silent else 40 * DAY + after * HOUR
        sends += regular_sends(
            f"{k}.example",
            6 * HOUR,
            until,
            first=100_000 * k,
            seed=k,
            delivery=DELIVERY if k < streams else "Otherpost",
        )
    return sends


def test_streams_of_one_provider_that_stop_together_are_one_finding() -> None:
    known = detector(house(10, silent=10, after=24))
    now = START + 40 * DAY + 16 * HOUR
    (finding,) = [f for f in known.assess(now).findings if f.kind is not FindingKind.INBOX_BLIND]
    assert finding.key == "group_gap:delivery:Postbird"
    assert len(finding.members) == 10
    assert finding.since <= START + 40 * DAY


def test_slow_lists_elsewhere_that_are_not_due_make_no_silence_of_everybody() -> None:
    sends = [s for s in house(10, silent=10, after=0) if s.delivery == DELIVERY]
    for k in range(3):
        sends += regular_sends(f"weekly-{k}.example", 7 * DAY, 39 * DAY, first=10**7 + 1000 * k, delivery="Otherpost")
    found = detector(sends).assess(START + 40 * DAY + 16 * HOUR)
    assert "group_gap:delivery:Postbird" in keys(found)


def test_an_organisation_as_a_whole_has_the_settings_of_its_own() -> None:
    ours = [
        s
        for k in range(5)
        for s in regular_sends(f"{k}.example", 6 * HOUR, 40 * DAY, first=10_000 * k, seed=k, organisation="us")
    ]
    others = [s for k in range(5, 14) for s in regular_sends(f"{k}.example", 6 * HOUR, 50 * DAY, first=10_000 * k, seed=k)]

    def told(patient: str) -> set[str]:
        known = Detector(lambda _, name: GapSettings(floor=20 * DAY if name == patient else HOUR), full_coverage=True)
        known.add_sends([*ours, *others])
        return {key for key in keys(known.assess(START + 42 * DAY)) if "us" in key}

    assert told("nobody") == {"group_gap:organisation:us"}
    assert told("us") == set()


def test_a_part_that_stops_is_named() -> None:
    known = detector(house(12, silent=6, after=72))
    findings = [f for f in known.assess(START + 43 * DAY).findings if f.key.startswith("partial_group_gap:")]
    assert [(set(f.members), f.gap) for f in findings] == [({f"{k}.example" for k in range(6)}, None)]
    assert not any(k.startswith("gap:") for k in keys(known.assess(START + 43 * DAY)))


def test_a_group_that_is_judged_late_is_dated_back_to_when_its_silence_became_unusual() -> None:
    known = detector(house(10, silent=10, after=120))
    soon, late = (known.assess(START + 40 * DAY + after).findings for after in (16 * HOUR, 72 * HOUR))
    (found,), (again,) = ([f for f in findings if f.kind is FindingKind.GROUP_GAP] for findings in (soon, late))
    assert found.since == again.since < again.found_at < START + 40 * DAY + 16 * HOUR
    assert abs(found.found_at - again.found_at) < 2 * HOUR


def test_looks_at_a_long_silence_of_a_group_agree_when_it_was_found() -> None:
    """Moments are tried hours apart then; the one in between is told all the same."""
    known = detector(house(10, silent=10, after=240))
    looks = [known.assess(START + 40 * DAY + h * HOUR).findings for h in (160, 180, 200)]
    found = [f.found_at for findings in looks for f in findings if f.kind is FindingKind.GROUP_GAP]
    assert len(found) == 3
    assert max(found) - min(found) < HOUR / 2


def test_a_group_that_was_silent_before_anybody_looked_is_not_told_of() -> None:
    known = Detector(lambda _stream, _organisation: GapSettings())
    known.add_sends(house(10, silent=10, after=240))
    known.set_inboxes({"one": ("INBOX",)})
    known.add_coverage([covered(45 * DAY, 49 * DAY)])
    assert not [f for f in known.assess(START + 49 * DAY).findings if DELIVERY in f.key]


def test_who_may_just_be_pausing_is_said_to_be_unsure_and_leaves_when_it_mails() -> None:
    known = detector(house(12, silent=6, after=96))
    told = next(f for h in range(1, 72) for f in known.assess(START + 40 * DAY + h * HOUR).findings if "partial" in f.key)
    later = next(f for f in known.assess(START + 43 * DAY).findings if "partial" in f.key)
    stopped = {f"{k}.example" for k in range(6)}
    assert set(told.members) - set(told.unsure) <= stopped == set(later.members)
    assert later.unsure == ()


def test_one_silent_stream_is_no_silent_provider() -> None:
    known = detector(house(4, silent=1, after=120))
    assert keys(known.assess(START + 45 * DAY)) == {"gap:0.example"}


def test_streams_that_moved_to_another_provider_leave_no_silent_one_behind() -> None:
    before = house(4, silent=4, after=240)
    moved = [
        s
        for k in range(4)
        for s in regular_sends(f"{k}.example", 6 * HOUR, 50 * DAY, first=100_000 * k + 50_000, seed=k, delivery="Newpost")
        if s.at > START + 40 * DAY
    ]
    findings = detector([*before, *moved]).assess(START + 49 * DAY).findings
    assert not [f for f in findings if DELIVERY in f.key or f.level >= Level.ALERT]


def member(name: str, surprise: float, *, expected: float = 5.0, active: float = 1.0, usual: float = 4.0) -> Member:
    return Member(name, surprise, expected, 0.0, active * usual, usual)


def test_the_busiest_member_alone_makes_no_group() -> None:
    assert not several_are_silent([member("a", 9.0, expected=50.0), member("b", 0.5, expected=0.5)])
    assert several_are_silent([member("a", 9.0, expected=50.0), member("b", 3.0, expected=4.0)])


def test_a_lull_of_the_whole_group_is_no_partial_stop() -> None:
    dead = [member(f"d{k}", 6.0, active=0.0) for k in range(6)]
    lively = part_score([*dead, *(member(f"a{k}", 0.3) for k in range(6))])
    quiet = part_score([*dead, *(member(f"a{k}", 0.3, active=0.1) for k in range(6))])
    assert lively > quiet


def test_one_long_pause_is_not_a_part_of_the_group() -> None:
    score = part_score([member("paused", 80.0), *(member(f"a{k}", 0.5) for k in range(9))])
    assert score < part_needed(10_000.0, 10, 1.0)


def test_many_groups_have_the_scores_that_each_has_alone() -> None:
    random = np.random.default_rng(1)
    group = np.repeat([3, 7, 8, 20], [6, 4, 12, 5])
    surprise, seen, usual = (
        random.exponential(3.0, group.size),
        random.poisson(2.0, group.size).astype(np.float64),
        np.full(group.size, 3.0),
    )
    together = part_scores(group, surprise, seen, usual)
    alone = [
        part_score([Member(f"{k:02}", surprise[k], 5.0, 0.0, seen[k], usual[k]) for k in np.nonzero(group == one)[0]])
        for one in (3, 7, 8, 20)
    ]
    assert together == pytest.approx(alone)
    assert np.isneginf(together).tolist() == [False, True, False, False]


def test_members_of_groups_of_which_no_part_is_silent_are_not_taken_up_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    def noted(stream: str, *facts: float) -> Member:
        taken.append(stream)
        return Member(stream, *facts)

    monkeypatch.setattr(suspects, "Member", noted)
    now = START + 40 * DAY + 13 * HOUR
    assert not [f for f in detector(house(12, silent=2, after=14)).assess(now).findings if DELIVERY in f.key]
    assert not {f"{k}.example" for k in range(12)} & set(taken)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_small_groups_have_no_parts(count: int) -> None:
    assert part_score([member(str(k), 9.0) for k in range(count)]) == float("-inf")


def test_the_less_silent_half_of_the_mail_counts_lists_by_what_they_send() -> None:
    busy = [member(f"b{k}", 0.0) for k in range(4)]
    assert quieter_half(np.array([3.0, 5.0, 1.0, 0.5]), busy) == 1.5
    assert quieter_half(np.array([6.0, 4.0, 0.0, 0.0]), [*busy[:2], *(member(f"w{k}", 0.0, usual=0.1) for k in range(2))]) == 4.0


def test_those_who_stopped_more_likely_than_not_are_named_and_the_doubtful_are_told_apart() -> None:
    sure, doubtful, lively = member("sure", 5.0), member("doubtful", 2.0), member("lively", 0.5)
    part = part_of([sure, doubtful, lively], [0.99, 0.7, 0.1])
    assert (part.silent, part.unsure) == ((sure, doubtful), (doubtful,))
    assert part.mistakes == pytest.approx(0.01 + 0.3 + 0.1)


def test_a_far_slower_list_is_named_only_where_it_is_silent_by_itself() -> None:
    busy = [member(f"b{k}", 5.0) for k in range(4)]
    late, early = member("late", 3.0, usual=0.14), member("early", 0.5, usual=0.14)
    part = part_of([*busy, late, early], [0.99] * 4 + [0.6, 0.6])
    assert part.silent == (*busy, late)
    assert part.mistakes == pytest.approx(0.04 + 0.4)


@pytest.mark.parametrize(("doubtful", "is_sharp"), [(1, True), (3, False)])
def test_it_is_told_of_once_it_can_be_said_who_they_are(doubtful: int, is_sharp: bool) -> None:
    sure = [member(f"s{k}", 5.0) for k in range(6)]
    unsure = [member(f"u{k}", 1.0) for k in range(doubtful)]
    assert part_of([*sure, *unsure], [1.0] * 6 + [0.6] * doubtful).is_sharp is is_sharp


def test_what_a_silent_inbox_explains_is_not_told_of_list_by_list_once_it_cannot_be_read_either() -> None:
    to_one = [s for k in range(6) for s in regular_sends(f"{k}.example", 4 * HOUR, 40 * DAY, first=100_000 * k, seed=k)]
    to_two = [
        s
        for k in range(6, 12)
        for s in regular_sends(f"{k}.example", 4 * HOUR, 50 * DAY, first=100_000 * k, seed=k, inboxes=("two",))
    ]
    known = detector([*to_one, *to_two], full_coverage=False)
    known.add_coverage([covered(timedelta(0), 50 * DAY, inbox="two"), covered(timedelta(0), 42 * DAY)])
    (silent,) = known.assess(START + 42 * DAY).findings
    assert (silent.key, silent.gap is not None, len(silent.members)) == ("inbox_blind:one", True, 6)
    (unread,) = known.assess(START + 44 * DAY).findings
    assert (unread.key, unread.gap) == ("inbox_blind:one", None)
