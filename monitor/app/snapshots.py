"""Snapshots: what is known at one moment, read from the store and the last judgement, for pages, metrics and commands."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import monitor
from monitor.alert.grouping import members
from monitor.alert.lifecycle import Decision
from monitor.alert.text import Voice, compose
from monitor.app.context import alert_context, voice_of
from monitor.app.counters import Counters
from monitor.identify.match import Identifier
from monitor.model import Alert, AlertContext, AlertEventKind, AlertState, Assessment, FindingKind, Identification, Notice, Send
from monitor.settings import Settings
from monitor.show.snapshot import CanaryHealth, FolderHealth, InboxHealth, ShownAlert, ShownProvider, Snapshot, StreamDetail
from monitor.store.store import Store

ENDED_ALERTS = timedelta(days=14)
STRIP = timedelta(days=14)
CANARY_DELAYS = timedelta(days=1)


class Snapshots:
    """A SnapshotSource over the store. The service tells it every new judgement; safe from many threads."""

    def __init__(self, store: Store, identifier: Identifier, settings: Settings, counters: Counters) -> None:
        self._store = store
        self._counters = counters
        self._lock = threading.Lock()
        self._identifier, self._settings, self._voice = identifier, settings, voice_of(settings)
        self._shown: dict[int, ShownAlert] = {}
        self._assessment: Assessment | None = None
        self._beat: datetime | None = None
        self._not_kept: list[datetime] = []
        self.reload_ok = True

    def use(self, identifier: Identifier, settings: Settings) -> None:
        with self._lock:
            self._identifier, self._settings, self._voice = identifier, settings, voice_of(settings)
            self._shown.clear()

    def judged(self, assessment: Assessment) -> None:
        with self._lock:
            self._assessment = assessment

    def beat(self, wall: datetime) -> None:
        with self._lock:
            self._beat = wall

    def kept(self) -> None:
        """A poll has ended and the store took what came of it."""
        with self._lock:
            self._not_kept.clear()

    def not_kept(self, wall: datetime) -> None:
        """A poll has ended and the store could not take what came of it. The first and the newest in a row are remembered."""
        with self._lock:
            self._not_kept[1:] = [wall]

    # ------------------------------------------------------------------------------------------ SnapshotSource

    def heartbeat(self) -> datetime | None:
        with self._lock:
            return self._beat

    def unsaved_since(self) -> datetime | None:
        with self._lock:
            return self._not_kept[0] if len(self._not_kept) > 1 else None

    def snapshot(self) -> Snapshot:
        with self._lock:
            assessment, beat = self._assessment, self._beat
        if assessment is None:
            raise RuntimeError("nothing was judged yet")
        return Snapshot(
            at=assessment.at,
            assessment=assessment,
            heartbeat_at=beat or assessment.at,
            version=monitor.__version__,
            inboxes=self._inboxes(assessment.at),
            alerts=tuple(self._show(a) for a in self._store.alerts(since=assessment.at - ENDED_ALERTS)),
            providers={stream: self._provider(found) for stream, found in self._store.identified().items()},
            copies=self._store.copies_total(),
            polls=self._counters.polls,
            durations=self._counters.durations,
            missed=self._counters.missed,
            late=self._counters.late,
            problems=self._store.problems_total(),
            identified=self._store.identified_total(),
            alert_events=self._store.alert_events_total(),
            notices=self._store.notices_total(),
            reload_ok=self.reload_ok,
        )

    def send_times(self, since: datetime) -> Mapping[str, Sequence[datetime]]:
        times: dict[str, list[datetime]] = {}
        for send in self._store.sends(since=since):
            times.setdefault(send.stream, []).append(send.at)
        return times

    def sends(self, stream: str, since: datetime) -> Sequence[Send]:
        return tuple(self._store.sends(stream=stream, since=since))

    def stream(self, stream: str) -> StreamDetail | None:
        last = self._store.last_send(stream)
        if last is None:
            return None
        mail = self._store.last_identification(stream)
        about = [a for a in self._store.alerts() if a.subject == stream or stream in members(a)]
        shown = tuple(self._show(a) for a in about)
        return StreamDetail(last, mail.identification, mail.copy.truncated, shown) if mail else StreamDetail(last, alerts=shown)

    def alert(self, alert_id: int) -> ShownAlert | None:
        alert = self._store.alert(alert_id)
        return None if alert is None else self._show(alert)

    # ------------------------------------------------------------------------------------------ parts

    def _show(self, alert: Alert) -> ShownAlert:
        """The alert with its newest words; what an unchanged one said is remembered."""
        with self._lock:
            known, identifier, voice = self._shown.get(alert.id), self._identifier, self._voice
            at = self._assessment.at if self._assessment else alert.updated_at
        notices = self._store.notices(alert.id)
        if known is not None and known.alert == alert and known.notices == notices:
            return known
        shown = self._word(alert, notices, alert_context(self._store, identifier, alert, at), at, voice)
        with self._lock:
            self._shown[alert.id] = shown
        return shown

    @staticmethod
    def _word(alert: Alert, notices: tuple[Notice, ...], context: AlertContext, at: datetime, voice: Voice) -> ShownAlert:
        if notices:
            return ShownAlert(alert, notices[-1].title, notices[-1].text, notices, context)
        # Nobody was told, as the alert is muted or another speaks for it.
        wording = compose(Decision(alert, _unsent(alert)), context, alert.resolved_at or at, voice)
        return ShownAlert(alert, wording.title, wording.text, notices, context)

    def _provider(self, found: Identification) -> ShownProvider:
        name = found.delivery or found.platform
        known = self._identifier.provider(name) if name else None
        return ShownProvider(
            platform=found.platform,
            delivery=found.delivery,
            confidence=found.delivery_confidence if found.delivery else found.platform_confidence,
            label=known.label if known else name,
            account=f"{found.account.kind}:{found.account.id}" if found.account else None,
        )

    def _inboxes(self, at: datetime) -> tuple[InboxHealth, ...]:
        with self._lock:
            settings, assessment, identifier = self._settings, self._assessment, self._identifier
        canaries = self._canaries(at) if settings.canary is not None else {}
        health = self._store.inbox_health()
        monitored = self._store.monitored_folders(inbox.name for inbox in settings.inboxes)
        shown = []
        for inbox in settings.inboxes:
            if not inbox.enabled:
                continue
            state = health.get(inbox.name)
            folders = [f for f in state.folders if f.folder in monitored[inbox.name]] if state else []
            shown.append(
                InboxHealth(
                    inbox=inbox.name,
                    blind=not folders or _is_named(FindingKind.INBOX_BLIND, inbox.name, assessment),
                    folders=tuple(FolderHealth(f.folder, f.role, f.proven_at) for f in folders),
                    coverage=tuple(self._store.coverage(start=at - STRIP, inbox=inbox.name)),
                    last_failure=state.last_failure if state else None,
                    consecutive_failures=state.consecutive_failures if state else 0,
                    receiver=inbox.receiver or identifier.receiver_of_host(inbox.host),
                    group=inbox.group,
                    canary=canaries.get(inbox.name),
                    unreached=_is_named(FindingKind.CANARY_OVERDUE, inbox.name, assessment),
                )
            )
        return tuple(shown)

    def _canaries(self, at: datetime) -> dict[str, CanaryHealth]:
        totals, delays = self._store.canaries_total(), self._store.canary_delays_total()
        return {
            inbox: CanaryHealth(
                sent_at=record.newest.sent_at,
                arrived_at=record.last_arrived.arrived_at if record.last_arrived else None,
                role=record.last_arrived.role if record.last_arrived else None,
                delays=record.delays,
                totals={result: number for (name, result), number in totals.items() if name == inbox},
                delay_total=delays.get(inbox, timedelta()),
            )
            for inbox, record in self._store.canary_records(at - CANARY_DELAYS).items()
        }


def _is_named(kind: FindingKind, inbox: str, assessment: Assessment | None) -> bool:
    findings = assessment.findings if assessment else ()
    return any(f.kind is kind and inbox in (f.subject, *f.members) for f in findings)


def _unsent(alert: Alert) -> AlertEventKind:
    """What a notice would tell: of a gap that is over its end."""
    if alert.kind is FindingKind.GAP and alert.resumed_at is not None:
        return {AlertState.RESOLVED: AlertEventKind.RESOLVED, AlertState.RETRACTED: AlertEventKind.CORRECTED}.get(
            alert.state, AlertEventKind.OPENED
        )
    return AlertEventKind.OPENED
