"""Snapshots for the tests of pages and metrics: nothing yet, all well, a silent list, and everything wrong at once."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from monitor.model import (
    Alert,
    AlertContext,
    AlertEventKind,
    AlertState,
    Alignment,
    Assessment,
    Authenticated,
    Confidence,
    Coverage,
    Evidence,
    FailureCause,
    Finding,
    FindingKind,
    GapFacts,
    Identification,
    Level,
    Notice,
    NoticeState,
    PollFailure,
    Role,
    Send,
    StreamPhase,
    StreamState,
    Trust,
)
from monitor.show.snapshot import (
    CanaryHealth,
    Durations,
    FolderHealth,
    InboxHealth,
    ShownAlert,
    ShownProvider,
    Snapshot,
    StreamDetail,
)

NOW = datetime(2021, 1, 8, 4, 40, tzinfo=UTC)
LAST = datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC)
VICTORY = "victory.donaldtrump.com"
EXACTTARGET = ShownProvider(
    delivery="Salesforce Marketing Cloud",
    confidence=Confidence.LIKELY,
    label="Salesforce Marketing Cloud (formerly ExactTarget)",
)
LISTS = (
    (VICTORY, "donaldtrump.com", 1.6, EXACTTARGET),
    ("campaigns.rnchq.com", "rnchq.com", 20.0, EXACTTARGET),
    ("teamhagerty.com", "teamhagerty.com", 26.0, ShownProvider(delivery="Campaign Monitor", confidence=Confidence.CERTAIN)),
    ("traceymann.com", "traceymann.com", 60.0, ShownProvider(delivery="Mailchimp", confidence=Confidence.CERTAIN)),
    (
        "e.warnockforgeorgia.com",
        "warnockforgeorgia.com",
        5.0,
        ShownProvider(platform="NGP VAN", delivery="NGP VAN", confidence=Confidence.CERTAIN),
    ),
    ("standupforliberty.net", "standupforliberty.net", 14.0, None),
    (
        "email.actionnetwork.org",
        "actionnetwork.org",
        9.0,
        ShownProvider(platform="Action Network", delivery="SendGrid", confidence=Confidence.POSSIBLE),
    ),
)
TEXT = """We have seen no mail from victory.donaldtrump.com since Wed 6 Jan 2021, 18:22 UTC. It does not say why.

WHAT WE SAW
- Last mail: Wed 6 Jan 2021, 18:22 UTC, with the subject “We cannot offer this to everyone”
- It came through Salesforce Marketing Cloud (formerly ExactTarget, owned by Salesforce); likely
- What that rests on: Message-ID at xt.local, which the sender wrote itself

HOW LONG, AND HOW WE LOOKED
- Silence when this was written: 14 hours
- 168 polls without an error, of 2 seed inboxes: quiet-1, quiet-2

WHAT WE CANNOT KNOW
Why there is no mail. Mail alone cannot show whether the sender paused, moved or was stopped.

http://127.0.0.1:8025/alerts/1
"""


@dataclass
class FakeSource:
    """A SnapshotSource that holds what it shows."""

    now: Snapshot
    history: Mapping[str, Sequence[Send]] = field(default_factory=dict)
    beat: datetime | None = None
    unsaved: datetime | None = None

    def snapshot(self) -> Snapshot:
        return self.now

    def heartbeat(self) -> datetime | None:
        return self.beat or self.now.heartbeat_at

    def unsaved_since(self) -> datetime | None:
        return self.unsaved

    def send_times(self, since: datetime) -> Mapping[str, Sequence[datetime]]:
        return {name: [s.at for s in sends if s.at >= since] for name, sends in self.history.items()}

    def sends(self, stream: str, since: datetime) -> Sequence[Send]:
        return [s for s in self.history.get(stream, ()) if s.at >= since]

    def stream(self, stream: str) -> StreamDetail | None:
        if all(s.stream != stream for s in self.now.states):
            return None
        about = tuple(shown for shown in self.now.alerts if shown.alert.subject == stream)
        found = Identification(
            delivery="Salesforce Marketing Cloud",
            delivery_confidence=Confidence.LIKELY,
            evidence=(EVIDENCE,),
            conflicts=("none of it is signed",),
            authenticated=(Authenticated("dkim", "pass", "donaldtrump.com", "10dkim1", Alignment.RELAXED),),
        )
        return StreamDetail(last_send=self.history[stream][-1], identification=found, alerts=about)

    def alert(self, alert_id: int) -> ShownAlert | None:
        return next((shown for shown in self.now.alerts if shown.alert.id == alert_id), None)


EVIDENCE = Evidence(
    provider="Salesforce Marketing Cloud",
    role=Role.BOTH,
    field="message-id",
    value="22f5bccd-41ea-4d34-8363-9eded1670993@ind1s01mta1360.xt.local",
    trust=Trust.CLAIMED,
    weight=2.0,
    signature="salesforce-marketing-cloud.yaml:3",
)


def history(now: datetime = NOW, hours: Mapping[str, float] | None = None) -> dict[str, list[Send]]:
    """Sends of four weeks with a night in each day, the same at every call; victory's end at LAST."""
    chance = random.Random(6)
    found: dict[str, list[Send]] = {}
    for stream, organisation, usual, provider in LISTS:
        at = now - timedelta(days=28)
        sends: list[Send] = []
        while (at := at + timedelta(hours=chance.gammavariate(3, (hours or {}).get(stream, usual) / 3))) < now:
            if at.hour in (5, 6, 7, 8, 9) or (stream == VICTORY and at >= LAST):
                continue
            junk = chance.random() < 0.08
            sends.append(send(len(sends), stream, organisation, at, provider, junk=junk))
        if stream == VICTORY:
            sends.append(send(len(sends), stream, organisation, LAST, provider, subject="We cannot offer this to everyone"))
        found[stream] = sends
    return found


