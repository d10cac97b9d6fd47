"""Due: which inbox is to be polled when, and how long to leave one alone that failed (pure)."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random

from monitor.model import FailureCause

FIRST_WAIT = {
    FailureCause.NETWORK: timedelta(seconds=30),
    FailureCause.TIMEOUT: timedelta(seconds=30),
    FailureCause.DNS: timedelta(minutes=1),
    FailureCause.PROTOCOL: timedelta(minutes=1),
    FailureCause.THROTTLED: timedelta(minutes=5),
    FailureCause.TLS: timedelta(minutes=5),
    FailureCause.LOGIN: timedelta(minutes=15),
    FailureCause.SETTINGS: timedelta(minutes=15),
}
"""A refused password is tried seldom, as many tries lock accounts; a network that fails may be back at once."""
LONGEST_WAIT = timedelta(hours=1)
LONGEST_SPREAD = timedelta(seconds=30)


class DueQueue:
    """A heap of inboxes by the moment they are due. All times are aware UTC; one thread at a time.

    An inbox that was taken is out of the queue until `succeeded` or `failed` puts it back, so that it is never polled twice
    at once, however long a poll takes.
    """

    def __init__(
        self,
        periods: Mapping[str, timedelta],
        *,
        start: datetime,
        rng: Random,
        hosts: Mapping[str, str] | None = None,
        per_host: int | None = None,
    ) -> None:
        """`periods` is inbox → how often. First polls are spread over one period or half a minute, whichever is shorter.

        `hosts` is inbox → mail server: no more than `per_host` inboxes of one are taken at once (None: no limit).
        """
        self._periods = dict(periods)
        self._hosts = dict(hosts or {})
        self._per_host = per_host
        self._rng = rng
        self._running: set[str] = set()
        self._hastened: set[str] = set()
        self._failures: Counter[str] = Counter()
        self._due_at = {
            name: start + min(every, LONGEST_SPREAD) * place / len(periods) for place, (name, every) in enumerate(periods.items())
        }
        """Of those that are not running. An entry of the heap that says otherwise is out of date and is dropped when met."""
        self._heap = [(due_at, name) for name, due_at in self._due_at.items()]
        heapq.heapify(self._heap)

    def take(self, now: datetime, most: int) -> list[tuple[str, timedelta]]:
        """Up to `most` inboxes that are due, the longest due first, each with how late it is.

        An inbox whose server is busy with others stays due and delays nobody.
        """
        busy = Counter(self._hosts.get(name) for name in self._running)
        taken: list[tuple[str, timedelta]] = []
        waiting: list[tuple[datetime, str]] = []
        while self._heap and self._heap[0][0] <= now and len(taken) < most:
            due_at, name = heapq.heappop(self._heap)
            if self._due_at.get(name) != due_at:
                continue
            host = self._hosts.get(name)
            if host is not None and self._per_host is not None and busy[host] >= self._per_host:
                waiting.append((due_at, name))
                continue
            busy[host] += 1
            self._running.add(name)
            del self._due_at[name]
            taken.append((name, now - due_at))
        for entry in waiting:
            heapq.heappush(self._heap, entry)
        return taken

    def hasten(self, name: str, now: datetime) -> None:
        """There may be news: it is due now, or again as soon as it comes back if it is running. One that fails waits its time."""
        if self._failures[name]:
            return
        if name in self._running:
            self._hastened.add(name)
        elif name in self._periods and self._due_at[name] > now:
            self._put_back(name, now)

    def succeeded(self, name: str, began: datetime) -> None:
        """Its next poll is a period after this one began."""
        self._failures.pop(name, None)
        self._put_back(name, began + (timedelta(0) if name in self._hastened else self._periods[name]))

    def failed(self, name: str, began: datetime, cause: FailureCause) -> None:
        """Wait by cause, twice as long after each failure in a row, at most an hour, give or take a fifth.

        Never shorter than the period of an inbox that is polled seldom. One folder that failed slows the others down by nothing.
        """
        if cause is FailureCause.FOLDER:
            self.succeeded(name, began)
            return
        wait = min(FIRST_WAIT[cause] * 2 ** min(self._failures[name], 10), LONGEST_WAIT)
        self._failures[name] += 1
        jitter = 0.8 + 0.4 * self._rng.random()
        self._put_back(name, began + max(wait, min(self._periods[name], LONGEST_WAIT)) * jitter)

    @property
    def running(self) -> frozenset[str]:
        """The inboxes that were taken and have not come back."""
        return frozenset(self._running)

    @property
    def next_due(self) -> datetime | None:
        """When the next inbox is due; None while all are running or there are none."""
        while self._heap and self._due_at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _put_back(self, name: str, at: datetime) -> None:
        self._running.discard(name)
        self._hastened.discard(name)
        self._due_at[name] = at
        heapq.heappush(self._heap, (at, name))
