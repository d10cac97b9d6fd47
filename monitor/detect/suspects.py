"""The right suspect: group findings from merged rows and top sums, before single streams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from monitor.detect.calendar import HOURS_PER_YEAR, moment_of
from monitor.detect.gaps import Reading, gap_facts
from monitor.detect.groups import DELIVERY, INBOX, LOUD, ORDER, ORGANISATION, Member, part_needed, several_are_silent, silent_part
from monitor.detect.roster import GroupKey
from monitor.model import Finding, FindingKind, Level

OTHERS_WENT_ON = 10.0
"""A partial stop needs so many usual sends' time of the group's mail since the silent members' last."""
WORDS = {DELIVERY: "delivered by", "account": "of account", ORGANISATION: "of"}


@dataclass(frozen=True)
class GroupView:
    key: GroupKey
    row: int
    members: tuple[Member, ...]
    """Active streams whose latest send belongs to the group, by name."""


def group_findings(reading: Reading, blind: frozenset[str]) -> tuple[Finding, ...]:
    """Silent groups, the widest explanation first; a group whose streams another finding already names is left out."""
    named: set[str] = set()
    found: list[Finding] = []
    for view in _views(reading):
        if view.key[0] == INBOX and view.key[1] in blind:
            continue
        finding = _part(reading, view) or _whole(reading, view)
        if finding is None:
            continue
        members = set(finding.members)
        if members <= named:
            continue
        named |= members
        found.append(finding)
    return tuple(found)


def _views(reading: Reading) -> Iterator[GroupView]:
    """Groups that may be silent: with an alarm of their merged row, or with several members that are loud."""
    roster, bank = reading.frame.roster, reading.frame.engine.bank
    loud = set(np.nonzero(reading.surprises >= LOUD)[0].tolist())
    counts = Counter(key for s, row in roster.streams.items() if row in loud for key in roster.current[s]) if loud else {}
    alarmed = set(np.nonzero(np.isfinite(bank.view("alarm_at")[:, 1]) & bank.view("is_group"))[0].tolist())
    wanted = [(key, row) for key, row in roster.groups.items() if row in alarmed or counts.get(key, 0) >= 2]
    for key, row in sorted(wanted, key=lambda item: (ORDER.index(item[0][0]), -len(roster.members[item[0]]), item[0])):
        members = tuple(_members(reading, key))
        if len(members) >= 2:
            yield GroupView(key, row, members)


def _members(reading: Reading, key: GroupKey) -> Iterator[Member]:
    """Streams that were alive when the group last mailed: they had learned, and were not already silent by then."""
    roster, bank = reading.frame.roster, reading.frame.engine.bank
    group_last = bank.last[roster.groups[key]]
    for stream in sorted(roster.members[key]):
        row = roster.streams[stream]
        if key not in roster.current[stream] or bank.sessions[row] < bank.min_sessions[row] or reading.ended(row):
            continue
        mean_gap = 1.0 / bank.level(row)
        if group_last - bank.last[row] > max(168.0, 6.0 * mean_gap):
            continue
        yield Member(
            stream,
            float(reading.surprises[row]),
            float(reading.expected[row]),
            float(bank.last[row]),
            float(bank.recent[row].sum()),
            float(24.0 * reading.rates[row]),
        )


def _whole(reading: Reading, view: GroupView) -> Finding | None:
    level = reading.level(view.row)
    if level is None or level < Level.ALERT or not several_are_silent(view.members):
        return None
    kind, name = view.key
    bank = reading.frame.engine.bank
    streams = tuple(m.stream for m in view.members)
    if kind == INBOX:
        return Finding(
            kind=FindingKind.INBOX_BLIND,
            key=f"inbox_blind:{name}",
            subject=name,
            level=level,
            since=moment_of(float(bank.last[view.row])),
            found_at=moment_of(reading.found_at(view.row, level)),
            members=streams,
            gap=gap_facts(reading, view.row),
            note=f"No mail of {len(streams)} streams has reached this inbox: more likely the inbox than the senders.",
        )
    return Finding(
        kind=FindingKind.GROUP_GAP,
        key=f"group_gap:{kind}:{name}",
        subject=name,
        level=level,
        since=moment_of(float(bank.last[view.row])),
        found_at=moment_of(reading.found_at(view.row, level)),
        organisation=name if kind == ORGANISATION else None,
        members=streams,
        gap=gap_facts(reading, view.row),
        note=f"We have seen no mail of the {len(streams)} streams {WORDS[kind]} {name} since then.",
    )


def _part(reading: Reading, view: GroupView) -> Finding | None:
    """A part of the group: the members whose silences together are too much for chance, while others still mail.

    It has no gap's facts: the group's merged mail, of which there are such, goes on.
    """
    kind, name = view.key
    if kind == INBOX:
        return None
    bank = reading.frame.engine.bank
    score, silent = silent_part(view.members)
    level = bank.level(view.row)
    budget = float(bank.budget[view.row])
    needed = part_needed(level * HOURS_PER_YEAR, len(view.members), budget)
    if score < needed or not 2 <= len(silent) < len(view.members) or not several_are_silent(silent):
        return None
    since = max(m.last for m in silent)
    if (bank.last[view.row] - since) * level < OTHERS_WENT_ON:
        return None
    return Finding(
        kind=FindingKind.PARTIAL_GROUP_GAP,
        key=f"partial_group_gap:{kind}:{name}",
        subject=name,
        level=Level.CONFIRMED if score >= needed + np.log(10.0) else Level.ALERT,
        since=moment_of(since),
        found_at=moment_of(reading.now),
        organisation=name if kind == ORGANISATION else None,
        members=tuple(sorted(m.stream for m in silent)),
        note=f"We have seen no mail of {len(silent)} of the {len(view.members)} streams {WORDS[kind]} {name} since then.",
    )
