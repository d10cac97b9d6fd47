"""What the pages say: the headline tells the worst first and claims only what was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.model import AlertState, FindingKind, StreamPhase, StreamState
from monitor.show.pages import (
    PHASES,
    alert_members,
    alert_state,
    chart_now,
    fleet_rows,
    headline,
    silence_words,
    stream_line,
    stream_lines,
    warnings,
)
from monitor.show.snapshot import Snapshot
from monitor.show.strips import WINDOW
from tests.show.snapshots import (
    EMPTY,
    LAST,
    NOW,
    VICTORY,
    all_wrong,
    calm,
    facts,
    gap_finding,
    history,
    inbox,
    shown_alert,
    silent,
)


def with_phases(*phases: StreamPhase) -> Snapshot:
    now = calm().now
    states: tuple[StreamState, ...] = tuple(
        replace(now.states[0], stream=f"list-{n}.example", phase=phase) for n, phase in enumerate(phases)
    )
    return replace(now, assessment=replace(now.assessment, states=states))


def test_all_well_is_said_in_one_calm_sentence() -> None:
    said = headline(calm().now)
    assert (said.tone, said.title, said.lines) == ("calm", "All 7 lists are mailing as usual", ())


def test_an_open_gap_is_the_headline_and_says_what_was_seen() -> None:
    said = headline(silent().now)
    assert (said.tone, said.title) == ("alarm", "No mail seen from victory.donaldtrump.com since 6 Jan, 18:22 UTC")
    assert said.lines == ("Lists: 5 mailing as usual, 1 still being learned.",)


def test_blindness_is_told_beside_a_gap() -> None:
    assert headline(all_wrong().now).lines[-1] == "1 seed inbox cannot be read now: quiet-2."


def test_a_partly_blind_service_does_not_say_that_all_is_well() -> None:
    now = calm().now
    said = headline(replace(now, inboxes=(now.inboxes[0], inbox("quiet-2", blind=True))))
    assert (said.tone, said.title) == ("blind", "We see only a part: quiet-2 cannot be read now")


def test_a_blind_service_says_that_silence_means_nothing() -> None:
    said = headline(replace(calm().now, inboxes=(inbox("quiet-1", blind=True),)))
    assert (said.tone, said.title) == ("blind", "We cannot see: no seed inbox can be read now")
    assert said.lines[0] == "Until one can, silence says nothing about the senders."


def test_nothing_set_up_yet_is_friendly() -> None:
    assert headline(EMPTY).title == "No seed inboxes yet"
    assert headline(replace(EMPTY, inboxes=(inbox("quiet-1"),))).title == "Listening; no list mail has come yet"


@pytest.mark.parametrize(
    ("phases", "tone", "title"),
    [
        ((StreamPhase.REGULAR,), "calm", "The one list is mailing as usual"),
        ((StreamPhase.REGULAR, StreamPhase.LEARNING), "calm", "1 list is mailing as usual"),
        ((StreamPhase.REGULAR, StreamPhase.REGULAR, StreamPhase.WATCH), "watch", "1 list is late: list-2.example"),
        ((StreamPhase.LEARNING, StreamPhase.LEARNING), "calm", "Learning the rhythm of 2 lists"),
        ((StreamPhase.LEARNING, StreamPhase.ENDED), "calm", "Learning the rhythm of 1 list"),
        ((StreamPhase.ENDED, StreamPhase.PAUSED), "calm", "No list is mailing as usual now"),
        ((StreamPhase.WATCH,) * 5, "watch", "5 lists are late: list-0.example, list-1.example, list-2.example and 2 more"),
    ],
)
def test_the_headline_counts_what_there_is(phases: tuple[StreamPhase, ...], tone: str, title: str) -> None:
    said = headline(with_phases(*phases))
    assert (said.tone, said.title) == (tone, title)


def test_lists_that_ended_or_pause_are_not_counted_as_mailing() -> None:
    said = headline(with_phases(StreamPhase.REGULAR, StreamPhase.PAUSED, StreamPhase.ENDED))
    assert said.title == "1 list is mailing as usual"


@pytest.mark.parametrize(
    ("phases", "lines"),
    [
        ((StreamPhase.REGULAR, StreamPhase.REGULAR), ()),
        (
            (StreamPhase.REGULAR, StreamPhase.LEARNING, StreamPhase.PAUSED, StreamPhase.ENDED),
            ("Lists: 1 still being learned, 1 in a declared pause, 1 ended.",),
        ),
        ((StreamPhase.LEARNING, StreamPhase.ENDED), ("Lists: 1 ended.",)),
    ],
)
def test_the_headline_passes_over_no_list(phases: tuple[StreamPhase, ...], lines: tuple[str, ...]) -> None:
    assert headline(with_phases(*phases)).lines == lines


def test_several_gaps_are_counted_and_named() -> None:
    now = silent().now
    second = shown_alert(2, finding=replace(gap_finding(history()), subject="teamhagerty.com", key="gap:teamhagerty.com"))
    said = headline(replace(now, alerts=(*now.alerts, second)))
    assert said.title == "2 lists have gone quiet: victory.donaldtrump.com and teamhagerty.com"


def test_the_table_starts_with_the_silent_list_and_shows_its_provider() -> None:
    source = silent()
    line = stream_lines(source.now, source.send_times(NOW - WINDOW))[0]
    assert (line.stream, line.phase_word, line.silence, line.rhythm) == (VICTORY, "silent", "34 hours", "about 15 a day")
    assert (line.provider, line.confidence) == ("Salesforce Marketing Cloud (formerly ExactTarget)", "likely")
    assert line.organisation is None


def test_a_list_being_learned_claims_no_rhythm() -> None:
    source = silent()
    line = next(line for line in stream_lines(source.now, {}) if line.stream == "traceymann.com")
    assert (line.phase_word, line.rhythm, line.spark_words) == ("learning", "being learned", "0 sends in 14 days")


def test_a_list_that_ended_before_it_was_learned_claims_no_rhythm() -> None:
    (state,) = with_phases(StreamPhase.ENDED).states
    line = stream_line(replace(state, return_period_years=0.0), None, NOW, ())
    assert (line.phase_word, line.rhythm) == ("ended", "not known")


def test_of_a_list_that_was_silent_before_anybody_looked_the_page_says_so() -> None:
    _, said = PHASES[StreamPhase.ENDED]
    assert "before we began to look" in said


@pytest.mark.parametrize("phase", [StreamPhase.SILENT, StreamPhase.ENDED])
def test_a_silence_that_only_the_settings_make_an_alarm_is_not_called_improbable(phase: StreamPhase) -> None:
    (state,) = with_phases(phase).states
    gap = replace(facts(LAST, 24.0, NOW), return_period_years=0.0005, by_limit=True)
    line = stream_line(replace(state, gap=gap), None, NOW, ())
    assert "as long as the settings allow" in line.phase_help
    assert "that is improbable" not in line.phase_help
    assert "unusual" not in line.phase_help


def test_of_a_rare_silence_that_the_settings_hold_back_the_page_says_so() -> None:
    (state,) = with_phases(StreamPhase.WATCH).states
    line = stream_line(replace(state, gap=replace(facts(LAST, 24.0, NOW), held_back=True)), None, NOW, ())
    assert (line.phase_word, "the settings want no alert yet" in line.phase_help) == ("late", True)


def test_the_picture_does_not_call_silences_improbable_that_only_the_settings_shade() -> None:
    (state,) = with_phases(StreamPhase.SILENT).states
    of_limit = replace(state, gap=replace(facts(LAST, 24.0, NOW), by_limit=True))
    assert silence_words([state]) == "silence that is improbable for the list"
    assert silence_words([state, of_limit]) == "silence that is improbable for the list, or as long as the settings allow"


def test_our_own_faults_stand_above_everything() -> None:
    assert warnings(calm().now, None) == []
    said = warnings(all_wrong().now, "the scheduler has not ticked yet")
    assert [text.split(";")[0].split(",")[0] for text in said] == [
        "GoneQuiet itself is not at work: the scheduler has not ticked yet",
        "The new settings are faulty",
        "1 notice could not be delivered",
    ]


def test_the_picture_shades_the_silent_list_and_shows_twelve_at_most() -> None:
    source = silent()
    rows = fleet_rows(source.now, source.send_times(NOW - WINDOW))
    assert (rows[0].name, rows[0].silent_since) == (VICTORY, LAST)
    assert all(row.silent_since is None for row in rows[1:])
    many = with_phases(*[StreamPhase.REGULAR] * 40)
    assert len(fleet_rows(many, {s.stream: [NOW] for s in many.states})) == 12


def test_pictures_are_drawn_anew_every_ten_minutes_and_reach_up_to_now() -> None:
    assert chart_now(NOW) == NOW
    assert chart_now(NOW + timedelta(seconds=1)) == NOW + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (AlertState.OPEN, "open since 7 Jan, 08:22 UTC"),
        (AlertState.RESOLVED, "ended 8 Jan, 04:40 UTC, after 34 hours without mail"),
        (AlertState.RETRACTED, "withdrawn 7 Jan, 08:22 UTC: mail that came in late shows that the silence was not there"),
    ],
)
def test_an_alert_s_state_is_said_in_words(state: AlertState, words: str) -> None:
    assert alert_state(shown_alert(finding=gap_finding(history()), state=state), NOW) == words


def test_an_alert_about_several_lists_says_which_of_them_mail_again() -> None:
    snapshot = calm().now
    of = replace(gap_finding(history()), kind=FindingKind.GROUP_GAP, members=(VICTORY, "campaigns.rnchq.com", "gone.example"))
    [back] = [s.last_send_at for s in snapshot.states if s.stream == VICTORY]
    [other] = [s.last_send_at for s in snapshot.states if s.stream == "campaigns.rnchq.com"]
    lines = alert_members(replace(shown_alert(finding=of).alert, since=other), snapshot.states)
    assert [(line.name, line.is_list, line.back_at) for line in lines] == [
        (VICTORY, True, back if back > other else None),
        ("campaigns.rnchq.com", True, None),
        ("gone.example", False, None),
    ]
