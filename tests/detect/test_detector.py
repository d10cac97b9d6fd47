"""The detector as a whole: what it says depends on what was sent and proven, and on nothing else."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from monitor.detect.calendar import hours_of
from monitor.detect.replay import Frame, Replay
from monitor.model import FindingKind, Level, StreamPhase
from monitor.settings import GapSettings, Pause
from tests.detect.streams import DAY, HOUR, START, covered, detector, keys, regular_sends, send

EVERY = 4 * HOUR
SENDS = regular_sends("a.example", EVERY, 30 * DAY)
LAST = SENDS[-1].at


def test_a_regular_stream_raises_nothing() -> None:
    known = detector(SENDS)
    assert not known.assess(LAST + EVERY).findings
    assert known.assess(LAST + EVERY).states[0].phase is StreamPhase.REGULAR


def test_a_silent_stream_is_found_with_its_last_send_and_its_numbers() -> None:
    (finding,) = detector(SENDS).assess(LAST + 6 * DAY).findings
    assert (finding.kind, finding.key, finding.since) == (FindingKind.GAP, "gap:a.example", LAST)
    assert finding.level is Level.CONFIRMED
    assert LAST < finding.found_at < LAST + 4 * DAY
    assert finding.gap is not None
    assert finding.gap.silence == 6 * DAY
    assert finding.gap.sends_learned == len(SENDS)
    assert finding.gap.return_period_years > 10


def test_levels_rise_in_their_order() -> None:
    known = detector(SENDS)
    levels = []
    for hours in range(200):
        findings = known.assess(LAST + hours * HOUR).findings
        levels.append(findings[0].level if findings else 0)
    assert levels == sorted(levels)
    assert set(levels) == {0, Level.WATCH, Level.ALERT, Level.CONFIRMED}


def test_without_levels_there_is_only_the_alert() -> None:
    known = detector(SENDS, settings=GapSettings(levels="off"))
    levels = [f.level for hours in range(0, 200, 4) for f in known.assess(LAST + hours * HOUR).findings]
    assert set(levels) == {Level.ALERT}


def test_a_tighter_budget_waits_longer() -> None:
    def found(budget: float) -> timedelta:
        known = detector(SENDS, settings=GapSettings(false_alarms_per_sender_year=budget))
        return known.assess(LAST + 30 * DAY).findings[0].found_at - LAST

    assert found(12) < found(1) < found(0.1)


def test_a_budget_for_all_together_is_divided_by_the_lists_that_have_not_ended() -> None:
    """Four lists, two of which ended long ago, share what each of two would have alone."""
    ended = [s for k in (1, 2) for s in regular_sends(f"ended{k}.example", EVERY, 10 * DAY, first=10_000 * k, seed=k)]
    sends = [*ended, *regular_sends("b.example", EVERY, 90 * DAY, first=30_000, seed=3)]
    other = regular_sends("a.example", EVERY, 80 * DAY)

    def due(settings: GapSettings) -> timedelta:
        states = detector([*sends, *other], settings=settings).assess(other[-1].at + HOUR).states
        (state,) = [s for s in states if s.stream == "a.example"]
        assert state.alarm_due_at is not None
        return state.alarm_due_at - other[-1].at

    alone = due(GapSettings(false_alarms_per_sender_year=1))
    assert abs(due(GapSettings(false_alarms_total_year=2)) - alone) < timedelta(minutes=10)
    assert due(GapSettings(false_alarms_total_year=0.2)) > alone


def test_a_budget_of_its_own_takes_a_list_out_of_the_common_one() -> None:
    common = GapSettings(false_alarms_total_year=12)
    assert common.with_overrides({"false_alarms_per_sender_year": 0.5}).false_alarms_total_year is None
    assert common.with_overrides({"floor": "2h"}).false_alarms_total_year == 12


def test_the_announced_deadline_is_when_the_alert_comes() -> None:
    due = detector(SENDS).assess(LAST + HOUR).states[0].alarm_due_at
    assert due is not None
    (finding,) = detector(SENDS).assess(due + DAY).findings
    assert abs(finding.found_at - due) < timedelta(minutes=5)


def test_every_stream_says_what_is_to_be_expected_of_it() -> None:
    (state,) = detector(SENDS).assess(LAST + HOUR).states
    assert state.gap is not None
    assert state.next_expected_at is not None
    assert LAST + HOUR < state.next_expected_at < LAST + 2 * EVERY
    assert state.gap.delay_by_day is not None
    assert state.gap.delay_by_night is not None
    assert 0.8 * EVERY < state.gap.usual_pause < 1.2 * EVERY
    longest = max(b.at - a.at for a, b in pairwise(SENDS))
    assert abs(state.gap.longest_pause - longest) < timedelta(seconds=1)
    assert (state.gap.sends_learned, state.gap.first_send_at) == (len(SENDS), START)


def test_without_a_rhythm_no_delay_is_promised() -> None:
    (state,) = detector(SENDS[:3]).assess(SENDS[3].at).states
    assert state.gap is not None
    assert (state.gap.delay_by_day, state.gap.delay_by_night) == (None, None)


def test_a_fixed_silence_is_told_of_after_itself_less_the_silence_that_ran_already() -> None:
    (state,) = detector(SENDS, settings=GapSettings(fixed=timedelta(hours=48))).assess(LAST + HOUR).states
    assert state.gap is not None
    assert state.gap.delay_by_day is not None
    assert 48 * HOUR - EVERY < state.gap.delay_by_day < 48 * HOUR


def test_a_few_sends_are_learned_from_without_alarm() -> None:
    state = detector(SENDS[:4]).assess(SENDS[3].at + 10 * DAY).states[0]
    assert state.phase is StreamPhase.LEARNING
    assert state.alarm_due_at is None
    assert state.return_period_years == 0


def test_of_two_sends_long_ago_nobody_says_how_rare_their_silence_is() -> None:
    (state,) = detector(SENDS[:2]).assess(SENDS[1].at + 60 * DAY).states
    assert (state.phase, state.return_period_years) == (StreamPhase.ENDED, 0)


def test_a_single_send_is_no_stream_that_can_fall_silent() -> None:
    assert not detector([send(1, "once.example", START)]).assess(START + 400 * DAY).findings


def test_fixed_hours_alarm_exactly_then() -> None:
    known = detector(SENDS, settings=GapSettings(fixed=timedelta(hours=48)))
    assert not keys(known.assess(LAST + timedelta(hours=47, minutes=59)))
    assert known.assess(LAST + timedelta(hours=49)).findings[0].found_at == LAST + timedelta(hours=48)


@pytest.mark.parametrize("limit", ["fixed", "ceiling"])
def test_a_silence_that_only_a_limit_makes_an_alarm_says_so_until_it_is_rare(limit: str) -> None:
    known = detector(SENDS, settings=GapSettings.model_validate({limit: "8h"}))
    facts = [known.assess(LAST + timedelta(hours=9)).findings[0].gap, known.assess(LAST + 30 * DAY).findings[0].gap]
    assert [f is not None and f.by_limit for f in facts] == [True, False]


def test_a_list_that_is_being_learned_has_no_alarm_by_a_limit() -> None:
    (state,) = detector(SENDS[:3], settings=GapSettings(fixed=timedelta(hours=2))).assess(SENDS[2].at + 5 * HOUR).states
    assert state.gap is not None
    assert (state.phase, state.gap.by_limit) == (StreamPhase.LEARNING, False)


@pytest.mark.parametrize("settings", [{"floor": "9d"}, {"fixed": "9d"}])
def test_a_rare_silence_that_the_settings_hold_back_is_not_called_usual(settings: dict[str, str]) -> None:
    known = detector(SENDS, settings=GapSettings.model_validate(settings))
    found = []
    for days in (0.2, 6, 10):
        (state,) = known.assess(LAST + days * DAY).states
        assert state.gap is not None
        found.append((state.phase, state.gap.held_back))
    assert found == [(StreamPhase.REGULAR, False), (StreamPhase.WATCH, True), (StreamPhase.SILENT, False)]


def test_a_silence_that_is_an_alarm_before_its_ceiling_is_not_told_of_for_that() -> None:
    (found,) = detector(SENDS, settings=GapSettings(ceiling=timedelta(days=25))).assess(LAST + 30 * DAY).findings
    assert found.gap is not None
    assert not found.gap.by_limit


def test_fixed_hours_stand_instead_of_a_ceiling() -> None:
    known = detector(SENDS, settings=GapSettings(fixed=timedelta(hours=48), ceiling=timedelta(hours=6)))
    assert known.assess(LAST + timedelta(hours=49)).findings[0].found_at == LAST + timedelta(hours=48)


def test_floor_and_ceiling_bound_the_learned_deadline() -> None:
    late = detector(SENDS, settings=GapSettings(floor=timedelta(days=9)))
    assert late.assess(LAST + 10 * DAY).findings[0].found_at == LAST + 9 * DAY
    early = detector(SENDS, settings=GapSettings(ceiling=timedelta(hours=6)))
    assert early.assess(LAST + DAY).findings[0].found_at == LAST + 6 * HOUR


def test_a_declared_pause_does_not_count() -> None:
    pause = Pause(start=LAST + HOUR, end=LAST + 10 * DAY, why="summer")
    known = detector(SENDS, settings=GapSettings(expected_pause=(pause,)))
    during = known.assess(LAST + 8 * DAY)
    assert not during.findings
    assert during.states[0].phase is StreamPhase.PAUSED
    assert keys(known.assess(LAST + 20 * DAY)) == {"gap:a.example"}


def test_while_nothing_is_covered_no_silence_is_found_but_our_blindness_is() -> None:
    known = detector(SENDS, full_coverage=False)
    known.add_coverage([covered(timedelta(0), LAST - START + HOUR)])
    assessment = known.assess(LAST + 10 * DAY)
    assert keys(assessment) == {"inbox_blind:one"}
    assert assessment.states[0].phase is StreamPhase.BLIND


def test_a_stop_within_an_outage_is_found_after_it_and_back_dated() -> None:
    known = detector(SENDS, full_coverage=False)
    blind = LAST - START - DAY
    known.add_coverage([covered(timedelta(0), blind)])
    assert keys(known.assess(LAST + 4 * DAY)) == {"inbox_blind:one"}
    known.add_coverage([covered(blind, LAST - START + 4 * DAY)])
    (finding,) = known.assess(LAST + 4 * DAY).findings
    assert finding.kind is FindingKind.GAP
    without_outage = detector(SENDS).assess(LAST + 4 * DAY).findings[0]
    assert finding.found_at == without_outage.found_at


def test_a_list_that_always_mails_while_nobody_looks_is_missed_too() -> None:
    """Its mail is found later each day; were that not counted, it would seem to mail ever less, and nobody would be told."""
    known = detector([send(k, "a.example", START + k * DAY + 3 * HOUR) for k in range(120)], full_coverage=False)
    known.add_coverage(covered(k * DAY + 4 * HOUR, (k + 1) * DAY + 2.75 * HOUR) for k in range(150))
    state = known.assess(START + 119.5 * DAY).states[0]
    assert state.expected_sends_per_day == pytest.approx(1.0, abs=0.1)
    assert keys(known.assess(START + 140 * DAY)) == {"gap:a.example"}


def test_silence_from_before_anybody_looked_raises_nothing() -> None:
    known = detector(SENDS, full_coverage=False)
    watched_from = LAST - START + 20 * DAY
    known.add_coverage([covered(watched_from, watched_from + 10 * DAY)])
    assessment = known.assess(START + watched_from + 10 * DAY)
    assert not assessment.findings
    assert assessment.states[0].phase is StreamPhase.ENDED


def test_a_list_that_was_late_before_anybody_looked_is_not_called_regular() -> None:
    watch, alert = (
        next(d for d in range(1, 400) if any(f.level >= level for f in detector(SENDS).assess(LAST + d * HOUR).findings))
        for level in (Level.WATCH, Level.ALERT)
    )
    known = detector(SENDS, full_coverage=False)
    looked = LAST - START + (watch + 1) * HOUR
    known.add_coverage([covered(looked, looked + HOUR)])
    assessment = known.assess(START + looked + HOUR)
    assert watch + 2 < alert
    assert not assessment.findings
    assert assessment.states[0].phase is StreamPhase.WATCH


def test_all_inboxes_blind_is_one_finding() -> None:
    inboxes = ("one", "two", "three")
    known = detector(regular_sends("a.example", EVERY, 10 * DAY, inboxes=inboxes), full_coverage=False)
    known.add_coverage(covered(timedelta(0), 10 * DAY + timedelta(minutes=k), inbox=i) for k, i in enumerate(inboxes))
    assert keys(known.assess(START + 11 * DAY)) == {"inbox_blind:all"}


def test_one_seed_inbox_without_a_streams_mail_is_about_that_inbox() -> None:
    both = regular_sends("a.example", EVERY, 20 * DAY, inboxes=("one", "two"))
    later = [send(10_000 + k, "a.example", START + 20 * DAY + k * EVERY) for k in range(30)]
    findings = detector([*both, *later]).assess(later[-1].at + HOUR).findings
    assert [(f.kind, f.members, f.since) for f in findings] == [(FindingKind.SEED_SILENT, ("two",), both[-1].at)]


def test_an_hour_is_taken_once_as_a_whole_however_often_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    finish_hour = Replay.finish_hour

    def noted(replay: Replay, frame: Frame) -> None:
        taken.append(frame.engine.hour)
        finish_hour(replay, frame)

    sends = regular_sends("a.example", 6 * HOUR, 12 * DAY)
    known = detector(sends)
    known.assess(START + 10 * DAY)
    monkeypatch.setattr(Replay, "finish_hour", noted)
    for ten_minutes in range(1, 60):
        known.assess(START + 10 * DAY + ten_minutes / 6 * HOUR)
    first = int(hours_of(START + 10 * DAY))
    assert taken == list(range(first, first + 9))
