"""The right suspect: group findings from merged rows and top sums, before single streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import exp, log

import numpy as np

from monitor.detect.arrivals import Flags
from monitor.detect.bank import Floats, Rows
from monitor.detect.calendar import HOURS_PER_YEAR, moment_of
from monitor.detect.clocks import ALERT
from monitor.detect.gaps import Reading, gap_facts
from monitor.detect.groups import (
    DELIVERY,
    INBOX,
    LOUD,
    LOUD_TOGETHER,
    ORDER,
    ORGANISATION,
    OVERWHELMING,
    QUIETER_HALF,
    SURPRISE_CAP,
    TOLD_ANYWAY,
    Member,
    part_needed,
    part_of,
    part_score,
    part_scores,
    quieter_half,
    several_are_silent,
    whole_needed,
)
from monitor.detect.onset import chances_of_stop, surprises_at
from monitor.detect.roster import GroupKey
from monitor.model import Finding, FindingKind, Level

OTHERS_WENT_ON = 10.0
"""A partial stop needs so many usual sends' time of the group's mail since the silent members' last."""
ALL_ARE_SILENT = 3.0
"""So surprising (the sum over the busiest others) a silence of everybody else is no luck."""
BUSIEST = 64
"""So many of the others are looked at."""
MOST_MARGIN = 50.0
ROUNDED = 1e-6
"""By as much a score among many may differ from that of the group alone."""
WORDS = {DELIVERY: "delivered by", "account": "of account", ORGANISATION: "of"}


@dataclass(frozen=True)
class GroupView:
    key: GroupKey
    row: int
    members: tuple[Member, ...]
    """Active streams whose latest send belongs to the group, by name."""


def group_findings(reading: Reading, blind: frozenset[str]) -> tuple[tuple[Finding, ...], frozenset[str]]:
    """Silent groups, the widest explanation first, and all streams that are explained by them.

    A group whose streams another finding already names is left out, and so is an inbox that fell silent and is `blind` by now:
    of that another finding tells, and what was silent before is still explained by it.
    """
    named: set[str] = set()
    found: list[Finding] = []
    for view in _views(reading):
        finding = _part(reading, view) or _whole(reading, view)
        if finding is None:
            continue
        members = set(finding.members)
        if members <= named:
            continue
        named |= members
        if not (view.key[0] == INBOX and view.key[1] in blind):
            found.append(finding)
    return tuple(found), frozenset(named)


def _views(reading: Reading) -> Iterator[GroupView]:
    """Groups that may be silent: with a merged row that is loud, or late by the settings, or of which a part may be."""
    roster, bank = reading.frame.roster, reading.frame.engine.bank
    alarmed = (reading.surprises >= LOUD_TOGETHER) | np.isfinite(bank.view("alarm_at")[:, ALERT])
    looked_at = set(np.nonzero(alarmed & bank.view("is_group"))[0].tolist()) | set(_with_silent_parts(reading))
    wanted = [(key, row) for key, row in roster.groups.items() if row in looked_at]
    for key, row in sorted(wanted, key=lambda item: (ORDER.index(item[0][0]), -len(roster.members[item[0]]), item[0])):
        members = tuple(_members(reading, key))
        if len(members) >= 2:
            yield GroupView(key, row, members)


def _with_silent_parts(reading: Reading) -> Iterator[int]:
    """The rows of groups of whose members some may be silent together: all of them are looked at, so as columns."""
    bank = reading.frame.engine.bank
    rows, kind = np.nonzero(bank.view("groups") >= 0)
    groups = bank.groups[rows, kind]
    loud = np.bincount(groups, reading.surprises[rows] >= LOUD, bank.size)
    places = np.nonzero((loud >= 2)[groups] & _are_alive(reading, rows, groups))[0]
    places = places[np.argsort(groups[places], kind="stable")]
    rows, groups = rows[places], groups[places]
    usual = 24.0 * reading.rates[rows]
    scores = part_scores(groups, reading.surprises[rows], bank.recent[rows].sum(axis=1).astype(np.float64), usual)
    distinct, number = np.unique(groups, return_counts=True)
    for row, members, score in zip(distinct.tolist(), number.tolist(), scores.tolist(), strict=True):
        if score + ROUNDED >= part_needed(bank.level(row) * HOURS_PER_YEAR, members, float(bank.budget[row])):
            yield row


