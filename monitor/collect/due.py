"""Due: which inbox is to be polled when, and how long to leave one alone that failed (pure)."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from monitor.model import FailureCause

FIRST_WAIT = {
    FailureCause.NETWORK: timedelta(seconds=30),
    FailureCause.TIMEOUT: timedelta(seconds=30),
    FailureCause.DNS: timedelta(minutes=1),
    FailureCause.PROTOCOL: timedelta(minutes=1),
    FailureCause.FOLDER: timedelta(minutes=1),
    FailureCause.THROTTLED: timedelta(minutes=5),
    FailureCause.TLS: timedelta(minutes=5),
    FailureCause.LOGIN: timedelta(minutes=15),
    FailureCause.SETTINGS: timedelta(minutes=15),
}
"""A refused password is tried seldom: many tries lock accounts. A network that fails may be back at once."""
LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Target:
    """An inbox to poll: how often, and at which server (for the limit of polls a server has at once)."""

    name: str
    host: str
    every: timedelta


@dataclass
class DueQueue:
    """A heap of what is due; not safe for many threads at once. All times are aware UTC."""

    per_host: int
    rng: Random
    _targets: dict[str, Target] = field(default_factory=dict)
    _heap: list[tuple[datetime, str]] = field(default_factory=list)
    _running: set[str] = field(default_factory=set)
    _failures: Counter[str] = field(default_factory=Counter)

    def add(self, targets: Mapping[str, Target], now: datetime) -> None:
        """Take targets on. First polls are spread over one period or half a minute, whichever is shorter."""
        self._targets.update(targets)
        for position, target in enumerate(targets.values()):
            spread = min(target.every, timedelta(seconds=30)) * position / len(targets)
            heapq.heappush(self._heap, (now + spread, target.name))

    def take(self, now: datetime, most: int) -> list[tuple[str, timedelta]]:
        """Up to `most` inboxes that are due, longest due first, each with its lateness; they count as running until they end.

        An inbox whose server is busy with `per_host` others stays due and delays nobody.
        """
        busy = Counter(self._targets[name].host for name in self._running)
        taken: list[tuple[str, timedelta]] = []
        waiting: list[tuple[datetime, str]] = []
        while self._heap and self._heap[0][0] <= now and len(taken) < most:
            due_at, name = heapq.heappop(self._heap)
            host = self._targets[name].host
            if busy[host] >= self.per_host:
                waiting.append((due_at, name))
                continue
            busy[host] += 1
            self._running.add(name)
            taken.append((name, now - due_at))
        for entry in waiting:
            heapq.heappush(self._heap, entry)
        return taken

    def succeeded(self, name: str, began: datetime) -> None:
        """Its next poll is a period after this one began."""
        self._failures.pop(name, None)
        self._again(name, began + self._targets[name].every)

    def failed(self, name: str, began: datetime, cause: FailureCause) -> None:
        """Wait twice as long after each failure in a row, by cause, with jitter; never longer than an hour or its period."""
        self._failures[name] += 1
        first = FIRST_WAIT[cause]
        wait = min(first * 2.0 ** min(self._failures[name] - 1, 10), max(LONGEST_WAIT, first))
        wait = min(wait, max(self._targets[name].every, first))
        self._again(name, began + wait * (0.8 + 0.4 * self.rng.random()))

    @property
    def running(self) -> frozenset[str]:
        return frozenset(self._running)

    def _again(self, name: str, at: datetime) -> None:
        self._running.discard(name)
        heapq.heappush(self._heap, (at, name))
