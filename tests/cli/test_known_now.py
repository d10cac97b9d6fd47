"""What is known now: `streams`, `gaps` and `alerts`, and taking an alert on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.app.session import open_session
from monitor.model import Alert, AlertChange, AlertState
from monitor.settings import load_settings
from tests.cli.conftest import BUSY, SILENT, Run

EXPLAINED_KEYS = {
    "odds", "by_limit", "held_back", "expected_sends", "expected_delay_day_seconds", "expected_delay_night_seconds",
    "fleet_factor", "sends_learned", "first_send",
}  # fmt: skip
STREAM_KEYS = {
    "stream", "organisation", "state", "last_send", "silence_seconds", "sends", "expected_sends_per_day", "usual_pause_seconds",
    "longest_pause_seconds", "return_period_years", "next_expected", "alarm_due", "inboxes", "platform", "delivery", "provider",
    "confidence", "account", *EXPLAINED_KEYS,
}  # fmt: skip
GAP_KEYS = {
    "key", "kind", "subject", "stream", "organisation", "state", "level", "since", "found_at", "last_send", "silence_seconds",
    "covered_seconds", "expected_sends", "usual_pause_seconds", "longest_pause_seconds", "return_period_years", "next_expected",
    "alarm_due", "members", "unsure", "alert_id", "alert_state", "opened_at", "note", "platform", "delivery", "provider",
    "confidence", "account", *EXPLAINED_KEYS,
}  # fmt: skip
ALERT_KEYS = {
    "id", "key", "kind", "subject", "organisation", "level", "state", "since", "found_at", "opened_at", "updated_at",
    "resolved_at", "resumed_at", "gap_seconds", "members", "unsure", "resumed", "parent", "acknowledged_by", "muted_until",
    "comment", "provider", "provider_aliases", "confidence", "title", "text",
}  # fmt: skip


def the_alert(settings: Path) -> Alert:
    with open_session(load_settings(settings)) as session:
        [alert] = session.store.alerts()
    return alert


def test_streams_are_listed_with_all_keys(watched: Path, gonequiet: Run) -> None:
    ran = gonequiet("streams", "--json", "-c", watched)
    assert (ran.status, ran.err) == (0, "")
    assert [row["stream"] for row in ran.rows] == [SILENT, BUSY]
    assert all(set(row) == STREAM_KEYS for row in ran.rows)
    assert [row["state"] for row in ran.rows] == ["silent", "regular"]
    assert ran.rows[0]["sends"] == 48
    assert ran.rows[0]["last_send"].endswith("Z")


def test_gaps_are_listed_with_all_keys_and_with_all_also_streams_without_one(watched: Path, gonequiet: Run) -> None:
    ran = gonequiet("gaps", "--json", "-c", watched)
    [gap] = ran.rows
    assert set(gap) == GAP_KEYS
    assert (gap["stream"], gap["kind"], gap["alert_state"], gap["members"]) == (SILENT, "gap", "open", [])
    everything = gonequiet("gaps", "--all", "--json", "-c", watched).rows
    assert [row["stream"] for row in everything] == [SILENT, BUSY]
    assert all(set(row) == GAP_KEYS for row in everything)
    assert everything[1]["alert_id"] is None


def test_alerts_are_listed_with_all_keys_and_shown_with_their_text(watched: Path, gonequiet: Run) -> None:
    ran = gonequiet("alerts", "--json", "-c", watched)
    [alert] = ran.rows
    assert set(alert) == ALERT_KEYS
    assert (alert["subject"], alert["state"], alert["resolved_at"]) == (SILENT, "open", None)
    assert "formerly ExactTarget" in alert["provider"]
    assert "ExactTarget" in alert["provider_aliases"]
    one = gonequiet("alerts", alert["id"], "-c", watched)
    assert one.out.strip() == alert["text"].strip()
    assert gonequiet("alerts", alert["id"], "--json", "-c", watched).rows == ran.rows


def test_of_a_gap_that_nobody_was_told_of_its_end_is_worded_once_it_is_over(watched: Path, gonequiet: Run) -> None:
    back = datetime.now(UTC).replace(microsecond=0)
    alert = the_alert(watched)
    another = replace(
        alert, id=0, key=f"gap:{BUSY}", subject=BUSY, since=back - timedelta(days=3), told=(), parent="group_gap:organisation:x"
    )
    with open_session(load_settings(watched)) as session:
        session.store.apply([AlertChange(alert=another)])
        [known] = [a for a in session.store.alerts() if a.subject == BUSY]
        over = replace(known, state=AlertState.RESOLVED, resumed_at=back, resolved_at=back, updated_at=back)
        session.store.apply([AlertChange(alert=over)])
        shown = session.snapshots(back + timedelta(days=2)).alert(known.id)
    assert shown is not None
    assert shown.title == f"Mail from {BUSY} seen again after 3 days"


@pytest.mark.parametrize(("command", "said"), [("streams", BUSY), ("gaps", SILENT), ("alerts", SILENT)])
def test_tables_for_people_name_what_is_listed(command: str, said: str, watched: Path, gonequiet: Run) -> None:
    ran = gonequiet(command, "-c", watched)
    assert (ran.status, ran.err) == (0, "")
    assert said in ran.out


def test_streams_that_were_silent_before_the_first_look_are_not_passed_over(gonequiet: Run, settings_file: Path) -> None:
    """After an import of past mail: the list's silence is rare and raises nothing, and nobody is told that all is well."""
    now = datetime.now(UTC)
    sends = [f"a.example,{(now - timedelta(days=20, hours=6 * n)).isoformat()}" for n in range(200)]
    sends += [f"b.example,{(now - timedelta(hours=6 * n)).isoformat()}" for n in range(280)]
    past = settings_file.parent / "past.csv"
    past.write_text("\n".join(["sender_id,timestamp", *sends, ""]), encoding="utf-8")
    assert gonequiet("import", past, "-c", settings_file).status == 0
    said = gonequiet("gaps", "-c", settings_file).out
    assert "No gap is open." in said
    assert "1 stream is ended: silent since before we began to look" in said


