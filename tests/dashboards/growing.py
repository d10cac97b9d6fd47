"""A source in which everything is wrong and whose counters grow at each look, so that every rate is above zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import TypeVar

from monitor.show.snapshot import Snapshot
from tests.show.snapshots import FakeSource, all_wrong

Key = TypeVar("Key")


@dataclass
class GrowingSource(FakeSource):
    looks: count[int] = field(default_factory=lambda: count(1))

    def snapshot(self) -> Snapshot:
        n = next(self.looks)
        now = self.now
        states = tuple(replace(s, sends=s.sends + n) for s in now.states)
        return replace(
            now,
            assessment=replace(now.assessment, states=states),
            copies=_plus(now.copies, n),
            polls=_plus(now.polls, n),
            durations=now.durations.plus(timedelta(seconds=n)),
            missed=now.missed + n,
            problems=_plus(now.problems, n),
            identified=_plus(now.identified, n),
            alert_events=_plus(now.alert_events, n),
            notices=_plus(now.notices, n),
        )


def growing() -> GrowingSource:
    source = all_wrong()
    return GrowingSource(now=source.now, history=source.history)


def _plus(counters: Mapping[Key, int], n: int) -> dict[Key, int]:
    return {key: number + n for key, number in counters.items()}
