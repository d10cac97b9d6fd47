"""Due: which inbox is to be polled when, and how long to leave one alone that failed (pure).

Every inbox waits in one heap by the moment it is due; those that are due wait at their server, by priority. A server takes
so many at once, and the last quarter of the workers is for servers that have none yet, so that slow ones delay no other.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from random import Random

from monitor.collect.breaker import FIRST_WAIT, Breaker, jittered
from monitor.model import FailureCause

LONGEST_WAIT = timedelta(hours=1)
LONGEST_SPREAD = timedelta(seconds=30)
FIRST_POLLS_A_SECOND = 50
"""Where there are thousands of inboxes, their first polls are spread further than half a minute."""
LEAST_STEP = timedelta(seconds=10)
"""A clock that goes back by more was set."""
NEWS_APART = timedelta(seconds=0.5)
"""News of one inbox make it due no closer together: a server may tell of news without end."""
RESERVE = 4
"""One in so many workers is for servers of which no inbox is being polled."""


class Priority(IntEnum):
    """What goes first of all that is due."""

    NEWS = 0
    """A server told of new mail."""
    REGULAR = 1
    BACKLOG = 2
    """Bodies are left to be read."""


Entry = tuple[Priority, datetime, str]


@dataclass(slots=True)
class _Server:
    breaker: Breaker
    ready: list[Entry] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    held: str = ""
    """Why the last of its inboxes that was due had to wait; empty where none had."""


class DueQueue:
    """All times are aware UTC; one thread at a time.

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
        """`periods` is inbox → how often. First polls are spread over half a minute, of thousands of inboxes over more, and
        never over more than one period.

        `hosts` is inbox → mail server: no more than `per_host` inboxes of one are taken at once (None: no limit).
        """
        self._periods = dict(periods)
        self._hosts = {name: (hosts or {}).get(name, f"\0{name}") for name in periods}
        self._per_host = per_host if per_host is not None else len(periods)
        self._rng = rng
        self._servers = {host: _Server(Breaker(rng)) for host in self._hosts.values()}
        self._waiting: set[str] = set()
        """Servers with inboxes that are due."""
        self._alone: set[str] = set()
        self._running: dict[str, datetime] = {}
        self._taken_at: dict[str, datetime] = {}
        self._hastened: set[str] = set()
        self._has_more: set[str] = set()
        self._untried = set(periods)
        self._newest = start
        self._reasons: dict[str, str] = {}
        self._failures: Counter[str] = Counter()
        spread = max(LONGEST_SPREAD, timedelta(seconds=len(periods) / FIRST_POLLS_A_SECOND))
        self._due_at = {
            name: start + min(every, spread) * place / len(periods) for place, (name, every) in enumerate(periods.items())
        }
        """Of those that are not running. An entry of a heap that says otherwise is out of date and is dropped when met."""
        self._later = [(due_at, Priority.REGULAR, name) for name, due_at in self._due_at.items()]
        heapq.heapify(self._later)

    def take(self, now: datetime, most: int) -> list[tuple[str, timedelta]]:
        """Up to `most` inboxes that are due, each with how late it is: by priority, then the longest due.

        An inbox whose server is busy with others, or left alone, stays due and delays nobody.
        """
        self._follow_clock(now)
        self._sort_in(now)
        reserve = (most + len(self._running)) // RESERVE if len(self._servers) > 1 else 0
        heads: list[tuple[Priority, datetime, str]] = []
        for host in list(self._waiting):
            self._offer(heads, host, now)
        taken: list[tuple[str, timedelta]] = []
        while heads and len(taken) < most:
            priority, due_at, host = heapq.heappop(heads)
            server = self._servers[host]
            if server.running and most - len(taken) <= reserve:
                server.held = "the other workers are kept for other servers"
                continue
            _, _, name = heapq.heappop(server.ready)
            self._reasons[name] = server.held or "all workers were busy"
            server.running.add(name)
            self._running[name] = self._taken_at[name] = now
            self._has_more.discard(name)
            del self._due_at[name]
            taken.append((name, now - due_at if priority is not Priority.BACKLOG else timedelta(0)))
            self._offer(heads, host, now)
        return taken

    def why_late(self, name: str) -> str:
        """What an inbox that was taken late had to wait for."""
        return self._reasons.get(name, "")

    def hasten(self, name: str, now: datetime) -> None:
        """There may be news: it is due now, or again once it comes back if it is running. One that fails waits its time."""
        if self._failures[name]:
            return
        if name in self._running:
            self._hastened.add(name)
        elif name in self._periods and self._due_at[name] > now:
            self._put_back(name, min(self._soon(name, now), self._due_at[name]), Priority.NEWS)

    def succeeded(self, name: str, began: datetime, *, has_more: bool = False) -> None:
        """Its next poll is a period after this one began; before that where bodies are left, once nobody else is due."""
        self._failures.pop(name, None)
        self._come_back(name)
        self._alone.discard(self._hosts[name])
        for other in self._servers[self._hosts[name]].breaker.succeeded():
            self._try_again(other, began)
        if name in self._hastened:
            self._hastened.discard(name)
            self._put_back(name, self._soon(name, began), Priority.NEWS)
            return
        self._put_back(name, began + self._periods[name])
        if has_more:
            self._has_more.add(name)
            self._make_ready(Priority.BACKLOG, began, name)

    def failed(
        self, name: str, began: datetime, cause: FailureCause, now: datetime | None = None, *, elsewhere: bool = False
    ) -> None:
        """Wait by cause, twice as long after each failure in a row, at most an hour, give or take a fifth.

        Never shorter than the period of an inbox that is polled seldom. One folder that failed slows the others down by nothing.
        `now` is when it failed (None: at once). `elsewhere`: its server has no part in it, and the others of it go on.
        """
        if cause is FailureCause.FOLDER:
            self.succeeded(name, began)
            return
        self._come_back(name)
        self._hastened.discard(name)
        breaker = self._servers[self._hosts[name]].breaker
        if not elsewhere:
            breaker.failed(name, began, now or began, cause)
        if breaker.is_open:
            self._alone.add(self._hosts[name])
        wait = min(FIRST_WAIT[cause] * 2 ** min(self._failures[name], 10), LONGEST_WAIT)
        self._failures[name] += 1
        self._put_back(name, began + jittered(max(wait, min(self._periods[name], LONGEST_WAIT)), self._rng))

    def set_period(self, name: str, every: timedelta) -> None:
        """How often it is polled from its next poll on."""
        self._periods[name] = every

    @property
    def running(self) -> frozenset[str]:
        """The inboxes that were taken and have not come back."""
        return frozenset(self._running)

    @property
    def next_due(self) -> datetime | None:
        """When the next inbox is due; None while all are running or there are none."""
        return min(self._due_at.values(), default=None)

    @property
    def left_alone(self) -> frozenset[str]:
        """The servers that are tried with one inbox at a time."""
        return frozenset(self._alone)

    def is_behind(self, now: datetime) -> bool:
        """Whether anything is being read, or due at a server that is not left alone; bodies that are left do not count."""
        if self._running:
            return True
        self._sort_in(now)
        servers = [self._servers[host] for host in self._waiting]
        return any(not s.breaker.is_open and s.ready and s.ready[0][0] is not Priority.BACKLOG for s in servers)

    def has_tried_all(self) -> bool:
        """Whether every inbox was polled once, well or not, those of servers that are left alone excepted."""
        return all(self._servers[self._hosts[name]].breaker.is_open for name in self._untried)

    # ------------------------------------------------------------------------------------------ inside

    def _sort_in(self, now: datetime) -> None:
        """Move what is due by now to its server."""
        while self._later and self._later[0][0] <= now:
            due_at, priority, name = heapq.heappop(self._later)
            if self._due_at.get(name) == due_at:
                self._make_ready(priority, due_at, name)

    def _follow_clock(self, now: datetime) -> None:
        """Where our clock was set back, what would be due only once it has run on is due within its period instead."""
        was_set_back = self._newest - now > LEAST_STEP
        self._newest = now
        if not was_set_back:
            return
        for server in self._servers.values():
            server.breaker.set_back(now)
        for name, due_at in list(self._due_at.items()):
            longest = LONGEST_WAIT if self._failures[name] else self._periods[name]
            if due_at > now + longest:
                self._put_back(name, now + longest * self._rng.random())

    def _make_ready(self, priority: Priority, due_at: datetime, name: str) -> None:
        host = self._hosts[name]
        heapq.heappush(self._servers[host].ready, (priority, due_at, name))
        self._waiting.add(host)

    def _offer(self, heads: list[tuple[Priority, datetime, str]], host: str, now: datetime) -> None:
        """Put the server's first inbox up for choice, if it may take another."""
        server = self._servers[host]
        while server.ready and not self._is_valid(server.ready[0]):
            heapq.heappop(server.ready)
        if not server.ready:
            server.held = ""
            self._waiting.discard(host)
        elif not server.breaker.allows(now, len(server.running)):
            server.held = "its server refused others and is left alone"
        elif len(server.running) >= self._per_host:
            server.held = "its server is busy with others"
        else:
            priority, due_at, _ = server.ready[0]
            heapq.heappush(heads, (priority, due_at, host))

    def _is_valid(self, entry: Entry) -> bool:
        priority, due_at, name = entry
        if priority is Priority.BACKLOG:
            return name in self._has_more
        return self._due_at.get(name) == due_at

    def _come_back(self, name: str) -> None:
        self._running.pop(name, None)
        self._untried.discard(name)
        self._servers[self._hosts[name]].running.discard(name)

    def _put_back(self, name: str, at: datetime, priority: Priority = Priority.REGULAR) -> None:
        self._due_at[name] = at
        heapq.heappush(self._later, (at, priority, name))

    def _soon(self, name: str, at: datetime) -> datetime:
        """When news that are told `at` make it due."""
        taken_at = self._taken_at.get(name)
        return at if taken_at is None or taken_at > at else max(at, taken_at + NEWS_APART)

    def _try_again(self, name: str, now: datetime) -> None:
        """Its server works again: it is due within half a minute, as if it had not failed."""
        self._failures.pop(name, None)
        soon = now + LONGEST_SPREAD * self._rng.random()
        if self._due_at.get(name, soon) > soon:
            self._put_back(name, soon)
