"""Canary mail that does not arrive: a finding about the inbox, and no time in which silence counts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from monitor.detect.canaries import holes, overdue, overdue_findings, unsent_findings
from monitor.model import Canary, FindingKind, MissingCanaries, StreamPhase
from tests.detect.streams import DAY, HOUR, START, covered, detector, keys, regular_sends

AFTER = 3 * HOUR
GOOD = START + 5 * DAY
FIRST = GOOD + HOUR


def run(inbox: str = "one", **other: object) -> MissingCanaries:
    known = {"number": 3, "good_before": GOOD, "good_after": None, "arrived_after": None, **other}
    return MissingCanaries(inbox, FIRST, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("read_until", "is_overdue"), [(FIRST + AFTER, True), (FIRST + AFTER - timedelta(seconds=1), False), (None, False)]
)
def test_one_is_overdue_after_three_intervals_in_which_we_could_have_seen_it(
    read_until: datetime | None, is_overdue: bool
) -> None:
    read = {"one": read_until} if read_until else {}
    assert bool(overdue([run()], read, AFTER)) == is_overdue


def test_a_single_one_that_is_lost_between_others_says_nothing() -> None:
    lost = run(number=1, good_after=FIRST + HOUR, arrived_after=FIRST + HOUR + timedelta(minutes=1))
    assert overdue([lost], {"one": FIRST + 9 * DAY}, AFTER) == ()


def test_what_was_overdue_once_stays_a_hole_after_others_arrive() -> None:
    over = run(good_after=FIRST + 5 * HOUR, arrived_after=FIRST + 5 * HOUR)
    runs = overdue([over, run("two")], {"one": FIRST + DAY, "two": FIRST + DAY}, AFTER)
    assert holes(runs) == {"one": [(GOOD, FIRST + 5 * HOUR)], "two": [(GOOD, None)]}
    (finding,) = overdue_findings(runs, {"one", "two"}, AFTER, FIRST + DAY)
    assert (finding.kind, finding.key, finding.subject) == (FindingKind.CANARY_OVERDUE, "canary_overdue:two", "two")
    assert (finding.since, finding.found_at) == (GOOD, FIRST + AFTER)


def test_an_inbox_that_none_ever_reached_is_unproven_from_the_first_one_on() -> None:
    never = run(good_before=None)
    assert holes([never]) == {"one": [(FIRST, None)]}
    (finding,) = overdue_findings([never], {"one", "two"}, AFTER, FIRST + DAY)
    assert finding.since == FIRST
    assert "none has ever arrived" in finding.note


def test_where_none_reaches_any_inbox_it_is_one_finding() -> None:
    runs = (run("one"), run("two", good_before=GOOD - HOUR))
    (finding,) = overdue_findings(runs, {"one", "two"}, AFTER, FIRST + DAY)
    assert (finding.key, finding.members, finding.since) == ("canary_overdue:all", ("one", "two"), GOOD)
    assert len(overdue_findings(runs, {"one", "two", "three"}, AFTER, FIRST + DAY)) == 2
    assert [f.key for f in overdue_findings(runs[:1], {"one"}, AFTER, FIRST + DAY)] == ["canary_overdue:one"]


def test_an_inbox_that_gets_no_canaries_any_more_is_not_told_of() -> None:
    assert overdue_findings((run("gone"),), {"one"}, AFTER, FIRST + DAY) == ()


def test_a_failing_account_is_told_of_after_an_interval_as_the_accounts_fault() -> None:
    unsent = [Canary("one", "a" * 32, FIRST, tries=4, error="no such host name")]
    assert unsent_findings(unsent, FIRST + HOUR - timedelta(seconds=1), HOUR) == ()
    (finding,) = unsent_findings(unsent, FIRST + HOUR, HOUR)
    assert (finding.kind, finding.subject, finding.members) == (FindingKind.CANARY_UNSENT, "the canary account", ("one",))
    assert "no such host name" in finding.note
    assert unsent_findings([], FIRST + DAY, HOUR) == ()


SENDS = regular_sends("a.example", 4 * HOUR, 30 * DAY)
LAST = SENDS[-1].at


def test_silence_while_mail_does_not_reach_the_inbox_is_no_gap() -> None:
    known = detector(SENDS, full_coverage=False)
    now = LAST + 6 * DAY
    known.set_inboxes({"one": ["INBOX"]})
    known.add_coverage([covered(timedelta(0), now - START)])
    assert "gap:a.example" in keys(known.assess(now))
    assert known.read_until("one") == now

    known.set_holes({"one": [(LAST + HOUR, None)]})
    assessment = known.assess(now)
    assert keys(assessment) == set(), "no gap, and polls work: no blind inbox either"
    assert assessment.states[0].phase is StreamPhase.BLIND
    assert known.read_until("one") == now

    known.set_holes({"one": [(LAST + HOUR, LAST + 2 * DAY)]})
    (finding,) = known.assess(now).findings
    assert finding.gap is not None
    assert finding.gap.covered == 4 * DAY + HOUR
    assert finding.found_at > LAST + 2 * DAY

    known.set_holes({})
    (late,) = known.assess(now).findings
    assert late.found_at < LAST + 2 * DAY


def test_a_second_inbox_that_mail_reaches_still_witnesses_the_silence() -> None:
    sends = regular_sends("a.example", 4 * HOUR, 30 * DAY, inboxes=("one", "two"))
    now = sends[-1].at + 6 * DAY
    known = detector(sends, full_coverage=False)
    known.set_inboxes({"one": ["INBOX"], "two": ["INBOX"]})
    known.add_coverage([covered(timedelta(0), now - START, inbox=inbox) for inbox in ("one", "two")])
    known.set_holes({"one": [(sends[-1].at, None)]})
    assert keys(known.assess(now)) == {"gap:a.example"}


def test_holes_given_late_say_the_same_as_holes_known_from_the_start() -> None:
    now = LAST + 6 * DAY
    hole = {"one": [(LAST - 9 * DAY, LAST - 8 * DAY)]}
    early, late = (detector(SENDS, full_coverage=False) for _ in range(2))
    for known in (early, late):
        known.set_inboxes({"one": ["INBOX"]})
        known.add_coverage([covered(timedelta(0), now - START)])
    early.set_holes(hole)
    for hours in range(0, 144, 7):
        late.assess(LAST + hours * HOUR)
    late.set_holes(hole)
    assert late.assess(now).findings == early.assess(now).findings