def _are_alive(reading: Reading, rows: Rows, groups: Rows) -> Flags:
    """Which streams were alive when their group last mailed: they had learned, and were not already silent by then."""
    bank = reading.frame.engine.bank
    learned = (bank.sessions[rows] >= bank.min_sessions[rows]) & ~np.isneginf(bank.alarm_at[rows, ALERT])
    longest = np.maximum(168.0, 6.0 / bank.levels()[rows])
    return np.asarray(learned & (bank.last[groups] - bank.last[rows] <= longest))


def _members(reading: Reading, key: GroupKey) -> Iterator[Member]:
    """Streams whose latest send was in the group and that were alive when it last mailed, by name."""
    roster, bank = reading.frame.roster, reading.frame.engine.bank
    streams = [stream for stream in sorted(roster.members[key]) if key in roster.current[stream]]
    rows = np.array([roster.streams[stream] for stream in streams], np.int64)
    for place in np.nonzero(_are_alive(reading, rows, np.full(rows.size, roster.groups[key])))[0].tolist():
        row = rows[place]
        yield Member(
            streams[place],
            float(reading.surprises[row]),
            float(reading.expected[row]),
            float(bank.last[row]),
            float(bank.recent[row].sum()),
            float(24.0 * reading.rates[row]),
        )


def _whole(reading: Reading, view: GroupView) -> Finding | None:
    """The whole group: so long after the last mail of any of its members that all of them are probably not pausing by chance."""
    if not several_are_silent(view.members):
        return None
    return _inbox(reading, view) if view.key[0] == INBOX else _group(reading, view)


def _inbox(reading: Reading, view: GroupView) -> Finding | None:
    level = reading.level(view.row)
    if level is None or level < Level.ALERT:
        return None
    name, streams = view.key[1], tuple(m.stream for m in view.members)
    return Finding(
        kind=FindingKind.INBOX_BLIND,
        key=f"inbox_blind:{name}",
        subject=name,
        level=level,
        since=moment_of(float(reading.frame.engine.bank.last[view.row])),
        found_at=moment_of(reading.found_at(view.row, level)),
        members=streams,
        gap=gap_facts(reading, view.row),
        note=f"No mail of {len(streams)} streams has reached this inbox: more likely the inbox than the senders.",
    )


def _group(reading: Reading, view: GroupView) -> Finding | None:
    kind, name = view.key
    told = _found(reading, view)
    if told is None:
        return None
    level, found_at, years = told
    if _nobody_was_heard(reading, view, found_at):
        return None
    streams = tuple(m.stream for m in view.members)
    return Finding(
        kind=FindingKind.GROUP_GAP,
        key=f"group_gap:{kind}:{name}",
        subject=name,
        level=level,
        since=moment_of(float(reading.frame.engine.bank.last[view.row])),
        found_at=moment_of(found_at),
        organisation=name if kind == ORGANISATION else None,
        members=streams,
        gap=replace(gap_facts(reading, view.row), return_period_years=years, alarm_due_at=moment_of(found_at)),
        note=f"We have seen no mail of the {len(streams)} streams {WORDS[kind]} {name} since then.",
    )


def _found(reading: Reading, view: GroupView) -> tuple[Level, float, float] | None:
    """How sure the whole group's silence is, from when on it was so, and its return period in years.

    By what the silences of all members since the group's last mail would take of luck together; by the settings' hours where
    there are such. Nothing is told of what was silent before anybody looked.
    """
    engine, bank, row = reading.frame.engine, reading.frame.engine.bank, view.row
    if bank.covered[row] >= bank.limit[row]:
        level = reading.level(row)
        is_told = level is not None and level >= Level.ALERT
        return (level, reading.found_at(row, level), float(reading.years[row])) if level and is_told else None
    if not np.isnan(bank.fixed[row]) or bank.covered[row] < bank.floor[row] or bank.sessions[row] < bank.min_sessions[row]:
        return None
    needed = whole_needed(bank.level(row) * HOURS_PER_YEAR, len(view.members), float(bank.budget[row]))
    last, rows = float(bank.last[row]), _rows(reading, view)
    if reading.surprises[row] < LOUD_TOGETHER or _silences(reading, rows, np.array([last, reading.now]))[:, -1].sum() < needed:
        return None
    moments = np.linspace(last, reading.now, 65)
    silences = _silences(reading, rows, moments)
    if quieter_half(silences[:, -1], view.members) < QUIETER_HALF:
        return None
    proof = silences.sum(axis=0)
    place = max(int(np.argmax(proof >= needed)), 1)
    found_at = float(np.interp(needed, proof[place - 1 : place + 1], moments[place - 1 : place + 1]))
    if found_at < engine.witnesses[bank.witness[row]].alarms_from:
        return None
    margin = float(proof[-1] - needed)
    return _level(margin), found_at, _years(margin, float(bank.budget[row]))


