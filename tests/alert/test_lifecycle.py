"""What becomes of an alert: each row of the tables is one rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.alert.lifecycle import REFRESH, Decision, advance, news_of
from monitor.model import (
    Alert,
    AlertEventKind,
    AlertState,
    Assessment,
    Finding,
    FindingKind,
    Level,
    Send,
    StreamPhase,
    StreamState,
)
from monitor.settings import AlertSettings, ChannelKind, ChannelSettings, RouteSettings
from tests.alert.made import KEY, LAST, NOW, STREAM, alert, assessment, finding, gap_facts, hours, send

OPENED, RAISED, RESOLVED, CORRECTED = (
    AlertEventKind.OPENED,
    AlertEventKind.RAISED,
    AlertEventKind.RESOLVED,
    AlertEventKind.CORRECTED,
)
LATER = NOW + hours(2)
ONE_ROUTE = AlertSettings()
DESK_AT_CONFIRMED = AlertSettings(
    channels=(ChannelSettings(name="log", kind=ChannelKind.LOG), ChannelSettings(name="desk", kind=ChannelKind.LOG)),
    routes=(RouteSettings(channels=("log",)), RouteSettings(channels=("desk",), level="confirmed")),
)
LOG_AGAIN = AlertSettings(routes=(RouteSettings(channels=("log",), again_when_raised=True),))


def step(
    open_alerts: Sequence[Alert],
    judged: Assessment,
    resumed: Mapping[str, Send] | None = None,
    now: datetime = LATER,
    settings: AlertSettings = ONE_ROUTE,
) -> tuple[Decision, ...]:
    return advance(open_alerts, judged, resumed or {}, now, settings)


def only(decisions: Sequence[Decision]) -> Decision:
    (decision,) = decisions
    return decision


# -------------------------------------------------------------------------------------------------- opening


@pytest.mark.parametrize(("level", "opens"), [(Level.WATCH, False), (Level.ALERT, True), (Level.CONFIRMED, True)])
def test_a_finding_opens_an_alert_from_the_settings_level_on(level: Level, opens: bool) -> None:
    decisions = step((), assessment(finding(level=level)))
    assert [(d.event, d.alert.key, d.channels) for d in decisions] == ([(OPENED, KEY, ("log",))] if opens else [])


def test_a_new_alert_says_what_the_finding_says() -> None:
    found = finding(found_at=NOW - hours(3))
    new = only(step((), assessment(found), now=NOW)).alert
    assert (new.id, new.state, new.since, new.found_at, new.opened_at) == (0, AlertState.OPEN, LAST, NOW - hours(3), NOW)
    assert (new.subject, new.organisation, new.finding, new.told) == (STREAM, "example.org", found, ("log",))


def test_the_same_finding_opens_no_second_alert() -> None:
    assert step((alert(),), assessment(finding()), now=NOW) == ()


def test_a_drop_is_told_of_since_the_same_moment_at_every_look() -> None:
    """It is seen in the seven days up to each look."""
    drop = finding(FindingKind.VOLUME_DROP, since=NOW - hours(168))
    later = finding(FindingKind.VOLUME_DROP, since=LATER - hours(168), note="newer")
    known = only(step((alert(drop),), assessment(later), now=NOW + REFRESH)).alert
    assert (known.since, known.finding) == (NOW - hours(168), later)


def test_the_newest_finding_is_kept_once_an_hour_and_nobody_is_told() -> None:
    quiet = only(step((alert(),), assessment(finding(note="newer")), now=NOW + REFRESH))
    assert (quiet.event, quiet.channels, quiet.alert.updated_at) == (None, (), NOW + REFRESH)
    assert quiet.alert.finding == finding(note="newer")


# -------------------------------------------------------------------------------------------------- raising


@pytest.mark.parametrize(
    ("settings", "state", "told", "hears"),
    [
        (ONE_ROUTE, AlertState.OPEN, ("log",), ()),  # told already, does not ask to hear again
        (LOG_AGAIN, AlertState.OPEN, ("log",), ("log",)),
        (LOG_AGAIN, AlertState.ACKNOWLEDGED, ("log",), ()),  # somebody has taken it on
        (DESK_AT_CONFIRMED, AlertState.OPEN, ("log",), ("desk",)),  # hears of it first now
        (DESK_AT_CONFIRMED, AlertState.ACKNOWLEDGED, ("log",), ("desk",)),
    ],
)
def test_a_risen_level_is_told_to_those_whose_turn_it_is(
    settings: AlertSettings, state: AlertState, told: tuple[str, ...], hears: tuple[str, ...]
) -> None:
    known = alert(state=state, told=told)
    raised = only(step((known,), assessment(finding(level=Level.CONFIRMED)), settings=settings))
    assert (raised.event, raised.channels, raised.alert.level) == (RAISED, hears, Level.CONFIRMED)
    assert set(raised.alert.told) == {*told, *hears}


def test_a_level_once_reached_stays() -> None:
    known = alert(level=Level.CONFIRMED)
    assert all(d.alert.level is Level.CONFIRMED for d in step((known,), assessment(finding(level=Level.WATCH))))


# -------------------------------------------------------------------------------------------------- ending


def test_mail_ends_a_gap_and_only_those_who_were_told_hear() -> None:
    back = send(NOW + hours(1))
    end = only(step((alert(told=("desk",)),), assessment(), {KEY: back}))
    assert (end.event, end.channels, end.send) == (RESOLVED, ("desk",), back)
    assert (end.alert.state, end.alert.resumed_at, end.alert.resolved_at) == (AlertState.RESOLVED, back.at, LATER)


@pytest.mark.parametrize("of", [finding(), finding(FindingKind.INBOX_BLIND, "quiet-1")])
def test_what_is_followed_no_more_ends_and_those_who_were_told_hear(of: Finding) -> None:
    end = only(advance((alert(of, told=("desk",)),), assessment(), {}, LATER, ONE_ROUTE, {of.key}))
    assert (end.event, end.channels, end.is_unfollowed) == (RESOLVED, ("desk",), True)
    assert (end.alert.state, end.alert.resolved_at, end.alert.resumed_at) == (AlertState.RESOLVED, LATER, None)


def test_what_is_found_goes_on_whatever_is_followed() -> None:
    of = finding(FindingKind.INBOX_BLIND, "import:old")
    assert advance((alert(of),), assessment(of), {}, NOW, ONE_ROUTE, {of.key}) == ()


@pytest.mark.parametrize("settings", [ONE_ROUTE, DESK_AT_CONFIRMED])
def test_a_gap_stays_open_while_its_finding_is_merely_absent(settings: AlertSettings) -> None:
    assert step((alert(),), assessment(), now=NOW, settings=settings) == ()


@pytest.mark.parametrize(
    "kind", [FindingKind.INBOX_BLIND, FindingKind.SEED_SILENT, FindingKind.GROUP_GAP, FindingKind.PLACEMENT_SHIFT]
)
def test_other_alerts_end_with_their_finding(kind: FindingKind) -> None:
    end = only(step((alert(finding(kind, "it")),), assessment()))
    assert (end.event, end.channels, end.alert.state) == (RESOLVED, ("log",), AlertState.RESOLVED)


def test_they_go_on_while_the_finding_is_there_at_a_lower_level() -> None:
    found = finding(FindingKind.INBOX_BLIND, "quiet-1")
    assert step((alert(found),), assessment(replace(found, level=Level.WATCH)), now=NOW) == ()


ALL_BLIND = finding(FindingKind.INBOX_BLIND, "all inboxes", key="inbox_blind:all", members=("quiet-1", "quiet-2"))
SERVER_BLIND = finding(
    FindingKind.INBOX_BLIND, "mail.example.org", key="inbox_blind:server:mail.example.org", members=("quiet-1", "quiet-2")
)


@pytest.mark.parametrize(
    ("known", "wider"),
    [
        (finding(FindingKind.INBOX_BLIND, "quiet-1"), ALL_BLIND),
        (finding(FindingKind.INBOX_BLIND, "quiet-1"), SERVER_BLIND),
        (SERVER_BLIND, ALL_BLIND),
        (finding(FindingKind.SEED_SILENT, STREAM, members=("quiet-1",)), ALL_BLIND),
        (
            finding(FindingKind.PARTIAL_GROUP_GAP, "delivery:X", members=("a", "b")),
            finding(FindingKind.GROUP_GAP, "delivery:X", members=("a", "b", "c")),
        ),
        (
            finding(FindingKind.GROUP_GAP, "organisation:Y", members=("a", "b")),
            finding(FindingKind.GROUP_GAP, "delivery:X", members=("a", "b", "c")),
        ),
    ],
)
def test_they_are_not_over_when_a_wider_finding_takes_their_place(known: Finding, wider: Finding) -> None:
    after = {d.alert.key: d for d in step((alert(known),), assessment(wider))}
    assert after[wider.key].event is OPENED
    assert after[known.key].event is None
    assert (after[known.key].alert.state, after[known.key].alert.parent) == (AlertState.OPEN, wider.key)


def test_a_change_of_provider_ends_without_a_word() -> None:
    assert only(step((alert(finding(FindingKind.PROVIDER_CHANGE)),), assessment())).channels == ()


def test_a_second_gap_after_mail_came_back_is_a_new_alert() -> None:
    back = send(NOW + hours(1))
    again = finding(since=back.at)
    ended, opened = step((alert(),), assessment(again, at=LATER), {KEY: back})
    assert (ended.event, ended.alert.id) == (RESOLVED, 7)
    assert (opened.event, opened.alert.id, opened.alert.since) == (OPENED, 0, back.at)


def test_a_finding_from_before_the_mail_was_taken_in_opens_nothing() -> None:
    assert [d.event for d in step((alert(),), assessment(finding()), {KEY: send(NOW + hours(1))})] == [RESOLVED]


# -------------------------------------------------------------------------------------------------- correcting


def test_late_mail_from_within_the_silence_takes_the_alert_back() -> None:
    late = send(NOW - hours(5), stored_at=NOW + hours(1))
    taken_back = only(step((alert(),), assessment(), {KEY: late}))
    assert (taken_back.event, taken_back.channels, taken_back.alert.state) == (CORRECTED, ("log",), AlertState.RETRACTED)


def test_late_mail_from_after_a_back_dated_finding_ends_the_gap_that_was_real() -> None:
    late = send(NOW - hours(1), stored_at=NOW + hours(1))
    end = only(step((alert(found_at=NOW - hours(2)),), assessment(), {KEY: late}))
    assert (end.event, end.alert.resumed_at) == (RESOLVED, late.at)


def test_late_mail_after_which_it_is_silent_again_corrects_and_leaves_it_open() -> None:
    late = send(LAST + hours(2), stored_at=NOW + hours(1))
    corrected = only(step((alert(),), assessment(finding(since=late.at)), {KEY: late}))
    assert (corrected.event, corrected.alert.state, corrected.alert.since) == (CORRECTED, AlertState.OPEN, late.at)


@pytest.mark.parametrize("microseconds", [-3, 0, 3])
def test_a_correction_is_told_once_whatever_the_detectors_rounding(microseconds: int) -> None:
    late = send(LAST + hours(2), stored_at=NOW + hours(1))
    judged = assessment(finding(since=late.at + timedelta(microseconds=microseconds)))
    corrected = only(step((alert(),), judged, {KEY: late})).alert
    assert corrected.state is AlertState.OPEN
    assert news_of(corrected, [late]) is None
    assert step((corrected,), judged) == ()


@pytest.mark.parametrize(
    ("at", "stored_at", "is_news"),
    [
        (LAST, LAST, False),  # the last send itself
        (LAST + hours(0.1), LAST + hours(0.2), False),  # known when it was opened: part of the same session
        (NOW - hours(1), NOW, True),  # before the opening, stored after: it refutes
        (NOW, NOW, True),
        (NOW + hours(9), NOW + hours(9), True),
    ],
)
def test_news_is_what_the_alert_did_not_know(at: datetime, stored_at: datetime, is_news: bool) -> None:
    assert (news_of(alert(), [send(at, stored_at)]) is not None) == is_news


def test_the_first_of_several_is_the_news() -> None:
    first, second = send(NOW + hours(1)), send(NOW + hours(2))
    assert news_of(alert(), [first, second]) is first


# -------------------------------------------------------------------------------------------------- parents

GROUP = finding(FindingKind.GROUP_GAP, "delivery:SendGrid", members=(STREAM, "b.example"))
GROUP_KEY = GROUP.key


def by_key(decisions: Sequence[Decision]) -> dict[str, Decision]:
    return {d.alert.key: d for d in decisions}


def test_a_group_speaks_for_its_streams() -> None:
    opened = by_key(step((), assessment(finding(), GROUP)))
    assert opened[GROUP_KEY].channels == ("log",)
    assert (opened[KEY].channels, opened[KEY].alert.parent, opened[KEY].alert.told) == ((), GROUP_KEY, ())


def test_a_group_below_the_opening_level_silences_nobody() -> None:
    opened = by_key(step((), assessment(finding(), replace(GROUP, level=Level.WATCH))))
    assert {key: d.channels for key, d in opened.items()} == {KEY: ("log",)}


def test_a_stream_that_resumes_under_its_parent_is_no_news_to_those_who_never_heard() -> None:
    group, child = alert(GROUP), alert(parent=GROUP_KEY, told=())
    end = only(step((group, child), assessment(GROUP), {KEY: send(NOW + hours(1))}, now=NOW))
    assert (end.event, end.channels) == (RESOLVED, ())


def test_those_who_heard_before_the_group_was_found_hear_the_end() -> None:
    group, child = alert(GROUP), alert(parent=GROUP_KEY, told=("log",))
    assert only(step((group, child), assessment(GROUP), {KEY: send(NOW + hours(1))}, now=NOW)).channels == ("log",)


# ------------------------------------------------------------------------------- groups that come back one by one

PART = finding(FindingKind.PARTIAL_GROUP_GAP, "delivery:SendGrid", members=(STREAM,))
BACK = NOW + hours(1)


def known_of(**last: datetime | None) -> tuple[StreamState, ...]:
    """`news` and `b` with their last sends; None: one that fell silent with the group and has ended."""
    names = {"news": STREAM, "b": "b.example"}
    return tuple(
        StreamState(
            stream=names[name],
            organisation="example.org",
            phase=StreamPhase.REGULAR if at else StreamPhase.ENDED,
            last_send_at=at or LAST,
            sends=100,
            expected_sends_per_day=1.0,
            return_period_years=1.0,
            alarm_due_at=None,
            next_expected_at=None,
            inboxes=(),
        )
        for name, at in last.items()
    )


@pytest.mark.parametrize("microseconds", [0, 3])
@pytest.mark.parametrize("found", [(), (finding(),), (PART,), (finding(), PART)])
def test_a_group_of_which_one_is_back_speaks_on_for_the_others(found: tuple[Finding, ...], microseconds: int) -> None:
    last = LAST + timedelta(microseconds=microseconds)
    judged = replace(assessment(*found), states=known_of(news=last, b=BACK))
    after = step((alert(GROUP),), judged, now=NOW)
    assert [(d.channels, d.alert.parent) for d in after if d.event] == [((), GROUP_KEY)] * len(found)
    group = by_key(after)[GROUP_KEY].alert.finding
    assert group is not None
    assert (group.members, group.resumed) == ((STREAM,), ("b.example",))


@pytest.mark.parametrize("kind", [FindingKind.GROUP_GAP, FindingKind.PARTIAL_GROUP_GAP])
def test_a_group_ends_when_all_it_named_are_back(kind: FindingKind) -> None:
    known = alert(replace(GROUP, kind=kind, key=f"{kind.value}:delivery:SendGrid"))
    end = only(step((known,), replace(assessment(), states=known_of(news=BACK, b=BACK))))
    assert (end.event, end.channels, end.still_silent) == (RESOLVED, ("log",), ())


INBOX_WITHOUT_MAIL = finding(FindingKind.INBOX_BLIND, "quiet-1", members=(STREAM, "b.example"), gap=gap_facts())


def test_an_inbox_that_gets_mail_again_speaks_on_for_the_lists_that_are_late_and_names_them_at_the_end() -> None:
    known, judged = alert(INBOX_WITHOUT_MAIL), replace(assessment(finding()), states=known_of(news=LAST, b=BACK))
    after = by_key(step((known,), judged, now=NOW + REFRESH))
    assert [(d.channels, d.alert.parent) for d in after.values() if d.alert.key == KEY] == [((), known.key)]
    end = only(step((known,), replace(assessment(), states=known_of(news=BACK, b=BACK))))
    assert (end.event, end.channels, end.still_silent) == (RESOLVED, ("log",), ())


def test_an_inbox_whose_silence_ends_in_blindness_keeps_its_alert_and_what_it_told() -> None:
    known, unread = alert(INBOX_WITHOUT_MAIL), finding(FindingKind.INBOX_BLIND, "quiet-1", since=BACK)
    judged = replace(assessment(unread), states=known_of(news=LAST, b=LAST))
    kept = only(step((known,), judged))
    assert (kept.event, kept.alert.finding) == (None, known.finding)
    after = only(step((known,), replace(assessment(), states=known_of(news=LAST, b=BACK))))
    assert after.event is None
    assert after.alert.finding is not None
    assert (after.alert.finding.members, after.alert.finding.resumed) == ((STREAM,), ("b.example",))


def test_a_list_that_falls_silent_after_it_was_back_in_such_an_inbox_is_told_of_by_itself() -> None:
    known = alert(INBOX_WITHOUT_MAIL)
    again = finding(since=BACK)
    opened = by_key(step((known,), replace(assessment(again), states=known_of(news=BACK, b=LAST))))
    assert (opened[KEY].channels, opened[KEY].alert.parent) == (("log",), None)


def test_a_part_that_shrinks_names_all_that_it_has_named() -> None:
    known = alert(finding(FindingKind.PARTIAL_GROUP_GAP, "x", members=("a", "b", "c"), since=LAST + hours(1)))
    fewer = finding(FindingKind.PARTIAL_GROUP_GAP, "x", members=("a", "b"))
    (kept,) = step((known,), assessment(fewer), now=NOW + REFRESH)
    assert kept.alert.finding is not None
    assert (kept.event, kept.alert.finding.members, kept.alert.since) == (None, ("a", "b", "c"), LAST + hours(1))


def test_a_stream_that_mails_again_leaves_its_group_without_a_word_and_one_that_falls_silent_joins() -> None:
    known = alert(finding(FindingKind.PARTIAL_GROUP_GAP, "x", members=(STREAM, "b.example")), told=("log",))
    judged = assessment(finding(FindingKind.PARTIAL_GROUP_GAP, "x", members=(STREAM, "c.example"), unsure=("c.example",)))
    (followed,) = step((known,), replace(judged, states=known_of(news=LAST, b=BACK)), now=NOW)
    assert (followed.event, followed.channels) == (None, ())
    assert followed.alert.finding is not None
    of = followed.alert.finding
    assert (of.members, of.unsure, of.resumed) == (("c.example", STREAM), ("c.example",), ("b.example",))
    again = step((followed.alert,), replace(judged, states=known_of(news=LAST, b=BACK)), now=NOW)
    assert again == ()


def test_a_stream_that_left_its_group_and_falls_silent_is_told_of_by_itself() -> None:
    left = finding(FindingKind.PARTIAL_GROUP_GAP, "x", members=("b.example", "c.example"), resumed=(STREAM,))
    after = by_key(step((alert(left),), assessment(left, finding(since=BACK))))
    assert (after[KEY].event, after[KEY].channels, after[KEY].alert.parent) == (OPENED, ("log",), None)


def test_one_that_left_and_is_silent_with_the_group_again_is_among_its_members() -> None:
    left = finding(FindingKind.PARTIAL_GROUP_GAP, "x", members=("b.example",), resumed=(STREAM,))
    back = finding(FindingKind.PARTIAL_GROUP_GAP, "x", members=("b.example", STREAM))
    (followed,) = step((alert(left),), assessment(back), now=NOW)
    assert followed.alert.finding is not None
    assert (followed.alert.finding.members, followed.alert.finding.resumed) == (("b.example", STREAM), ())


def test_one_that_is_back_and_falls_silent_again_is_told_of_by_itself() -> None:
    again = finding(since=BACK)
    after = by_key(step((alert(GROUP),), replace(assessment(again), states=known_of(news=BACK, b=LAST))))
    assert (after[KEY].event, after[KEY].channels, after[KEY].alert.parent) == (OPENED, ("log",), None)


def test_a_group_that_falls_silent_again_is_told_of_again() -> None:
    again = replace(GROUP, since=BACK)
    ended, opened = step((alert(GROUP),), replace(assessment(again), states=known_of(news=BACK, b=LAST)))
    assert (ended.event, ended.channels, ended.still_silent) == (RESOLVED, ("log",), ("b.example",))
    assert (opened.event, opened.channels, opened.alert.since) == (OPENED, ("log",), BACK)


@pytest.mark.parametrize(
    ("usual_pause", "phase", "ends"),
    [
        (hours(24), StreamPhase.REGULAR, False),  # silent for 44 hours, which is late
        (hours(30), StreamPhase.REGULAR, True),
        (hours(168), StreamPhase.REGULAR, True),  # a weekly list
        (hours(30), StreamPhase.SILENT, False),  # it stands out by itself
        (hours(24), StreamPhase.ENDED, True),
    ],
)
def test_one_that_is_not_late_by_itself_keeps_no_group_open(usual_pause: timedelta, phase: StreamPhase, ends: bool) -> None:
    b, mine = known_of(b=BACK, news=LAST)
    states = (b, replace(mine, phase=phase, gap=gap_facts(usual_pause=usual_pause)))
    after = step((alert(GROUP),), replace(assessment(), states=states), now=LAST + hours(44))
    assert [(d.event, d.still_silent) for d in after if d.event] == ([(RESOLVED, (STREAM,))] if ends else [])


def test_a_stream_that_has_ended_keeps_no_group_open_and_its_end_names_it() -> None:
    end = only(step((alert(GROUP),), replace(assessment(), states=known_of(news=None, b=BACK))))
    assert (end.event, end.still_silent) == (RESOLVED, (STREAM,))


def test_when_the_group_ends_a_silent_child_is_told_to_nobody_twice() -> None:
    group, child = alert(GROUP, told=("log",)), alert(parent=GROUP_KEY, told=())
    after = by_key(step((group, child), replace(assessment(finding()), states=known_of(news=None, b=BACK))))
    assert after[GROUP_KEY].event is RESOLVED
    assert (after[KEY].channels, after[KEY].alert.parent, after[KEY].alert.told) == ((), None, ("log",))


def test_when_the_group_ends_a_silent_child_is_told_to_those_who_never_heard() -> None:
    group, child = alert(GROUP, told=()), alert(parent=GROUP_KEY, told=())
    after = by_key(step((group, child), replace(assessment(finding()), states=known_of(news=None, b=BACK))))
    assert (after[KEY].event, after[KEY].channels) == (OPENED, ("log",))


def test_when_a_blind_inbox_ends_a_silent_child_is_told_as_no_text_named_it() -> None:
    blind = finding(FindingKind.INBOX_BLIND, "quiet-1", members=(STREAM,))
    after = by_key(step((alert(blind), alert(parent=blind.key, told=())), assessment(finding())))
    assert (after[blind.key].event, after[KEY].channels) == (RESOLVED, ("log",))


# -------------------------------------------------------------------------------------------------- muting


def test_a_muted_alert_is_told_when_the_mute_ends_and_it_is_still_open() -> None:
    muted = alert(told=(), muted_until=LATER)
    assert step((muted,), assessment(finding()), now=LATER - hours(1.5)) == ()
    told = only(step((muted,), assessment(finding()), now=LATER))
    assert (told.event, told.channels) == (OPENED, ("log",))


def test_the_end_of_a_muted_alert_is_told_to_those_who_heard() -> None:
    muted = alert(muted_until=LATER + hours(1))
    assert only(step((muted,), assessment(), {KEY: send(NOW + hours(1))})).channels == ("log",)


# -------------------------------------------------------------------------------------------------- a whole life


def test_ten_quiet_rounds_tell_nothing() -> None:
    known: tuple[Alert, ...] = ()
    told: list[tuple[AlertEventKind | None, tuple[str, ...]]] = []
    for minute in range(10):
        decisions = step(known, assessment(finding()), now=NOW + hours(minute / 60))
        told += [(d.event, d.channels) for d in decisions]
        known = tuple(replace(d.alert, id=1) for d in decisions) or known
    assert told == [(OPENED, ("log",))]