@pytest.mark.parametrize(
    ("command", "said"), [("streams", "No stream is known yet"), ("gaps", "No gap is open"), ("alerts", "No alert is open")]
)
def test_an_empty_list_says_so_to_people_and_nothing_to_programs(
    command: str, said: str, settings_file: Path, gonequiet: Run
) -> None:
    assert said in gonequiet(command, "-c", settings_file).out
    as_json = gonequiet(command, "--json", "-c", settings_file)
    assert (as_json.status, as_json.out, as_json.err) == (0, "", "")


def test_an_alert_is_acknowledged_with_name_and_comment(watched: Path, gonequiet: Run) -> None:
    number = the_alert(watched).id
    assert gonequiet("ack", number, "--by", "ann", "--comment", "I call them", "-c", watched).status == 0
    alert = the_alert(watched)
    assert (alert.state, alert.acknowledged_by, alert.comment) == (AlertState.ACKNOWLEDGED, "ann", "I call them")


def test_an_alert_is_muted_for_a_span_or_until_a_moment(watched: Path, gonequiet: Run) -> None:
    number = the_alert(watched).id
    before = datetime.now(UTC)
    assert gonequiet("mute", number, "--until", "3d", "-c", watched).status == 0
    until = the_alert(watched).muted_until
    assert until is not None
    assert before + timedelta(days=3) <= until <= datetime.now(UTC) + timedelta(days=3)
    assert gonequiet("mute", number, "--until", "2099-01-01T09:00+02:00", "-c", watched).status == 0
    assert the_alert(watched).muted_until == datetime(2099, 1, 1, 7, tzinfo=UTC)


@pytest.mark.parametrize("command", [["ack", "1", "--by", "ann"], ["mute", "1", "--until", "3d"]])
def test_nothing_is_done_to_an_alert_that_has_ended(command: list[str], watched: Path, gonequiet: Run) -> None:
    alert = the_alert(watched)
    ended = replace(alert, state=AlertState.RESOLVED, resolved_at=datetime(2026, 11, 20, 7, 30, tzinfo=UTC))
    with open_session(load_settings(watched)) as session:
        session.store.apply([AlertChange(alert=ended)])
    ran = gonequiet(*command, "-c", watched)
    assert (ran.status, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert "alert 1 ended at 2026-11-20T07:30:00Z" in ran.err
    known = the_alert(watched)
    assert (known.state, known.acknowledged_by, known.muted_until) == (AlertState.RESOLVED, None, None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ack", "99"], "there is no alert 99"),
        (["alerts", "99"], "there is no alert 99"),
        (["mute", "1", "--until", "soon"], '--until: expected a span such as "12h"'),
        (["mute", "1", "--until", "2001-01-01"], "not in the future"),
        (["mute", "1", "--until", "0s"], "not in the future"),
    ],
)
def test_what_cannot_be_done_is_said_on_stderr(arguments: list[str], said: str, watched: Path, gonequiet: Run) -> None:
    ran = gonequiet(*arguments, "-c", watched)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err