def send(
    number: int,
    stream: str,
    organisation: str,
    at: datetime,
    provider: ShownProvider | None = None,
    *,
    junk: bool = False,
    subject: str = "Join us for the ceremony",
) -> Send:
    return Send(
        id=number,
        stream=stream,
        organisation=organisation,
        at=at,
        stored_at=at,
        inboxes=("quiet-1", "quiet-2"),
        copies=2,
        placements={"JUNK": 2} if junk else {"INBOX": 2},
        subject=subject,
        platform=provider.platform if provider else None,
        delivery=provider.delivery if provider else None,
    )


def states(sends: Mapping[str, Sequence[Send]], silent: bool) -> tuple[StreamState, ...]:
    found = []
    for stream, organisation, usual, _ in LISTS:
        last = sends[stream][-1].at
        quiet = silent and stream == VICTORY
        learning = stream == "traceymann.com" and silent
        found.append(
            StreamState(
                stream=stream,
                organisation=organisation,
                phase=StreamPhase.SILENT if quiet else StreamPhase.LEARNING if learning else StreamPhase.REGULAR,
                last_send_at=last,
                sends=len(sends[stream]),
                expected_sends_per_day=24 / usual,
                return_period_years=3.2 if quiet else 0.01,
                alarm_due_at=None if learning else last + timedelta(hours=usual * 15),
                next_expected_at=last + timedelta(hours=usual),
                inboxes=("quiet-1", "quiet-2"),
                gap=facts(last, usual, sends[stream][0].at) if quiet else None,
            )
        )
    return tuple(found)


def facts(last: datetime, usual: float, first: datetime) -> GapFacts:
    return GapFacts(
        last_send_at=last,
        silence=NOW - last,
        covered=NOW - last - timedelta(hours=2),
        return_period_years=3.2,
        expected_sends=17.4,
        sends_learned=240,
        first_send_at=first,
        usual_pause=timedelta(hours=usual),
        longest_pause=timedelta(hours=11, minutes=20),
        next_expected_at=last + timedelta(hours=usual),
        alarm_due_at=last + timedelta(hours=usual * 15),
        delay_by_day=timedelta(hours=14),
        delay_by_night=timedelta(hours=19),
    )


def inbox(name: str, *, blind: bool = False, now: datetime = NOW) -> InboxHealth:
    proven = now - timedelta(hours=7 if blind else 0, minutes=3)
    hole = now - timedelta(days=5)
    spans = ((now - timedelta(days=12), hole), (hole + timedelta(hours=8), proven))
    folders = ("INBOX", "Junk")
    return InboxHealth(
        inbox=name,
        blind=blind,
        folders=tuple(FolderHealth(folder, folder.upper(), proven) for folder in folders),
        coverage=tuple(Coverage(name, folder, a, b) for folder in folders for a, b in spans),
        last_failure=PollFailure(
            name, None, now, FailureCause.LOGIN, "the server refused the password; renew it in password_file"
        )
        if blind
        else None,
        consecutive_failures=84 if blind else 0,
        receiver="dovecot",
        canary=CanaryHealth(
            sent_at=now - timedelta(minutes=20),
            arrived_at=now - timedelta(minutes=19),
            role="JUNK",
            delays=(timedelta(seconds=4), timedelta(seconds=60), timedelta(seconds=5)),
            totals={"sent": 4, "inbox": 1, "junk": 2},
            delay_total=timedelta(seconds=69),
        ),
    )


