"""Watch: take in what the store has learned, judge it, and turn findings into stored alerts and notices."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from monitor.alert.grouping import GROUPS
from monitor.alert.lifecycle import advance, news_of
from monitor.alert.text import write_all
from monitor.app.beside import Beside
from monitor.app.context import alert_context, voice_of
from monitor.app.garbage import leave_aside
from monitor.app.ingest import Reader
from monitor.app.second_look import SecondLook
from monitor.app.seeds import about_seeds, failing_at
from monitor.detect.authentication import breakage_findings
from monitor.detect.blindness import never_read
from monitor.detect.calendar import moment_of
from monitor.detect.canaries import holes, overdue, overdue_findings, unsent_findings
from monitor.detect.changes import Changes
from monitor.detect.detector import Detector
from monitor.detect.infrastructure import SHOWN_FOR, change_findings
from monitor.detect.seeds import KEPT_SENDS
from monitor.detect.servers import servers_blind
from monitor.detect.state import StateError, kept_hours, version
from monitor.detect.witnesses import Interval
from monitor.identify.match import Identifier
from monitor.identify.stream import is_followed
from monitor.model import ABOUT_US, Alert, Assessment, Coverage, Finding, FindingKind, MissingCanaries, Send
from monitor.settings import Settings
from monitor.store.states import KeptState
from monitor.store.store import Store

log = structlog.get_logger("gonequiet.watch")

HISTORY = timedelta(days=400)
"""So far back a stream is followed anew after older mail of it has come or been read again."""
OVERLAP = timedelta(minutes=5)
"""Coverage is read again this far back: the newest interval of a folder grows after it was first read."""
LEAST_BLIND = timedelta(hours=1)
"""An inbox is blind after so long without a proof; where polls are seldom, after three of them were due."""


def tells_silence(finding: Finding) -> bool:
    """Whether it says of its subject and members that they are silent; a part of a group has no gap of its own."""
    return finding.gap is not None or finding.kind is FindingKind.PARTIAL_GROUP_GAP


class Watch:
    """Keeps the detector in step with the store. One thread at a time."""

    def __init__(self, store: Store, identifier: Identifier, settings: Settings) -> None:
        self._store = store
        self._identifier = identifier
        self._settings = settings
        self._voice = voice_of(settings)
        seldom = max((i.poll_every or settings.collect.poll_every for i in settings.inboxes if i.enabled), default=LEAST_BLIND)
        self._blind_after = max(LEAST_BLIND, 3 * seldom)
        self._basis = f"{version()} {_digest(settings)}"
        self._detector = self._new_detector([])
        self._changes = Changes()
        self._beside = Beside(store, identifier, settings)
        self._second_look = SecondLook(store, Reader(identifier, settings))
        self._read_sends = 0
        self._read_coverage: dict[str, datetime] | None = None
        self._overdue: tuple[MissingCanaries, ...] = ()

    def assess(self, now: datetime) -> Assessment:
        """Judge what is stored up to now, and change nothing in the store.

        Coverage is read before sends: a send that commits in between is then known without the coverage that follows it,
        and never the other way round, which would look like silence.
        """
        sends = self._take_in(now)
        self._changes.add_sends(sends)
        self._beside.add_sends(sends)
        judged = self._detector.assess(now)
        silent = frozenset(s for f in judged.findings if tells_silence(f) for s in (f.subject, *f.members))
        unread = self._unread()
        never = never_read(unread, now, self._blind_after)
        found = (
            *judged.findings,
            *never,
            *self._about_servers((*judged.findings, *never), unread, now),
            *self._about_canaries(now),
            *about_seeds(self._settings, self._identifier, self._store.inbox_notes(), self._store.inbox_health(), now),
            *self._beside.findings(now, self._detector.covered, silent),
            *self._changed(now),
        )
        return replace(judged, findings=tuple(f for f in found if not self._is_left(f)))

    def round(self, now: datetime) -> Assessment:
        """Judge, and store what becomes of alerts together with the notices that tell of it."""
        assessment = self.assess(now)
        open_alerts = self._store.open_alerts()
        resumed = {a.key: news for a in open_alerts if (news := self._news(a)) is not None}
        unfollowed = {a.key for a in open_alerts if self._is_unfollowed(a)}
        decisions = advance(open_alerts, assessment, resumed, now, self._settings.alerts, unfollowed)
        contexts = {d.alert.key: alert_context(self._store, self._identifier, d.alert, now) for d in decisions if d.channels}
        changes = write_all(decisions, contexts, now, self._voice)
        if changes:
            self._store.apply(changes)
        self.keep()
        return assessment

    def covered(self) -> dict[str, list[Interval]]:
        """Inbox → when it was covered, in hours since the epoch, by all that is stored."""
        return self._new_detector(self._store.coverage()).covered()

    def keep(self) -> None:
        """Store what was concluded of finished hours, once in a while, so that the next start is a short one."""
        if made := self._detector.states():
            states = [(KeptState(s.hour, self._read_sends, self._basis, s.coverage), s.document) for s in made]
            self._store.keep_states(states, kept_hours(made[-1].hour))
            leave_aside()

    # ------------------------------------------------------------------------------------------ what the store has learned

    def _take_in(self, now: datetime) -> tuple[Send, ...]:
        """Bring the detector up to what is stored; the sends that are new or different come back."""
        if self._read_coverage is None:
            return self._begin(now)
        newest = self._new_coverage()
        sends, self._read_sends = self._store.changed_sends(self._read_sends)
        self._detector.set_inboxes(self._monitored())
        self._detector.add_coverage(newest)
        self._detector.add_sends(sends)
        self._note(newest)
        self._look_for_canaries(now)
        if self._detector.lacks_history(now):
            self._begin(now)
        return sends

    def _begin(self, now: datetime) -> tuple[Send, ...]:
        """The history, which stays, with all that was read for it."""
        sends = self._take_up(now)
        leave_aside()
        return sends

    def _take_up(self, now: datetime) -> tuple[Send, ...]:
        """Take up the newest stored state that still holds; where none does, the whole history is replayed."""
        coverage = self._store.coverage()
        self._note(coverage)
        for state in self._store.states():
            self._detector = self._new_detector(coverage)
            self._look_for_canaries(now)
            if (resumed := self._resumed(state, now)) is not None:
                return resumed
        self._detector = self._new_detector(coverage)
        self._look_for_canaries(now)
        sends, self._read_sends = self._store.changed_sends(0)
        self._detector.add_sends(sends)
        return sends

    def _resumed(self, state: KeptState, now: datetime) -> tuple[Send, ...] | None:
        """The sends with which a state goes on; None where it no longer says what the history says."""
        start = moment_of(state.hour)
        if state.basis != self._basis or start > now or state.coverage != self._detector.proven_before(state.hour):
            return None
        found = self._store.sends_to_go_on_with(state.changed, start, KEPT_SENDS)
        if found is None:
            return None
        try:
            self._detector.resume(self._store.state_document(state.hour), found[0])
        except StateError as error:
            log.warning("a stored state cannot be read; history is replayed instead", detail=str(error))
            return None
        self._read_sends = found[1]
        return found[0]

    def _note(self, coverage: list[Coverage]) -> None:
        """Remember how far each inbox's coverage has been read."""
        self._read_coverage = read = self._read_coverage or {}
        for interval in coverage:
            known = read.get(interval.inbox, interval.start)
            read[interval.inbox] = max(known, interval.end - OVERLAP)

    def _new_detector(self, coverage: list[Coverage]) -> Detector:
        detector = Detector(self._settings.gap_for, blind_after=self._blind_after, keep_states=True)
        detector.set_inboxes(self._monitored())
        detector.add_coverage(coverage)
        return detector

    def _changed(self, now: datetime) -> tuple[Finding, ...]:
        """Streams that come through other infrastructure than before, or whose authentication fails now."""
        for stream in self._changes.settle(now):
            self._changes.restart(stream, self._store.sends(stream=stream, since=now - HISTORY), now)
        changes = [c for c in self._changes.changes(now - SHOWN_FOR) if self._second_look.holds(c)]
        return (*change_findings(changes, now), *breakage_findings(self._changes.breakages()))

    def _look_for_canaries(self, now: datetime) -> None:
        """Let nothing count as proven while canaries do not arrive. To be read after coverage, as sends are."""
        settings = self._settings.canary
        if settings is None:
            return
        missing = self._store.missing_canaries(now - settings.overdue_after, now - HISTORY)
        read = {name: at for name in self._written_to() if (at := self._detector.read_until(name)) is not None}
        self._overdue = overdue(missing, read, settings.overdue_after)
        self._detector.set_holes(holes(self._overdue))

    def _about_canaries(self, now: datetime) -> tuple[Finding, ...]:
        settings = self._settings.canary
        if settings is None:
            return ()
        written_to = self._written_to()
        unsent = [canary for canary in self._store.unsent_canaries() if canary.inbox in written_to]
        return (
            *overdue_findings(self._overdue, written_to, settings.overdue_after, now),
            *unsent_findings(unsent, now, settings.every),
        )

    def _about_servers(self, found: Iterable[Finding], unread: Mapping[str, datetime], now: datetime) -> tuple[Finding, ...]:
        """Servers of which several inboxes cannot be read."""
        blind = {f.subject: f.since for f in found if f.kind is FindingKind.INBOX_BLIND and not f.members}
        if not blind:
            return ()
        half = {inbox: since for inbox, since in unread.items() if now - since >= self._blind_after / 2}
        seeds = {inbox.name: inbox for inbox in self._settings.inboxes if inbox.enabled and inbox.host}
        failing = {
            name: failing_at(seeds[name], state.last_failure)
            for name, state in self._store.inbox_health().items()
            if name in seeds and state.last_failure is not None
        }
        return servers_blind(blind, {**half, **self._detector.suspected(now)}, failing, now, self._blind_after)

    def _written_to(self) -> set[str]:
        """The inboxes that get canaries."""
        return {inbox.name for inbox in self._settings.inboxes if inbox.enabled and inbox.mail_address}

    def _new_coverage(self) -> list[Coverage]:
        """What was proven since it was last asked for; by inbox, as one that reads a long backlog stores an old interval late."""
        read = self._read_coverage or {}
        polled = [inbox.name for inbox in self._settings.inboxes if inbox.enabled]
        return [interval for name in polled for interval in self._store.coverage(start=read.get(name), inbox=name)]

    def _monitored(self) -> dict[str, list[str]]:
        """Inbox → folders that count as read: those the settings name, or all that were found."""
        enabled = {inbox.name: inbox.folders for inbox in self._settings.inboxes if inbox.enabled}
        found = self._store.monitored_folders(enabled)
        return {name: [f for f in found[name] if named is None or f in named] for name, named in enabled.items()}

    def _unread(self) -> dict[str, datetime]:
        """Polled inboxes that fail, and of which nothing was ever proven (one good look proves nothing) → the first failure."""
        polled = {inbox.name for inbox in self._settings.inboxes if inbox.enabled}
        return {
            name: state.failing_since
            for name, state in self._store.inbox_health().items()
            if name in polled and state.failing_since is not None and self._detector.read_until(name) is None
        }

    def _is_left(self, about: Finding | Alert) -> bool:
        """Whether it is about a stream that by the settings gets no mail by now: its stored mail goes on being silent."""
        return about.kind not in ABOUT_US | GROUPS and not is_followed(about.subject, self._settings.streams)

    def _is_unfollowed(self, alert: Alert) -> bool:
        """Whether its inbox is not read any more, or no mail belongs to its stream (merged, renamed), or that is ignored."""
        if alert.kind in ABOUT_US:
            is_one = alert.key == f"{alert.kind.value}:{alert.subject}"
            return is_one and alert.subject not in {inbox.name for inbox in self._settings.inboxes if inbox.enabled}
        is_gone = alert.kind is FindingKind.GAP and self._store.last_send(alert.subject) is None
        return is_gone or self._is_left(alert)

    def _news(self, alert: Alert) -> Send | None:
        if alert.kind is not FindingKind.GAP:
            return None
        return news_of(alert, self._store.sends(stream=alert.subject, since=alert.since))


def _digest(settings: Settings) -> str:
    """Stands for the settings that what is concluded of sends depends on."""
    said = [part.model_dump_json() for part in (settings.gap, *settings.streams, *settings.organisations)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]
