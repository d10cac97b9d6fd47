"""Metrics have the names that dashboards rely on, never vanish, and never name an address."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families

from monitor.model import StreamPhase
from monitor.show.metrics import exposition
from monitor.show.snapshot import Durations, Snapshot
from tests.show.snapshots import EMPTY, LAST, VICTORY, all_wrong, calm, silent

NAMES = {
    "gonequiet_stream_last_send_timestamp_seconds": {"stream", "organisation"},
    "gonequiet_stream_sends_total": {"stream"},
    "gonequiet_stream_copies_total": {"stream", "delivery", "placement"},
    "gonequiet_stream_state": {"stream", "state"},
    "gonequiet_stream_silence_return_period_years": {"stream"},
    "gonequiet_stream_expected_sends_per_day": {"stream"},
    "gonequiet_stream_alarm_due_timestamp_seconds": {"stream"},
    "gonequiet_provider_silent_streams": {"delivery"},
    "gonequiet_folder_proven_timestamp_seconds": {"inbox", "folder"},
    "gonequiet_inbox_blind": {"inbox"},
    "gonequiet_inbox_unreached": {"inbox"},
    "gonequiet_canaries_total": {"inbox", "result"},
    "gonequiet_canary_arrived_timestamp_seconds": {"inbox"},
    "gonequiet_canary_delay_seconds_count": {"receiver"},
    "gonequiet_canary_delay_seconds_sum": {"receiver"},
    "gonequiet_polls_total": {"inbox", "result"},
    "gonequiet_poll_duration_seconds_bucket": {"le"},
    "gonequiet_poll_duration_seconds_sum": set(),
    "gonequiet_poll_duration_seconds_count": set(),
    "gonequiet_scheduler_missed_total": set(),
    "gonequiet_polls_late_total": set(),
    "gonequiet_messages_problem_total": {"problem"},
    "gonequiet_identified_total": {"delivery", "confidence"},
    "gonequiet_alerts_open": {"kind", "level"},
    "gonequiet_alerts_total": {"kind", "event"},
    "gonequiet_notices_total": {"channel", "result"},
    "gonequiet_config_last_reload_successful": set(),
    "gonequiet_heartbeat_timestamp_seconds": set(),
    "gonequiet_build_info": {"version"},
}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(snapshot: Snapshot) -> Samples:
    body, _ = exposition(lambda: snapshot)("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if family.name.startswith("gonequiet_")
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_names_and_labels_are_exactly_those_that_are_promised() -> None:
    found: dict[str, set[str]] = {}
    for name, labels in samples(silent().now):
        found.setdefault(name, set()).update(key for key, _ in labels)
    assert found == NAMES


def test_canaries_are_counted_by_inbox_and_their_delay_by_who_runs_the_mailbox() -> None:
    now = silent().now
    assert len(now.inboxes) == 2
    found = samples(now)
    assert value(found, "gonequiet_canaries_total", inbox="quiet-1", result="junk") == 2
    assert value(found, "gonequiet_canaries_total", inbox="quiet-1", result="failed") == 0
    assert value(found, "gonequiet_canary_delay_seconds_count", receiver="dovecot") == 6
    assert value(found, "gonequiet_canary_delay_seconds_sum", receiver="dovecot") == 138
    without = replace(now, inboxes=tuple(replace(inbox, canary=None) for inbox in now.inboxes))
    assert not [name for name, _ in samples(without) if "canar" in name]


def test_a_silent_stream_shows_in_its_state_its_provider_and_its_alert() -> None:
    found = samples(silent().now)
    assert (
        value(found, "gonequiet_stream_last_send_timestamp_seconds", stream=VICTORY, organisation="donaldtrump.com")
        == LAST.timestamp()
    )
    assert value(found, "gonequiet_stream_state", stream=VICTORY, state="silent") == 1
    assert value(found, "gonequiet_stream_state", stream=VICTORY, state="regular") == 0
    assert value(found, "gonequiet_provider_silent_streams", delivery="Salesforce Marketing Cloud") == 1
    assert value(found, "gonequiet_alerts_open", kind="gap", level="alert") == 1
    assert value(found, "gonequiet_alerts_open", kind="inbox_blind", level="alert") == 0


def test_series_of_a_stream_stay_whatever_state_it_is_in() -> None:
    now = calm().now
    wanted = {key for key in samples(now) if ("stream", VICTORY) in key[1]}
    for phase in StreamPhase:
        states = tuple(replace(s, phase=phase, alarm_due_at=None, gap=None, return_period_years=math.inf) for s in now.states)
        found = samples(replace(now, assessment=replace(now.assessment, states=states), providers={}))
        assert {key for key in found if ("stream", VICTORY) in key[1]} == wanted


def test_providers_without_a_silent_stream_are_there_with_zero() -> None:
    assert value(samples(calm().now), "gonequiet_provider_silent_streams", delivery="Mailchimp") == 0


def test_a_folder_that_was_never_read_is_proven_at_zero() -> None:
    now = calm().now
    folder = replace(now.inboxes[0].folders[0], proven_at=None)
    found = samples(replace(now, inboxes=(replace(now.inboxes[0], folders=(folder,)),)))
    assert value(found, "gonequiet_folder_proven_timestamp_seconds", inbox="quiet-1", folder="INBOX") == 0


def test_results_that_did_not_happen_yet_are_zero_so_that_the_first_one_is_an_increase() -> None:
    found = samples(calm().now)
    assert value(found, "gonequiet_polls_total", inbox="quiet-1", result="login") == 0
    assert value(found, "gonequiet_notices_total", channel="newsroom", result="failed") == 0


def test_what_is_wrong_with_the_service_itself_shows() -> None:
    found = samples(all_wrong().now)
    assert value(found, "gonequiet_config_last_reload_successful") == 0
    assert value(found, "gonequiet_inbox_blind", inbox="quiet-2") == 1
    assert value(found, "gonequiet_polls_total", inbox="quiet-2", result="login") == 84
    assert value(found, "gonequiet_notices_total", channel="newsroom", result="failed") == 1
    assert value(found, "gonequiet_scheduler_missed_total") == 3
    assert value(found, "gonequiet_polls_late_total") == 5


def test_the_duration_of_polls_is_a_histogram_with_growing_buckets() -> None:
    found = samples(calm().now)
    assert value(found, "gonequiet_poll_duration_seconds_bucket", le="0.25") == 0
    assert value(found, "gonequiet_poll_duration_seconds_bucket", le="0.5") == 1
    assert value(found, "gonequiet_poll_duration_seconds_bucket", le="+Inf") == 2
    assert value(found, "gonequiet_poll_duration_seconds_sum") == 4.3


def test_a_poll_as_long_as_a_bound_counts_below_it() -> None:
    assert Durations().plus(timedelta(seconds=0.5)).counts[2] == 1
    assert Durations().plus(timedelta(hours=1)).counts[-1] == 1


def test_an_empty_service_still_tells_of_itself() -> None:
    found = samples(EMPTY)
    assert value(found, "gonequiet_build_info", version="0.1.0") == 1
    assert value(found, "gonequiet_alerts_open", kind="gap", level="alert") == 0


def test_no_label_of_an_inbox_holds_an_address() -> None:
    for name, labels in samples(all_wrong().now):
        if name.startswith(("gonequiet_inbox", "gonequiet_folder", "gonequiet_polls")):
            assert all("@" not in text for _, text in labels)


def test_a_label_cannot_break_out_of_its_line() -> None:
    now = calm().now
    hostile = 'x"} 1\ngonequiet_inbox_blind{inbox="forged'
    state = replace(now.states[0], stream=hostile)
    found = samples(replace(now, assessment=replace(now.assessment, states=(state,))))
    assert value(found, "gonequiet_stream_expected_sends_per_day", stream=hostile) == state.expected_sends_per_day
    assert ("gonequiet_inbox_blind", frozenset({("inbox", "forged")})) not in found


def test_openmetrics_is_spoken_where_it_is_asked_for() -> None:
    body, content_type = exposition(lambda: calm().now)("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
