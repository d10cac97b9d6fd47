"""Rows have the same keys always, hold plain JSON, and stand in the order of urgency."""

from __future__ import annotations

import json
import math
from dataclasses import replace

from monitor.model import AlertState, FindingKind
from monitor.show.views import alert_row, alert_rows, gap_row, gap_rows, stream_row, stream_rows
from tests.show.snapshots import LAST, NOW, VICTORY, all_wrong, calm, gap_finding, history, shown_alert, silent


def test_the_silent_stream_stands_first_with_its_facts() -> None:
    row = stream_rows(silent().now)[0]
    assert row == {
        "stream": VICTORY,
        "organisation": "donaldtrump.com",
        "state": "silent",
        "last_send": "2021-01-06T18:22:46Z",
        "silence_seconds": int((NOW - LAST).total_seconds()),
        "sends": len(history()[VICTORY]),
        "expected_sends_per_day": 15.0,
        "usual_pause_seconds": 5760,
        "longest_pause_seconds": 40800,
        "return_period_years": 3.2,
        "odds": "once in about 3 years",
        "by_limit": False,
        "held_back": False,
        "expected_sends": 17.4,
        "expected_delay_day_seconds": 14 * 3600,
        "expected_delay_night_seconds": 19 * 3600,
        "fleet_factor": 1.0,
        "sends_learned": 240,
        "first_send": "2020-12-11T10:39:40Z",
        "next_expected": "2021-01-06T19:58:46Z",
        "alarm_due": "2021-01-07T18:22:46Z",
        "inboxes": ["quiet-1", "quiet-2"],
        "platform": None,
        "delivery": "Salesforce Marketing Cloud",
        "provider": "Salesforce Marketing Cloud (formerly ExactTarget)",
        "confidence": "likely",
        "account": None,
    }


def test_every_stream_row_has_every_key_even_without_provider_and_rhythm() -> None:
    rows = stream_rows(silent().now)
    assert {frozenset(row) for row in rows} == {frozenset(rows[0])}
    unknown = next(row for row in rows if row["stream"] == "standupforliberty.net")
    assert [unknown[key] for key in ("provider", "confidence", "usual_pause_seconds")] == [None, None, None]


def test_an_open_gap_names_its_alert() -> None:
    rows = gap_rows(silent().now)
    assert [(row["stream"], row["alert_id"], row["level"], row["opened_at"]) for row in rows] == [
        (VICTORY, 1, "alert", "2021-01-07T08:22:46Z")
    ]


def test_our_own_blindness_is_no_gap() -> None:
    assert [row["kind"] for row in gap_rows(all_wrong().now)] == ["gap"]


def test_all_states_are_asked_for_with_the_same_keys() -> None:
    rows = gap_rows(silent().now, everything=True)
    assert rows[0]["stream"] == VICTORY
    assert len(rows) == 7
    assert {frozenset(row) for row in rows} == {frozenset(rows[0])}
    assert gap_rows(calm().now) == []


def test_a_group_gap_has_members_and_no_stream() -> None:
    source = silent()
    finding = replace(
        gap_finding(history()),
        kind=FindingKind.GROUP_GAP,
        key="group_gap:delivery:SendGrid",
        subject="delivery:SendGrid",
        members=("a", "b"),
    )
    now = replace(source.now, assessment=replace(source.now.assessment, findings=(finding,)), alerts=())
    row = gap_rows(now)[0]
    assert (row["stream"], row["members"], row["state"], row["alert_id"]) == (None, ["a", "b"], None, None)


def test_what_is_not_known_of_a_silence_is_null() -> None:
    source = silent()
    state = next(s for s in source.now.states if s.gap is not None)
    assert state.gap is not None
    unknown = replace(state, return_period_years=0.0, gap=replace(state.gap, return_period_years=0.0))
    for row in (stream_row(unknown, None, source.now.at), gap_row(source.now.at, unknown, None, None, None)):
        assert (row["return_period_years"], row["odds"], row["expected_sends"]) == (None, None, None)


def test_a_part_of_a_group_is_silent_since_the_finding_says_so() -> None:
    """The others of the group go on, so that there are no facts of a silence of all."""
    finding = replace(
        gap_finding(history()), kind=FindingKind.PARTIAL_GROUP_GAP, subject="SendGrid", members=("a", "b"), gap=None
    )
    source = silent()
    row = gap_rows(replace(source.now, assessment=replace(source.now.assessment, findings=(finding,)), alerts=()))[0]
    assert (row["last_send"], row["silence_seconds"]) == (row["since"], int((source.now.at - finding.since).total_seconds()))
    assert (row["odds"], row["expected_sends"]) == (None, None)


def test_a_resolved_alert_tells_the_gap_s_length() -> None:
    shown = shown_alert(finding=gap_finding(history()), state=AlertState.RESOLVED)
    row = alert_row(shown)
    assert row["gap_seconds"] == int((NOW - LAST).total_seconds())
    assert row["provider_aliases"] == ["ExactTarget"]
    assert row["state"] == "resolved"


def test_rows_are_json_even_where_a_number_is_infinite() -> None:
    source = all_wrong()
    state = replace(source.now.states[0], return_period_years=math.inf)
    assert stream_row(state, None, NOW)["return_period_years"] == 1e6
    rows = [*stream_rows(source.now), *gap_rows(source.now, everything=True), *alert_rows(source.now)]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
