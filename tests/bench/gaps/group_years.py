"""How often a group is falsely told of: years of simulated lists that all go on, in groups of several sizes.

Every list is in three groups at once: with lists of its kind at one provider, and with any others in an account and in an
organisation. The lists share a calendar of holidays, quarters' ends and an election, so false findings come in clusters. They
pause for days now and then, too; a finding about those that happen to pause together is counted as false all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.detect.calendar import HOURS_PER_YEAR, moment_of
from monitor.detect.coverage_book import CoverageBook
from monitor.detect.defaults import load_defaults
from monitor.detect.gaps import read_off
from monitor.detect.groups import ACCOUNT, DELIVERY, INBOX, ORGANISATION
from monitor.detect.journal import Journal
from monitor.detect.replay import Replay, WitnessTable
from monitor.detect.suspects import group_findings
from monitor.model import Finding, Level, Send
from monitor.settings import GapSettings
from tests.bench.gaps.protocol import poisson_interval
from tests.bench.gaps.simulate import SimulatedList, simulate

SIZES = {DELIVERY: (10, 20, 5, 3, 30), ACCOUNT: (20, 10, 5, 3, 50), ORGANISATION: (10, 5, 3, 50, 20)}
WARM_UP_HOURS = 60 * 24
ONE_EPISODE_HOURS = 24.0
"""What is told of again within so many hours is the same false alarm."""


@dataclass
class GroupYears:
    """What was said of groups of one size."""

    years: float = 0.0
    whole: int = 0
    part: int = 0

    @classmethod
    def of(cls, several: Iterable[GroupYears]) -> GroupYears:
        """All of them together."""
        total = cls()
        for one in several:
            total.years += one.years
            total.whole += one.whole
            total.part += one.part
        return total

    @property
    def false(self) -> int:
        return self.whole + self.part

    @property
    def interval(self) -> tuple[float, float]:
        return poisson_interval(self.false, self.years)


@dataclass
class _Open:
    """When each group was last told of."""

    at: dict[str, float] = field(default_factory=dict)

    def begins(self, group: str, hour: float) -> bool:
        before = self.at.get(group, -np.inf)
        self.at[group] = hour
        return hour - before > ONE_EPISODE_HOURS


def group_years(
    seed: int, lists: int, start: tuple[int, int, int] = (2018, 4, 1), end: tuple[int, int, int] = (2019, 5, 1)
) -> dict[int, GroupYears]:
    """By size of the group, those of a rest left out; a year and a month hold one of each holiday, and an election."""
    made = [x for x in simulate(seed, lists, start=start, end=end).lists if x.times.size]
    groups = {kind: _divided(made, kind, np.random.default_rng(seed)) for kind in SIZES}
    sizes = {f"{kind}:{name}": n for kind, names in groups.items() for name, n in Counter(names).items() if n in SIZES[kind]}
    hours = 0
    told: Counter[tuple[int, bool]] = Counter()
    is_open = _Open()
    for hour, findings in _hours(made, groups):
        hours += 1
        for finding in findings:
            whole, _, group = finding.key.partition(":")
            if finding.level >= Level.ALERT and group in sizes and is_open.begins(group, hour):
                told[sizes[group], whole == "group_gap"] += 1
    result = {size: GroupYears() for size in sorted(set(sizes.values()))}
    for size in sizes.values():
        result[size].years += hours / HOURS_PER_YEAR
    for (size, is_whole), number in told.items():
        result[size].whole += number if is_whole else 0
        result[size].part += 0 if is_whole else number
    return result


def _divided(lists: Sequence[SimulatedList], kind: str, random: np.random.Generator) -> list[str]:
    """The group of each list: a provider's are alike, the others mixed; a rest makes a smaller one."""
    luck = random.random(len(lists))
    order = sorted(range(len(lists)), key=lambda i: (lists[i].kind if kind == DELIVERY else "", luck[i]))
    names = [""] * len(lists)
    at = number = 0
    while at < len(order):
        size = SIZES[kind][number % len(SIZES[kind])]
        number += 1
        for i in order[at : at + size]:
            names[i] = f"{kind} {number}"
        at += size
    return names


def _hours(lists: Sequence[SimulatedList], groups: dict[str, list[str]]) -> Iterator[tuple[float, list[Finding]]]:
    """What is found about groups at the end of every hour, after two months."""
    journal, book, witnesses = Journal(), CoverageBook(), WitnessTable(full_coverage=True)
    settings = GapSettings()
    replay = Replay(lambda _stream, _organisation: settings, load_defaults(), journal, book, witnesses, [settings.timezone])
    journal.add(_sends(lists, groups))
    journal.settle()
    first, end = journal.first_hour(), int(max(x.times[-1] for x in lists))
    assert first is not None
    frame = replay.start(first)
    while frame.engine.hour < end:
        replay.finish_hour(frame)
        if frame.engine.hour >= first + WARM_UP_HOURS:
            hour = float(frame.engine.hour)
            found, _ = group_findings(read_off(frame, hour, replay.zones), frozenset())
            yield hour, [f for f in found if not f.key.startswith(INBOX)]


def _sends(lists: Sequence[SimulatedList], groups: dict[str, list[str]]) -> Iterator[Send]:
    number = 0
    for place, known in enumerate(lists):
        for at in known.times.tolist():
            number += 1
            yield Send(
                id=number,
                stream=known.name,
                organisation=groups[ORGANISATION][place],
                at=moment_of(at),
                stored_at=moment_of(at),
                inboxes=("seed",),
                copies=1,
                placements={"INBOX": 1},
                delivery=groups[DELIVERY][place],
                account=groups[ACCOUNT][place],
            )