def shown_alert(
    alert_id: int = 1, *, title: str | None = None, finding: Finding, state: AlertState = AlertState.OPEN
) -> ShownAlert:
    alert = Alert(
        id=alert_id,
        key=finding.key,
        kind=finding.kind,
        subject=finding.subject,
        level=finding.level,
        state=state,
        since=finding.since,
        found_at=finding.found_at,
        opened_at=finding.found_at,
        updated_at=finding.found_at,
        resolved_at=NOW if state is AlertState.RESOLVED else None,
        resumed_at=NOW if state is AlertState.RESOLVED else None,
        organisation=finding.organisation,
        finding=finding,
    )
    notice = Notice(
        id=alert_id,
        alert_id=alert_id,
        event=AlertEventKind.OPENED,
        channel="newsroom",
        key=f"{finding.key}:opened",
        title=title or "",
        text=TEXT,
        html=None,
        payload={},
        created_at=finding.found_at,
        state=NoticeState.SENT,
        tries=1,
        sent_at=finding.found_at + timedelta(seconds=4),
    )
    context = AlertContext(
        last_evidence=(EVIDENCE,),
        provider_label="Salesforce Marketing Cloud (formerly ExactTarget, owned by Salesforce)",
        provider_aliases=("ExactTarget",),
        confidence=Confidence.LIKELY,
    )
    name = title or f"No mail seen from {finding.subject} since 6 Jan 2021, 18:22 UTC"
    return ShownAlert(alert=alert, title=name, text=TEXT, notices=(notice,), context=context)


def gap_finding(sends: Mapping[str, Sequence[Send]]) -> Finding:
    return Finding(
        kind=FindingKind.GAP,
        key=f"gap:{VICTORY}",
        subject=VICTORY,
        level=Level.ALERT,
        since=LAST,
        found_at=LAST + timedelta(hours=14),
        organisation="donaldtrump.com",
        gap=facts(LAST, 1.6, sends[VICTORY][0].at),
    )


EMPTY = Snapshot(
    at=NOW, assessment=Assessment(at=NOW, findings=(), states=()), heartbeat_at=NOW - timedelta(seconds=1), version="0.1.0"
)


def calm() -> FakeSource:
    """All lists mail as usual."""
    sends = history()
    sends[VICTORY].append(send(999, VICTORY, "donaldtrump.com", NOW - timedelta(minutes=40), EXACTTARGET))
    copies = {(VICTORY, "Salesforce Marketing Cloud", "JUNK"): 41} | {
        (name, (p.delivery if p else None) or "unknown", "INBOX"): len(sends[name]) for name, _, _, p in LISTS
    }
    now = replace(
        EMPTY,
        assessment=Assessment(at=NOW, findings=(), states=states(sends, silent=False)),
        inboxes=(inbox("quiet-1"), inbox("quiet-2")),
        providers={name: provider for name, _, _, provider in LISTS if provider},
        copies=copies,
        polls={("quiet-1", "ok"): 900, ("quiet-2", "ok"): 900},
        durations=Durations().plus(timedelta(seconds=0.3)).plus(timedelta(seconds=4)),
        problems={"date": 2, "message-id": 1},
        identified={("Salesforce Marketing Cloud", "likely"): 300, ("unknown", "none"): 4},
        notices={("newsroom", "sent"): 1},
        alert_events={("gap", "opened"): 1},
    )
    return FakeSource(now=now, history=sends)


def silent() -> FakeSource:
    """One list is silent and alerted; the rest goes on."""
    source = calm()
    sends = history()
    finding = gap_finding(sends)
    now = replace(
        source.now,
        assessment=Assessment(at=NOW, findings=(finding,), states=states(sends, silent=True)),
        alerts=(shown_alert(finding=finding),),
    )
    return FakeSource(now=now, history=sends)


def all_wrong() -> FakeSource:
    """A silent list, a blind inbox, failing notices, faulty settings, a provider with silent streams, a dead scheduler."""
    source = silent()
    blind = Finding(
        kind=FindingKind.INBOX_BLIND,
        key="inbox_blind:quiet-2",
        subject="quiet-2",
        level=Level.ALERT,
        since=NOW - timedelta(hours=7),
        found_at=NOW - timedelta(hours=6),
        note="quiet-2 has not been proven readable since 7 January, 21:37 UTC: the server refused the password.",
    )
    now = replace(
        source.now,
        inboxes=(inbox("quiet-1"), inbox("quiet-2", blind=True)),
        alerts=(*source.now.alerts, shown_alert(2, title="quiet-2 cannot be read", finding=blind)),
        assessment=replace(source.now.assessment, findings=(*source.now.assessment.findings, blind)),
        polls={("quiet-1", "ok"): 900, ("quiet-2", "ok"): 816, ("quiet-2", "login"): 84},
        notices={("newsroom", "sent"): 1, ("newsroom", "failed"): 1},
        missed=3,
        late=5,
        reload_ok=False,
        heartbeat_at=NOW - timedelta(hours=1),
    )
    return FakeSource(now=now, history=source.history)
