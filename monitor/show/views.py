"""Rows of what is known now: one dict with fixed keys per stream, gap and alert, for JSON, the terminal and the pages."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta

from monitor.model import AlertState, Confidence, Finding, FindingKind, GapFacts, StreamPhase, StreamState
from monitor.show.snapshot import ShownAlert, ShownProvider, Snapshot
from monitor.words import iso, odds, publishable

Row = dict[str, object]
"""Keys are always there; a missing scalar is None, a missing list is []; times are ISO 8601 UTC with Z, spans seconds."""

GAP_KINDS = (FindingKind.GAP, FindingKind.GROUP_GAP, FindingKind.PARTIAL_GROUP_GAP)
LONGEST_RETURN_PERIOD = 1e6
"""Years; JSON has no infinity (RFC 8259 §6)."""

_URGENCY = {
    StreamPhase.SILENT: 0,
    StreamPhase.WATCH: 1,
    StreamPhase.BLIND: 2,
    StreamPhase.REGULAR: 3,
    StreamPhase.LEARNING: 4,
    StreamPhase.PAUSED: 5,
    StreamPhase.ENDED: 6,
}


def stream_row(state: StreamState, provider: ShownProvider | None, at: datetime) -> Row:
    """One stream as it stands at `at`."""
    gap = state.gap
    return {
        "stream": state.stream,
        "organisation": state.organisation,
        "state": state.phase.value,
        "last_send": iso(state.last_send_at),
        "silence_seconds": _seconds(at - state.last_send_at),
        "sends": state.sends,
        "expected_sends_per_day": round(state.expected_sends_per_day, 4),
        "usual_pause_seconds": _seconds(gap.usual_pause if gap else None),
        "longest_pause_seconds": _seconds(gap.longest_pause if gap else None),
        "return_period_years": _years(state.return_period_years),
        **_explained(gap),
        "next_expected": iso(state.next_expected_at),
        "alarm_due": iso(state.alarm_due_at),
        "inboxes": list(state.inboxes),
        **_provider(provider),
    }


def gap_row(
    at: datetime, state: StreamState | None, finding: Finding | None, provider: ShownProvider | None, alert: ShownAlert | None
) -> Row:
    """One open gap (of a stream, or of a group: then `stream` and what only a stream has are null), or a stream without one."""
    facts = (finding.gap if finding else None) or (state.gap if state else None)
    last = facts.last_send_at if facts else state.last_send_at if state else finding.since if finding else None
    return {
        "key": finding.key if finding else None,
        "kind": finding.kind.value if finding else None,
        "subject": finding.subject if finding else state.stream if state else None,
        "stream": state.stream if state else None,
        "organisation": (finding.organisation if finding else None) or (state.organisation if state else None),
        "state": state.phase.value if state else None,
        "level": finding.level.word if finding else None,
        "since": iso(finding.since) if finding else None,
        "found_at": iso(alert.alert.found_at if alert else finding.found_at if finding else None),
        "last_send": iso(last),
        "silence_seconds": _seconds(at - last if last else None),
        "covered_seconds": _seconds(facts.covered if facts else None),
        "usual_pause_seconds": _seconds(facts.usual_pause if facts else None),
        "longest_pause_seconds": _seconds(facts.longest_pause if facts else None),
        "return_period_years": _years(facts.return_period_years if facts else state.return_period_years if state else None),
        **_explained(facts),
        "next_expected": iso(facts.next_expected_at if facts else state.next_expected_at if state else None),
        "alarm_due": iso(facts.alarm_due_at if facts else state.alarm_due_at if state else None),
        "members": list(finding.members) if finding else [],
        "unsure": list(finding.unsure) if finding else [],
        "alert_id": alert.alert.id if alert else None,
        "alert_state": alert.alert.state.value if alert else None,
        "opened_at": iso(alert.alert.opened_at) if alert else None,
        "note": (publishable(finding.note, 400) or None) if finding else None,
        **_provider(provider),
    }


def alert_row(shown: ShownAlert) -> Row:
    """One alert with its words and, once it has ended, the gap's length."""
    alert, context = shown.alert, shown.context
    return {
        "id": alert.id,
        "key": alert.key,
        "kind": alert.kind.value,
        "subject": alert.subject,
        "organisation": alert.organisation,
        "level": alert.level.word,
        "state": alert.state.value,
        "since": iso(alert.since),
        "found_at": iso(alert.found_at),
        "opened_at": iso(alert.opened_at),
        "updated_at": iso(alert.updated_at),
        "resolved_at": iso(alert.resolved_at),
        "resumed_at": iso(alert.resumed_at),
        "gap_seconds": _seconds(alert.resumed_at - alert.since if alert.resumed_at else None),
        "members": list(alert.finding.members) if alert.finding else [],
        "unsure": list(alert.finding.unsure) if alert.finding else [],
        "resumed": list(alert.finding.resumed) if alert.finding else [],
        "parent": alert.parent,
        "acknowledged_by": alert.acknowledged_by,
        "muted_until": iso(alert.muted_until),
        "comment": alert.comment,
        "provider": context.provider_label if context else None,
        "provider_aliases": list(context.provider_aliases) if context else [],
        "confidence": context.confidence.value if context and context.confidence else None,
        "title": shown.title,
        "text": shown.text,
    }