def _nobody_was_heard(reading: Reading, view: GroupView, found_at: float) -> bool:
    """All others are silent since the group's last mail, too, and were hardly so by luck by then: a holiday, or our own fault."""
    roster, bank = reading.frame.roster, reading.frame.engine.bank
    last, others = float(bank.last[view.row]), bank.view("member").copy()
    others[[roster.streams[s] for s in roster.members[view.key] if view.key in roster.current[s]]] = False
    rows = np.nonzero(others)[0]
    if not rows.size or bank.last[rows].max() > last:
        return False
    rows = rows[np.argsort(-reading.rates[rows], kind="stable")[:BUSIEST]]
    return float(_silences(reading, rows, np.array([last, found_at]))[:, -1].sum()) >= ALL_ARE_SILENT


def _silences(reading: Reading, rows: Rows, moments: Floats) -> Floats:
    """How surprising the silences of these members since the first of the moments are at each of them."""
    silent = surprises_at(reading, rows, moments)
    return np.minimum(silent - silent[:, :1], SURPRISE_CAP)


def _level(margin: float) -> Level:
    """By how much (ln) the evidence is more than an alert needs."""
    return Level.CONFIRMED if margin >= log(10.0) else Level.ALERT


def _years(margin: float, budget: float) -> float:
    """The return period of so much evidence, where with none to spare it is one over the budget."""
    return exp(min(margin, MOST_MARGIN)) / budget


def _part(reading: Reading, view: GroupView) -> Finding | None:
    """A part of the group: the members whose silences together are too much for chance, while others still mail.

    It is told of when it can be said who they are, or, with much evidence, when two of them would be told of by themselves. It
    has no gap's facts: the group's merged mail, of which there are such, goes on.
    """
    kind, name = view.key
    if kind == INBOX:
        return None
    bank = reading.frame.engine.bank
    level = bank.level(view.row)
    needed = part_needed(level * HOURS_PER_YEAR, len(view.members), float(bank.budget[view.row]))
    margin = part_score(view.members) - needed
    if margin < 0:
        return None
    part = part_of(view.members, _chances(reading, view))
    silent = part.silent
    if not 2 <= len(silent) < len(view.members) or not several_are_silent(silent):
        return None
    if not part.is_sharp and not (margin >= OVERWHELMING and _are_told_anyway(reading, silent)):
        return None
    since = max(m.last for m in silent)
    if (bank.last[view.row] - since) * level < OTHERS_WENT_ON:
        return None
    return Finding(
        kind=FindingKind.PARTIAL_GROUP_GAP,
        key=f"partial_group_gap:{kind}:{name}",
        subject=name,
        level=_level(margin),
        since=moment_of(since),
        found_at=moment_of(reading.now),
        organisation=name if kind == ORGANISATION else None,
        members=tuple(sorted(m.stream for m in silent)),
        unsure=tuple(sorted(m.stream for m in part.unsure)),
        note=f"We have seen no mail of {len(silent)} of the {len(view.members)} streams {WORDS[kind]} {name} since then.",
    )


def _chances(reading: Reading, view: GroupView) -> Floats:
    last, surprise = np.array([m.last for m in view.members]), np.array([m.surprise for m in view.members])
    return chances_of_stop(last, surprise, partial(surprises_at, reading, _rows(reading, view)), reading.now)


def _rows(reading: Reading, view: GroupView) -> Rows:
    return np.array([reading.frame.roster.streams[m.stream] for m in view.members], np.int64)


def _are_told_anyway(reading: Reading, silent: Sequence[Member]) -> bool:
    levels = (reading.level(reading.frame.roster.streams[m.stream]) for m in silent)
    return sum(level is not None and level >= Level.ALERT for level in levels) >= TOLD_ANYWAY
