"""Payload: what an alert says, for machines; keys are always there, missing ones null or [], times ISO 8601 UTC (pure)."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from monitor.alert.facts import deciding, last_send
from monitor.alert.lifecycle import Decision
from monitor.model import AlertContext, AlertEventKind, Evidence, FindingKind
from monitor.words import iso, odds, publishable

_ABOUT_A_STREAM = frozenset(FindingKind) - {
    FindingKind.GROUP_GAP,
    FindingKind.PARTIAL_GROUP_GAP,
    FindingKind.INBOX_BLIND,
    FindingKind.CANARY_OVERDUE,
    FindingKind.CANARY_UNSENT,
    FindingKind.MAILBOX_FULL,
    FindingKind.PASSWORD_EXPIRES,
    FindingKind.INBOX_CLOSES,
}


def payload_of(decision: Decision, context: AlertContext, now: datetime, link: str | None) -> dict[str, object]:
    """The facts behind a notice. Inboxes are named as in the settings; no seed address is in it.

    Nor is a Message-ID: many services make one for each recipient, so that it names the seed.
    """
    alert, finding = decision.alert, decision.alert.finding
    gap = finding.gap if finding else None
    last = last_send(decision, context)
    ended_at = alert.resumed_at or alert.resolved_at
    covered = context.covered_since if context.covered_since is not None else gap.covered if gap else None
    known = (last.delivery or last.platform) if last else None
    proof = deciding(context.last_evidence, known) if last else None
    return {
        "event": decision.event.value if decision.event else AlertEventKind.OPENED.value,
        "key": alert.key,
        "kind": alert.kind.value,
        "level": alert.level.word,
        "state": alert.state.value,
        "subject": alert.subject,
        "stream": alert.subject if alert.kind in _ABOUT_A_STREAM else None,
        "organisation": alert.organisation,
        "members": list(finding.members) if finding else [],
        "unsure": list(finding.unsure) if finding else [],
        "resumed": list(finding.resumed) if finding else [],
        "last_send": iso(alert.since),
        "last_subject": publishable(last.subject) or None if last else None,
        "found_at": iso(alert.found_at),
        "opened_at": iso(alert.opened_at),
        "written_at": iso(now),
        "delay_hours": _hours(alert.opened_at - alert.since),
        "silence_hours": _hours((ended_at or now) - alert.since),
        "covered_hours": _hours(covered),
        "resumed_at": iso(alert.resumed_at),
        "resolved_at": iso(alert.resolved_at),
        "provider": known,
        "provider_label": context.provider_label if known else None,
        "provider_aliases": list(context.provider_aliases) if known else [],
        "platform": last.platform if last else None,
        "delivery": last.delivery if last else None,
        "account": last.account if last else None,
        "confidence": context.confidence.value if context.confidence and last else None,
        "deciding_header": _evidence(proof) if proof else None,
        "evidence": [_evidence(e) for e in context.last_evidence] if last else [],
        "return_period_years": _finite(gap.return_period_years) if gap else None,
        "odds": odds(gap.return_period_years) if gap else None,
        "by_limit": gap.by_limit if gap else None,
        "expected_sends": _finite(gap.expected_sends) if gap else None,
        "next_expected": iso(gap.next_expected_at) if gap else None,
        "alarm_due": iso(gap.alarm_due_at) if gap else None,
        "expected_delay_day_hours": _hours(gap.delay_by_day) if gap else None,
        "expected_delay_night_hours": _hours(gap.delay_by_night) if gap else None,
        "fleet_factor": _finite(gap.fleet_factor) if gap else None,
        "polls": context.polls_since or None,
        "inboxes": list(context.inboxes),
        "others": {
            "sends": context.others_sends,
            "streams": context.others_streams,
            "last_at": iso(context.others_last_at),
        },
        "same_organisation": [
            {
                "stream": s.stream,
                "at": iso(s.at),
                "subject": publishable(s.subject) or None,
                "delivery": s.delivery,
                "shared_link_hosts": list(context.shared_link_hosts.get(s.id, ())),
            }
            for s in context.same_organisation
        ],
        "note": (publishable(finding.note, 400) or None) if finding else None,
        "url": link,
    }


def _evidence(evidence: Evidence) -> dict[str, object]:
    return {
        "provider": evidence.provider,
        "role": evidence.role.value,
        "field": evidence.field,
        "value": publishable(evidence.value, 400) or None,
        "trust": evidence.trust.value,
        "weight": evidence.weight,
        "signature": evidence.signature,
    }


def _hours(span: timedelta | None) -> float | None:
    return None if span is None else round(span.total_seconds() / 3600, 2)


def _finite(number: float) -> float | None:
    """JSON has no infinity; a return period beyond all reckoning is null."""
    return round(number, 4) if math.isfinite(number) else None