def stream_rows(snapshot: Snapshot) -> list[Row]:
    """All streams, the most urgent first, then the busiest."""
    return [stream_row(s, snapshot.providers.get(s.stream), snapshot.at) for s in by_urgency(snapshot)]


def gap_rows(snapshot: Snapshot, *, everything: bool = False) -> list[Row]:
    """The open gaps, the surest and longest first; with `everything` every stream, those without a gap after the others."""
    states = {s.stream: s for s in snapshot.states}
    alerts = {shown.alert.key: shown for shown in open_alerts(snapshot)}
    found = sorted((f for f in snapshot.assessment.findings if f.kind in GAP_KINDS), key=lambda f: (-f.level, f.since, f.subject))
    rows = []
    for finding in found:
        state = states.get(finding.subject) if finding.kind is FindingKind.GAP else None
        provider = snapshot.providers.get(state.stream) if state else None
        rows.append(gap_row(snapshot.at, state, finding, provider, alerts.get(finding.key)))
    if everything:
        seen = {row["stream"] for row in rows}
        rows += [
            gap_row(snapshot.at, s, None, snapshot.providers.get(s.stream), None)
            for s in by_urgency(snapshot)
            if s.stream not in seen
        ]
    return rows


def alert_rows(snapshot: Snapshot) -> list[Row]:
    """The open alerts, then those that ended lately."""
    return [alert_row(shown) for shown in snapshot.alerts]


def open_alerts(snapshot: Snapshot) -> Iterator[ShownAlert]:
    """Open and acknowledged ones, as the snapshot orders them."""
    ongoing = (AlertState.OPEN, AlertState.ACKNOWLEDGED)
    return (shown for shown in snapshot.alerts if shown.alert.state in ongoing)


def by_urgency(snapshot: Snapshot) -> list[StreamState]:
    """Silent streams first, then watched, blind, regular and learning ones; the busier first within each."""
    return sorted(snapshot.states, key=lambda s: (_URGENCY[s.phase], -s.expected_sends_per_day, -s.sends, s.stream))


def _explained(facts: GapFacts | None) -> Row:
    """What an alarm would rest on: odds in words, sends missed so far, the mean delay at this setting, the fleet, the data."""
    is_unknown = facts is None or facts.return_period_years <= 0
    return {
        "odds": odds(facts.return_period_years) if facts else None,
        "by_limit": facts.by_limit if facts else None,
        "held_back": facts.held_back if facts else None,
        "expected_sends": round(facts.expected_sends, 3) if facts and not is_unknown else None,
        "expected_delay_day_seconds": _seconds(facts.delay_by_day if facts else None),
        "expected_delay_night_seconds": _seconds(facts.delay_by_night if facts else None),
        "fleet_factor": round(facts.fleet_factor, 3) if facts else None,
        "sends_learned": facts.sends_learned if facts else None,
        "first_send": iso(facts.first_send_at) if facts else None,
    }


def _provider(provider: ShownProvider | None) -> Row:
    confidence: Confidence | None = provider.confidence if provider else None
    return {
        "platform": provider.platform if provider else None,
        "delivery": provider.delivery if provider else None,
        "provider": (provider.label or provider.delivery or provider.platform) if provider else None,
        "confidence": confidence.value if confidence else None,
        "account": provider.account if provider else None,
    }


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds())


def _years(years: float | None) -> float | None:
    """Four significant digits, at most `LONGEST_RETURN_PERIOD`; None where it is not known (0, or not a number)."""
    if years is None or math.isnan(years) or years <= 0:
        return None
    return float(f"{min(years, LONGEST_RETURN_PERIOD):.4g}")
