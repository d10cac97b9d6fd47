"""Feeds the engine with the journal's sends, opening rows for new streams and groups as they appear in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from monitor.detect.bank import GROUP_THIN, GROUPS, LEVELS, Rows
from monitor.detect.calendar import hours_of
from monitor.detect.coverage_book import CoverageBook
from monitor.detect.defaults import Defaults
from monitor.detect.engine import Engine
from monitor.detect.groups import INBOX, INBOX_BUDGET, ORDER, ORGANISATION, groups_of
from monitor.detect.journal import Journal
from monitor.detect.roster import WITNESS_SENDS, GroupKey, Roster, Settled
from monitor.detect.witnesses import ALWAYS, CoveredTime, Interval, covered_time, merge, paused_time
from monitor.model import Level, Send
from monitor.settings import GapSettings

SettingsFor = Callable[[str, str], GapSettings]
"""(stream, organisation) → its settings; rows of groups ask with an empty stream, and only those of an organisation name it."""
CONFIRMED = LEVELS.index(Level.CONFIRMED)


@dataclass
class Frame:
    """An engine with its roster: everything concluded up to one hour."""

    engine: Engine
    roster: Roster = field(default_factory=Roster)

    def fork(self) -> Frame:
        return Frame(self.engine.fork(), self.roster.copy())


@dataclass
class WitnessTable:
    """Interns (inboxes, pauses) so that rows point at shared covered time; `refresh` after coverage changed."""

    full_coverage: bool
    table: list[CoveredTime] = field(default_factory=lambda: [ALWAYS])
    keys: dict[tuple[frozenset[str], tuple[Interval, ...]], int] = field(default_factory=dict)

    def index(self, inboxes: frozenset[str], pauses: tuple[Interval, ...], book: CoverageBook) -> int:
        if self.full_coverage and not pauses:
            return 0
        key = (frozenset() if self.full_coverage else inboxes, pauses)
        if key not in self.keys:
            self.keys[key] = len(self.table)
            self.table.append(self._make(*key, book))
        return self.keys[key]

    def refresh(self, book: CoverageBook) -> None:
        for key, index in self.keys.items():
            self.table[index] = self._make(*key, book)

    def _make(self, inboxes: frozenset[str], pauses: tuple[Interval, ...], book: CoverageBook) -> CoveredTime:
        if self.full_coverage:
            return paused_time(pauses)
        live = {i: at for i in inboxes if (at := book.live_from(i)) is not None}
        return covered_time({i: book.covered(i) for i in inboxes}, live, inboxes, pauses)


@dataclass
class Replay:
    """Runs frames forward; holds what all frames share."""

    settings_for: SettingsFor
    defaults: Defaults
    journal: Journal
    book: CoverageBook
    witnesses: WitnessTable
    zones: list[str]

    def start(self, hour: int) -> Frame:
        return Frame(Engine(self.defaults, hour, self.zones, self.witnesses.table))

    def finish_hour(self, frame: Frame) -> None:
        """Take a frame's next hour as a whole."""
        self._hour(frame, float(frame.engine.hour + 1))

    def look_ahead(self, frame: Frame, now: float) -> None:
        """Bring a frame to `now`, within an hour; after that it is of no use for later moments."""
        while frame.engine.hour + 1 <= now:
            self.finish_hour(frame)
        self._hour(frame, now)

    def _hour(self, frame: Frame, until: float) -> None:
        times: list[float] = []
        rows: list[int] = []
        weights: list[int] = []
        latest: dict[int, int] = {}
        for send in self.journal.in_hour(frame.engine.hour):
            at = hours_of(send.at)
            if at > until:
                break
            own, *merged = self._known_rows_of(frame, send) or self._rows_of(frame, send)
            times.append(at)
            rows.append(own)
            weights.append(1)
            for row in merged:
                place = latest.get(row)
                if place is not None and at <= times[place] + GROUP_THIN:
                    weights[place] += 1
                    continue
                latest[row] = len(times)
                times.append(at)
                rows.append(row)
                weights.append(1)
        frame.engine.excused = _silenced(frame)
        frame.engine.advance(until, np.array(times, np.float64), np.array(rows, np.int64), np.array(weights, np.int64))

    @staticmethod
    def _known_rows_of(frame: Frame, send: Send) -> tuple[int, ...]:
        """The same where the send is one more like the stream's latest, as nearly all are."""
        roster = frame.roster
        known = roster.settled.get(send.stream)
        if known is None or known[:4] != (send.inboxes, send.delivery, send.account, send.organisation):
            return ()
        lately = roster.lately[known.rows[0]]
        if len(lately) < WITNESS_SENDS:
            roster.lately[known.rows[0]] = (*lately, lately[-1])
        return known.rows

    def _rows_of(self, frame: Frame, send: Send) -> tuple[int, ...]:
        roster = frame.roster
        inboxes = frozenset(send.inboxes)
        row = roster.streams.get(send.stream)
        if row is None:
            row = self._open(frame, send.stream, send.organisation, None)
            roster.streams[send.stream] = row
        roster.organisations[send.stream] = send.organisation
        self._witness(frame, row, send.stream, send.organisation, inboxes)
        rows = [row]
        keys = tuple(groups_of(send))
        for key in keys:
            owner = send.organisation if key[0] == ORGANISATION else ""
            members = roster.members.setdefault(key, set())
            members.add(send.stream)
            if len(members) < 2:
                continue
            group = roster.groups.get(key)
            if group is None:
                group = self._open(frame, "", owner, key)
                roster.groups[key] = group
                for member in members:
                    self._place(frame, member)
            self._witness(frame, group, "", owner, frozenset({key[1]}) if key[0] == INBOX else inboxes)
            rows.append(group)
        if roster.current.get(send.stream) != keys:
            roster.current[send.stream] = keys
            self._place(frame, send.stream)
        if set(roster.lately[row]) == {inboxes}:
            roster.settled[send.stream] = Settled(send.inboxes, send.delivery, send.account, send.organisation, tuple(rows))
        else:
            roster.settled.pop(send.stream, None)
        return tuple(rows)

    @staticmethod
    def _place(frame: Frame, stream: str) -> None:
        """Note in the bank of which groups a stream is a member now."""
        roster = frame.roster
        roster.settled.pop(stream, None)
        groups = [-1] * GROUPS
        for kind, name in roster.current.get(stream, ()):
            if kind != INBOX:
                groups[ORDER.index(kind) - 1] = roster.groups.get((kind, name), -1)
        frame.engine.bank.groups[roster.streams[stream]] = groups

    def _open(self, frame: Frame, stream: str, organisation: str, group: GroupKey | None) -> int:
        settings = self.settings_for(stream, organisation)
        if settings.timezone not in self.zones:
            self.zones.append(settings.timezone)
        budget = settings.false_alarms_per_sender_year
        if group is not None and group[0] == INBOX:
            budget = INBOX_BUDGET
        zone = self.zones.index(settings.timezone)
        return frame.engine.bank.add(settings, self.defaults, budget=budget, zone=zone, witness=0, is_group=group is not None)

    def _witness(self, frame: Frame, row: int, stream: str, organisation: str, inboxes: frozenset[str]) -> None:
        known = frame.roster.lately.get(row)
        if known is not None and (known.count(inboxes) == WITNESS_SENDS if stream else inboxes <= known[0]):
            return
        if stream:
            witnesses = frame.roster.witness(row, inboxes)
        else:
            witnesses = inboxes | known[0] if known else inboxes
            frame.roster.lately[row] = (witnesses,)
        settings = self.settings_for(stream, organisation)
        pauses = tuple(merge((hours_of(p.start), hours_of(p.end)) for p in settings.expected_pause))
        frame.engine.bank.witness[row] = self.witnesses.index(witnesses, pauses, self.book)


def _silenced(frame: Frame) -> Rows:
    """The streams of providers, accounts and organisations with a confirmed alarm: a lull that one of them explains is no
    lull of all others. An inbox is not among them: if it is silent, so are all."""
    bank, roster = frame.engine.bank, frame.roster
    found = np.isfinite(bank.view("alarm_at")[:, CONFIRMED]) & bank.view("is_group")
    if not found.any():
        return np.zeros(0, np.int64)
    keys = {key for key, row in roster.groups.items() if found[row] and key[0] != INBOX}
    names = {s for key in keys for s in roster.members[key] if key in roster.current[s]}
    return np.array(sorted(roster.streams[s] for s in names), np.int64)
