"""The detector that the service runs: sends and coverage in, findings and states out; no clock and no I/O.

What it says at one `now` depends on the sends, coverage, settings and `now` alone, not on when or in which order they
came, so a restart from the stored history, or from a state and what came after it, gives the same findings. Finished
hours are kept; the last hours, in which mail and proofs still arrive, are judged on a copy. Something older that changes
rewinds to a copy kept from before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from monitor.detect.blindness import blind_inboxes, blindness, suspected
from monitor.detect.calendar import hours_of, moment_of
from monitor.detect.coverage_book import CoverageBook
from monitor.detect.defaults import Defaults, load_defaults
from monitor.detect.gaps import Reading, gap_facts, phase_of, read_off, stream_state
from monitor.detect.journal import Journal
from monitor.detect.replay import Frame, Replay, SettingsFor, WitnessTable
from monitor.detect.seeds import KEPT_SENDS, Seen, SilentSeed, silent_seeds
from monitor.detect.state import SavedState, dump, kept_hours, load
from monitor.detect.states import States
from monitor.detect.suspects import group_findings
from monitor.detect.witnesses import Interval
from monitor.model import Assessment, Coverage, Finding, FindingKind, Level, Send, StreamState
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
        keep_states: bool = False,
    ) -> None:
        """`full_coverage`: count all time as covered (replays); `blind_after`: how old an inbox's last proof may get;
        `keep_states`: have something to say when asked for `states`."""
        self._settings_for = settings_for
        self._defaults = defaults or load_defaults()
        self._full_coverage = full_coverage
        self._blind_after = blind_after.total_seconds() / 3600
        self._keep_states = keep_states
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
        self._since: int | None = None
        """The hour of the state that was taken up: what came before it is known to that state alone."""
        self._saved: dict[int, Frame] = {}
        self._ahead: list[Frame] = []
        """After each of the unfinished hours before the present one: dropped from where something in them changes."""
        self._kept: list[Frame] = []
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

    def suspected(self, now: datetime) -> dict[str, datetime]:
        """Inboxes that are blind or half-way to it → up to when they are proven readable."""
        return {inbox: moment_of(end) for inbox, end in suspected(self._book, hours_of(now), self._blind_after).items()}

    def covered(self) -> dict[str, list[Interval]]:
        """Inbox → when it was covered, hours since the epoch; one that never was is left out."""
        return {inbox: spans for inbox in self._book.inboxes() if (spans := self._book.covered(inbox))}

    def states(self) -> list[SavedState]:
        """The states worth keeping that were passed since this was last asked, the oldest first."""
        saved = [
            SavedState(hour, self._book.digest(hour), dump(frame, self._witnesses, self._replay.zones))
            for hour, frame in sorted(self._saved.items())
        ]
        self._saved.clear()
        return saved

    def proven_before(self, hour: int) -> str:
        """What a state of that hour must rest on to be taken up."""
        return self._book.digest(hour)

    def resume(self, document: bytes, sends: Iterable[Send]) -> None:
        """Take up a state; StateError if it is none of this version.

        Asked of a detector that knows the folders and all coverage. `sends`: all from the state's hour on, and the newest
        of each stream from before it, as many as findings about seeds look back on (`KEPT_SENDS`).
        """
        frame = load(document, self._defaults, self._witnesses, self._book, self._replay.zones)
        self._journal.add(sends)
        self._journal.settle()
        self._book.dirty_from = float("inf")
        self._frame, self._since = frame, frame.engine.hour

    def lacks_history(self, now: datetime) -> bool:
        """True where something changed before the state that was taken up: only the whole history can tell what follows."""
        dirty = min(self._journal.dirty_from, self._book.dirty_from, hours_of(now))
        return self._since is not None and dirty < self._since

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
        wanted = kept_hours(finished) if self._keep_states else frozenset()
        while self._frame.engine.hour < finished:
            if self._frame.engine.hour in wanted and self._frame.engine.hour != self._since:
                self._saved[self._frame.engine.hour] = self._frame.fork()
            if self._frame.engine.hour % KEEP_EVERY == 0 and finished - self._frame.engine.hour <= KEEP_EVERY * KEPT:
                self._kept = [*self._kept, self._frame.fork()][-KEPT:]
            if self._ahead:
                self._frame = self._ahead.pop(0)
            else:
                self._replay.finish_hour(self._frame)
        present = (self._ahead[-1] if self._ahead else self._frame).fork()
        while present.engine.hour + 1 <= now:
            self._replay.finish_hour(present)
            self._ahead.append(present)
            present = present.fork()
        self._replay.look_ahead(present, now)
        return read_off(present, now, self._replay.zones)

    def _rewind(self, now: float) -> None:
        dirty = min(self._journal.dirty_from, self._book.dirty_from)
        if self._book.dirty_from < float("inf"):
            self._witnesses.refresh(self._book)
        for stream in self._journal.changed:
            self._seeds.pop(stream, None)
        if self._book.dirty_from < float("inf"):
            self._seeds.clear()
        self._journal.settle()
        self._book.dirty_from = float("inf")
        self._ahead = [frame for frame in self._ahead if frame.engine.hour <= min(dirty, now)]
        if self._frame is None or self._frame.engine.hour <= min(dirty, now):
            return
        assert self._since is None or min(dirty, now) >= self._since, "ask `lacks_history` first"
        self._saved = {hour: frame for hour, frame in self._saved.items() if hour <= min(dirty, now)}
        self._kept = [f for f in self._kept if f.engine.hour <= min(dirty, now)]
        self._frame = self._kept.pop() if self._kept else None

    # ---------------------------------------------------------------------------------- findings

    def _blind(self, now: float) -> frozenset[str]:
        unreached = {inbox for inbox, spans in self._book.holes.items() if spans[-1][1] > now}
        return frozenset(blind_inboxes(self._book, now, self._blind_after)) | unreached

    def _findings(self, reading: Reading, blind: frozenset[str]) -> tuple[Finding, ...]:
        about_us = blindness(self._book, reading.now, self._blind_after)
        groups, named = group_findings(reading, blind)
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
            gap=gap_facts(reading, row),
        )

    def _seed_findings(self, reading: Reading, stream: str) -> list[Finding]:
        roster, bank = reading.frame.roster, reading.frame.engine.bank
        row = roster.streams[stream]
        if bank.sessions[row] < bank.min_sessions[row]:
            return []
        if stream not in self._seeds:
            sends = [Seen(hours_of(s.at), frozenset(s.inboxes)) for s in self._journal.of_stream(stream)[-KEPT_SENDS:]]
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
        settings_for = self._settings_for

        def make() -> Iterator[StreamState]:
            roster = reading.frame.roster
            for stream, row in sorted(roster.streams.items()):
                witnesses = roster.witnesses(row)
                is_blind = bool(blind and witnesses) and all(i in blind for i in witnesses)
                paused = self._is_paused(settings_for(stream, roster.organisations[stream]), reading.now)
                phase = phase_of(reading, row, is_blind=is_blind, is_paused=paused)
                yield stream_state(reading, stream, phase)

        return States(make)

    @staticmethod
    def _is_paused(settings: GapSettings, now: float) -> bool:
        return any(hours_of(p.start) <= now < hours_of(p.end) for p in settings.expected_pause)
