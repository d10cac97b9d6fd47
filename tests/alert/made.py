"""Alerts, findings and sends to test with: one stream, silent since the 6th, judged at noon two days later."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.model import (
    Alert,
    AlertContext,
    AlertEventKind,
    AlertState,
    Assessment,
    Confidence,
    Evidence,
    Finding,
    FindingKind,
    GapFacts,
    Level,
    Notice,
    Role,
    Send,
    Trust,
)

LAST = datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC)
NOW = datetime(2021, 1, 8, 12, tzinfo=UTC)
STREAM = "news.example.org"
KEY = f"gap:{STREAM}"


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def gap_facts(**other: Any) -> GapFacts:
    facts = GapFacts(
        last_send_at=LAST,
        silence=NOW - LAST,
        covered=NOW - LAST,
        return_period_years=3.1,
        expected_sends=34.4,
        sends_learned=412,
        first_send_at=datetime(2020, 9, 1, tzinfo=UTC),
        usual_pause=timedelta(minutes=70),
        longest_pause=hours(11),
        next_expected_at=LAST + hours(1.5),
        alarm_due_at=LAST + hours(12),
        delay_by_day=hours(11),
        delay_by_night=hours(15.5),
    )
    return replace(facts, **other)


def finding(kind: FindingKind = FindingKind.GAP, subject: str = STREAM, level: Level = Level.ALERT, **other: Any) -> Finding:
    gap = gap_facts() if kind is FindingKind.GAP else None
    made = Finding(
        kind=kind,
        key=f"{kind.value}:{subject}",
        subject=subject,
        level=level,
        since=LAST,
        found_at=NOW,
        organisation="example.org",
        gap=gap,
    )
    return replace(made, **other)


def alert(of: Finding | None = None, **other: Any) -> Alert:
    of = of or finding()
    made = Alert(
        id=7,
        key=of.key,
        kind=of.kind,
        subject=of.subject,
        level=of.level,
        state=AlertState.OPEN,
        since=of.since,
        found_at=of.found_at,
        opened_at=NOW,
        updated_at=NOW,
        organisation=of.organisation,
        finding=of,
        told=("log",),
    )
    return replace(made, **other)


def send(at: datetime, stored_at: datetime | None = None, **other: Any) -> Send:
    made = Send(
        id=1,
        stream=STREAM,
        organisation="example.org",
        at=at,
        stored_at=stored_at or at + timedelta(minutes=3),
        inboxes=("quiet-1", "quiet-2"),
        copies=3,
        placements={"INBOX": 2, "JUNK": 1},
        subject="The last one",
        message_id="1234@mta.example.net",
        platform="Salesforce Marketing Cloud",
        delivery="Salesforce Marketing Cloud",
    )
    return replace(made, **other)


def assessment(*findings: Finding, at: datetime = NOW) -> Assessment:
    return Assessment(at=at, findings=findings, states=())


def evidence(**other: Any) -> Evidence:
    made = Evidence(
        provider="Salesforce Marketing Cloud",
        role=Role.BOTH,
        field="list-unsubscribe",
        value="<https://click.exacttarget.com/unsub_center.aspx>, <mailto:leave-123@leave.exacttarget.com>",
        trust=Trust.CLAIMED,
        weight=3.0,
        signature="exacttarget:4",
    )
    return replace(made, **other)


def context(**other: Any) -> AlertContext:
    made = AlertContext(
        last_send=send(LAST),
        last_evidence=(evidence(),),
        provider_label="Salesforce Marketing Cloud (formerly ExactTarget, owned by Salesforce)",
        provider_aliases=("ExactTarget",),
        confidence=Confidence.LIKELY,
        polls_since=1498,
        covered_since=NOW - LAST,
        inboxes=("quiet-1", "quiet-2", "gmail-1"),
        others_sends=233,
        others_streams=61,
        others_last_at=NOW - timedelta(minutes=4),
    )
    return replace(made, **other)


def notice(number: int = 1, **other: Any) -> Notice:
    made = Notice(
        id=number,
        alert_id=7,
        event=AlertEventKind.OPENED,
        channel="desk",
        key=f"{number:032x}",
        title="No mail seen from news.example.org for 41 hours",
        text="We have seen no mail from news.example.org since 6 Jan 2021, 18:22 UTC.\n",
        html="<!doctype html><p>We have seen no mail …</p>",
        payload={"stream": STREAM, "kind": "gap", "level": "alert", "last_send": "2021-01-06T18:22:46Z"},
        created_at=NOW,
    )
    return replace(made, **other)
