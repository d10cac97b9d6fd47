"""A source in which everything is wrong and whose counters grow at each look, so that every rate is above zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import TypeVar

from monitor.show.snapshot import InboxHealth, Snapshot
from tests.show.snapshots import FakeSource, all_wrong, inbox

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
            late=now.late + n,
            inboxes=(*(_with_canaries(inbox, n) for inbox in now.inboxes), _UNREACHED),
            problems=_plus(now.problems, n),
            identified=_plus(now.identified, n),
            alert_events=_plus(now.alert_events, n),
            notices=_plus(now.notices, n),
        )


_UNREACHED = replace(inbox("quiet-3"), unreached=True)


def _with_canaries(inbox: InboxHealth, n: int) -> InboxHealth:
    canary = inbox.canary
    assert canary is not None
    grown = replace(canary, totals=_plus(canary.totals, n), delay_total=canary.delay_total + timedelta(seconds=n))
    return replace(inbox, canary=grown)


def growing() -> GrowingSource:
    source = all_wrong()
    return GrowingSource(now=source.now, history=source.history)


def _plus(counters: Mapping[Key, int], n: int) -> dict[Key, int]:
    return {key: number + n for key, number in counters.items()}
