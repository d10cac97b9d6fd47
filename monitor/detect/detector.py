"""The detector that the service runs: sends and coverage in, findings and states out; no clock and no I/O.

What it says at one `now` depends on the sends, coverage, settings and `now` alone, not on when or in which order they
came, so a restart from the stored history gives the same findings. Finished hours are kept; the last hours, in which
mail and proofs still arrive, are judged on a copy. Something older that changes rewinds to a copy kept from before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from monitor.detect.blindness import blind_inboxes, blindness
from monitor.detect.calendar import hours_of, moment_of
from monitor.detect.coverage_book import CoverageBook
from monitor.detect.defaults import Defaults, load_defaults
from monitor.detect.gaps import Pauses, Reading, gap_facts, pauses_between, phase_of, read_off, stream_state
from monitor.detect.journal import Journal
from monitor.detect.replay import Frame, Replay, SettingsFor, WitnessTable
from monitor.detect.seeds import Seen, SilentSeed, silent_seeds
from monitor.detect.states import States
from monitor.detect.suspects import group_findings
from monitor.model import Assessment, Coverage, Finding, FindingKind, GapFacts, Level, Send, StreamState
from monitor.settings import GapSettings

UNFINISHED = 2
"""Hours before `now` in which sends and proofs still arrive."""
KEEP_EVERY = 36
KEPT = 3


class Detector:
    """`settings_for(stream, organisation)` gives a stream's settings; for groups it is asked with two empty names."""

    def __init__(
        self,
        settings_for: SettingsFor,
        *,
        defaults: Defaults | None = None,
        full_coverage: bool = False,
        blind_after: timedelta = timedelta(hours=1),
    ) -> None:
        """`full_coverage`: count all time as covered (replays); `blind_after`: how old an inbox's last proof may get."""
        self._settings_for = settings_for
        self._defaults = defaults or load_defaults()
        self._full_coverage = full_coverage
        self._blind_after = blind_after.total_seconds() / 3600
        self._journal = Journal()
        self._book = CoverageBook()
        self._restart()

    def _restart(self) -> None:
        self._witnesses = WitnessTable(self._full_coverage)
        self._replay = Replay(
            self._settings_for,
            self._defaults,
            self._journal,
            self._book,
            self._witnesses,
            [self._settings_for("", "").timezone],
        )
        self._frame: Frame | None = None
        self._near: Frame | None = None
        """The unfinished hours before the present one, as far as they are known: dropped when something in them changes."""
        self._kept: list[Frame] = []
        self._pauses: dict[str, Pauses] = {}
        self._seeds: dict[str, list[SilentSeed]] = {}

    def configure(self, settings_for: SettingsFor) -> None:
        """Take new settings; everything is concluded anew from the history at the next `assess`."""
        self._settings_for = settings_for
        self._restart()

    def add_sends(self, sends: Iterable[Send]) -> None:
        """Take sends in any order; a known id replaces what was known, and its `at` may have moved earlier."""
        self._journal.add(sends)

    def add_coverage(self, intervals: Iterable[Coverage]) -> None:
        """Take proven intervals in any order; known ones change nothing."""
        self._book.add(intervals)

    def set_inboxes(self, folders: Mapping[str, Iterable[str]]) -> None:
        """Say which folders of which inboxes are monitored: an inbox is covered only while all of them are."""
        self._book.set_folders(folders)

    def set_holes(self, holes: Mapping[str, Iterable[tuple[datetime, datetime | None]]]) -> None:
        """Say when each inbox got no mail although it could be read; None: it gets none since. Nothing is proven then."""
        hours = {
            inbox: [(hours_of(start), float("inf") if end is None else hours_of(end)) for start, end in spans]
            for inbox, spans in holes.items()
        }
        self._book.set_holes(hours)

    def read_until(self, inbox: str) -> datetime | None:
        """Up to when all monitored folders of the inbox are proven readable; None: never."""
        spans = self._book.read(inbox)
        return moment_of(spans[-1][1]) if spans else None

    def assess(self, now: datetime) -> Assessment:
        """Findings and the state of every stream at `now` (aware UTC), from what is known of the time up to it."""
        reading = self._read(hours_of(now))
        if reading is None:
            return Assessment(now, blindness(self._book, hours_of(now), self._blind_after), ())
        blind = self._blind(reading.now)
        findings = self._findings(reading, blind)
        return Assessment(now, findings, self._states(reading, blind))

    # ---------------------------------------------------------------------------------- time

    def _read(self, now: float) -> Reading | None:
        """Bring the finished hours up to date, and read off a copy that has gone on to `now`."""
        self._rewind(now)
        first = self._journal.first_hour()
        if first is None or first > now:
            return None
        if self._frame is None:
            self._frame = self._replay.start(first)
        finished = int(now) - UNFINISHED
        while self._frame.engine.hour < finished:
            if self._frame.engine.hour % KEEP_EVERY == 0 and finished - self._frame.engine.hour <= KEEP_EVERY * KEPT:
                self._kept = [*self._kept, self._frame.fork()][-KEPT:]
            self._replay.finish_hour(self._frame)
        if self._near is None:
            self._near = self._frame.fork()
        while self._near.engine.hour + 1 <= now:
            self._replay.finish_hour(self._near)
        present = self._near.fork()
        self._replay.look_ahead(present, now)
        return read_off(present, now, self._replay.zones)

    def _rewind(self, now: float) -> None:
        dirty = min(self._journal.dirty_from, self._book.dirty_from)
        if self._book.dirty_from < float("inf"):
            self._witnesses.refresh(self._book)
        for stream in self._journal.changed:
            self._pauses.pop(stream, None)
            self._seeds.pop(stream, None)
        if self._book.dirty_from < float("inf"):
            self._seeds.clear()
        self._journal.changed.clear()
        self._journal.dirty_from = self._book.dirty_from = float("inf")
        if self._near is not None and self._near.engine.hour > min(dirty, now):
            self._near = None
        if self._frame is None or self._frame.engine.hour <= min(dirty, now):
            return
        self._near = None
        self._kept = [f for f in self._kept if f.engine.hour <= min(dirty, now)]
        self._frame = self._kept.pop() if self._kept else None

    # ---------------------------------------------------------------------------------- findings

    def _blind(self, now: float) -> frozenset[str]:
        unreached = {inbox for inbox, spans in self._book.holes.items() if spans[-1][1] > now}
        return frozenset(blind_inboxes(self._book, now, self._blind_after)) | unreached

    def _findings(self, reading: Reading, blind: frozenset[str]) -> tuple[Finding, ...]:
        about_us = blindness(self._book, reading.now, self._blind_after)
        groups = group_findings(reading, lambda row, stream: self._facts(reading, row, stream), blind)
        named = {stream for finding in groups for stream in finding.members}
        gaps = []
        for stream, row in reading.alarmed():
            level = reading.level(row)
            if level is None or stream in named or reading.ended(row):
                continue
            gaps.append(self._gap(reading, stream, row, level))
        silent = {finding.subject for finding in gaps if finding.level >= Level.ALERT} | named
        heard = [s for s in sorted(self._journal.several) if s not in silent and s in reading.frame.roster.streams]
        seeds = [f for stream in heard for f in self._seed_findings(reading, stream)]
        return (*about_us, *groups, *gaps, *seeds)

    def _gap(self, reading: Reading, stream: str, row: int, level: Level) -> Finding:
        bank, roster = reading.frame.engine.bank, reading.frame.roster
        return Finding(
            kind=FindingKind.GAP,
            key=f"gap:{stream}",
            subject=stream,
            level=level,
            since=moment_of(float(bank.last[row])),
            found_at=moment_of(reading.found_at(row, level)),
            organisation=roster.organisations[stream],
            gap=self._facts(reading, row, stream),
        )

    def _seed_findings(self, reading: Reading, stream: str) -> list[Finding]:
        roster, bank = reading.frame.roster, reading.frame.engine.bank
        row = roster.streams[stream]
        if bank.sessions[row] < bank.min_sessions[row]:
            return []
        if stream not in self._seeds:
            sends = [Seen(hours_of(s.at), frozenset(s.inboxes)) for s in self._journal.of_stream(stream)[-400:]]
            self._seeds[stream] = silent_seeds(sends, self._is_covered, float(bank.budget[row]), bank.level(row))
        return [self._seed_finding(reading, stream, seed) for seed in self._seeds[stream]]

    def _seed_finding(self, reading: Reading, stream: str, seed: SilentSeed) -> Finding:
        return Finding(
            kind=FindingKind.SEED_SILENT,
            key=f"seed_silent:{seed.inbox}:{stream}",
            subject=stream,
            level=seed.level,
            since=moment_of(seed.last),
            found_at=moment_of(min(seed.found, reading.now)),
            organisation=reading.frame.roster.organisations[stream],
            members=(seed.inbox,),
            note=f"Inbox {seed.inbox} has seen none of the last {seed.missed} sends, which other inboxes got.",
        )

    def _is_covered(self, inbox: str, at: float) -> bool:
        return self._full_coverage or self._book.is_covered(inbox, at)

    # ---------------------------------------------------------------------------------- states

    def _states(self, reading: Reading, blind: frozenset[str]) -> States:
        facts = {s: self._facts(reading, row, s) for s, row in reading.alarmed() if not reading.ended(row)}
        settings_for = self._settings_for

        def make() -> Iterator[StreamState]:
            roster = reading.frame.roster
            for stream, row in sorted(roster.streams.items()):
                witnesses = roster.witnesses(row)
                is_blind = bool(blind and witnesses) and all(i in blind for i in witnesses)
                paused = self._is_paused(settings_for(stream, roster.organisations[stream]), reading.now)
                phase = phase_of(reading, row, is_blind=is_blind, is_paused=paused)
                yield stream_state(reading, stream, phase, facts.get(stream))

        return States(make)

    @staticmethod
    def _is_paused(settings: GapSettings, now: float) -> bool:
        return any(hours_of(p.start) <= now < hours_of(p.end) for p in settings.expected_pause)

    def _facts(self, reading: Reading, row: int, stream: str) -> GapFacts:
        def pauses() -> Pauses:
            if not stream:
                members = [
                    s for key, r in reading.frame.roster.groups.items() if r == row for s in reading.frame.roster.members[key]
                ]
                sends = sorted((x for s in members for x in self._journal.of_stream(s)), key=lambda x: (x.at, x.id))
                return pauses_between(sends)
            if stream not in self._pauses:
                self._pauses[stream] = pauses_between(self._journal.of_stream(stream))
            return self._pauses[stream]

        return gap_facts(reading, row, pauses)
