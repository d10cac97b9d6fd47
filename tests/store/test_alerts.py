"""Alerts and notices: stored together, told once, marked after."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from monitor.alert.by_hand import acknowledge, mute
from monitor.model import (
    Alert,
    AlertChange,
    AlertEventKind,
    AlertState,
    Finding,
    FindingKind,
    GapFacts,
    Level,
    NewNotice,
    NoticeState,
)
from monitor.store.store import Store
from tests.store.build import DAY, HOUR, MINUTE, NOON

FACTS = GapFacts(NOON - DAY, DAY, DAY, 3.2, 4.5, 80, NOON - 100 * DAY, 5 * HOUR, 20 * HOUR)


def a_gap(stream: str = "news.example.org", at: datetime = NOON) -> Alert:
    key = f"gap:{stream}"
    finding = Finding(
        kind=FindingKind.GAP,
        key=key,
        subject=stream,
        level=Level.ALERT,
        since=at - DAY,
        found_at=at,
        members=("a", "b"),
        gap=FACTS,
    )
    return Alert(
        id=0,
        key=key,
        kind=FindingKind.GAP,
        subject=stream,
        level=Level.ALERT,
        state=AlertState.OPEN,
        since=at - DAY,
        found_at=at,
        opened_at=at,
        updated_at=at,
        organisation="example.org",
        finding=finding,
        told=("log", "post"),
    )


def a_notice(key: str = "1", channel: str = "log", event: AlertEventKind = AlertEventKind.OPENED) -> NewNotice:
    payload = {"stream": "news.example.org", "sends": [1, 2], "known": None}
    return NewNotice(
        channel=channel, event=event, key=key, title="Silent", text="No mail seen.", html=None, payload=payload, created_at=NOON
    )


def opening(*notices: NewNotice, alert: Alert | None = None) -> AlertChange:
    return AlertChange(alert=alert or a_gap(), event=AlertEventKind.OPENED, notices=notices)


def test_an_alert_comes_back_as_it_was_stored(store: Store) -> None:
    [stored] = store.apply([opening(a_notice())])
    assert stored == replace(a_gap(), id=stored.id)
    assert store.alert(stored.id) == stored
    assert store.open_alerts() == (stored,)
    assert store.alert(stored.id + 1) is None


def test_the_same_changes_twice_are_the_same_as_once(store: Store) -> None:
    for _ in range(2):
        store.apply([opening(a_notice("1", "log"), a_notice("2", "post"))])
    assert len(store.alerts()) == 1
    assert [(n.key, n.channel, n.state) for n in store.due_notices(NOON)] == [
        ("1", "log", NoticeState.PENDING),
        ("2", "post", NoticeState.PENDING),
    ]
    assert store.alert_events_total() == {("gap", "opened"): 1}


def test_a_key_opens_again_after_it_has_ended(store: Store) -> None:
    [first] = store.apply([opening(a_notice("1"))])
    store.apply(
        [AlertChange(alert=replace(first, state=AlertState.RESOLVED, resolved_at=NOON + HOUR), event=AlertEventKind.RESOLVED)]
    )
    [second] = store.apply([opening(a_notice("2"), alert=a_gap(at=NOON + DAY))])
    assert second.id != first.id
    assert [a.id for a in store.alerts()] == [second.id, first.id]
    assert store.open_alerts() == (second,)
    assert store.alert_events_total() == {("gap", "opened"): 2, ("gap", "resolved"): 1}


def test_alerts_that_ended_long_ago_are_left_out_on_request(store: Store) -> None:
    [first, still_open] = store.apply([opening(), opening(alert=a_gap("other.example"))])
    store.apply([AlertChange(alert=replace(first, state=AlertState.RETRACTED, resolved_at=NOON + HOUR))])
    assert [a.id for a in store.alerts(since=NOON + DAY)] == [still_open.id]
    assert {a.id for a in store.alerts(since=NOON)} == {first.id, still_open.id}
    assert [a.id for a in store.alerts(subject="other.example")] == [still_open.id]


def test_an_acknowledged_alert_stays_among_the_open_ones(store: Store) -> None:
    [alert] = store.apply([opening()])
    known = replace(alert, state=AlertState.ACKNOWLEDGED, acknowledged_by="me", comment="on it", muted_until=NOON + DAY)
    store.apply([AlertChange(alert=known, by_hand=True)])
    assert store.open_alerts() == (known,)


def test_what_an_operator_says_and_what_the_detector_finds_at_the_same_instant_are_both_kept(store: Store) -> None:
    [alert] = store.apply([opening()])
    store.apply([acknowledge(alert, "ana", "asking them", NOON + MINUTE)])
    store.apply([mute(alert, NOON + DAY, None, NOON + MINUTE)])
    store.apply([AlertChange(alert=replace(alert, level=Level.CONFIRMED), event=AlertEventKind.RAISED)])
    kept = store.alert(alert.id)
    assert kept is not None
    assert (kept.level, kept.state, kept.acknowledged_by) == (Level.CONFIRMED, AlertState.ACKNOWLEDGED, "ana")
    assert (kept.muted_until, kept.comment) == (NOON + DAY, "asking them")
    store.apply([AlertChange(alert=replace(alert, state=AlertState.RESOLVED, resolved_at=NOON + HOUR))])
    store.apply([acknowledge(alert, "bo", None, NOON + 2 * HOUR)])
    ended = store.alert(alert.id)
    assert ended is not None
    assert (ended.state, ended.resolved_at, ended.acknowledged_by) == (AlertState.RESOLVED, NOON + HOUR, "bo")


def test_an_error_in_one_change_keeps_all_of_them_out(store: Store) -> None:
    broken = replace(a_gap("other.example"), opened_at=NOON.replace(tzinfo=None))
    with pytest.raises(Exception, match="aware"):
        store.apply([opening(a_notice()), opening(alert=broken)])
    assert store.alerts() == ()
    assert store.due_notices(NOON) == ()


def test_a_notice_waits_until_its_next_try_and_is_done_when_sent(store: Store) -> None:
    [alert] = store.apply([opening(a_notice())])
    [notice] = store.due_notices(NOON)
    assert (notice.alert_id, notice.payload, notice.tries) == (alert.id, a_notice().payload, 0)
    refused = replace(notice, tries=1, next_try_at=NOON + HOUR, error="full")
    store.mark_notice(refused)
    assert store.due_notices(NOON + HOUR - MINUTE) == ()
    assert store.due_notices(NOON + HOUR) == (refused,)
    store.mark_notice(replace(refused, state=NoticeState.SENT, tries=2, sent_at=NOON + HOUR, error=None))
    assert store.due_notices(NOON + DAY) == ()
    assert [(n.state, n.sent_at) for n in store.notices(alert.id)] == [(NoticeState.SENT, NOON + HOUR)]
    assert store.notices_total() == {("log", "retried"): 1, ("log", "sent"): 1}


def test_a_notice_that_is_given_up_is_kept_and_counted(store: Store) -> None:
    [alert] = store.apply([opening(a_notice())])
    [notice] = store.due_notices(NOON)
    store.mark_notice(replace(notice, state=NoticeState.FAILED, tries=12, error="no such channel"))
    assert store.due_notices(NOON + DAY) == ()
    assert [n.error for n in store.notices(alert.id)] == ["no such channel"]
    assert store.notices_total() == {("log", "failed"): 1}
