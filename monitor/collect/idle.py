"""Idle: hear of new mail within a second or so, through one thread for all connections (RFC 2177, RFC 5465).

Where the server has NOTIFY, one connection tells of all folders that are read; else INBOX and Junk take one each.

News only make an inbox due: what is there, and what is proven, a visit finds out, and the slow poll goes on as a net. Where a
server has no IDLE, or ends it, polling is all there is; a connection that is lost is tried again, ever more seldom.
"""

from __future__ import annotations

import os
import queue
import selectors
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from time import monotonic

import structlog

from monitor.collect.breaker import FIRST_WAIT
from monitor.collect.connecting import Access
from monitor.collect.folders import which_folders
from monitor.collect.idle_session import IdleEnded, IdleSession
from monitor.collect.wire import FAULTS
from monitor.errors import InboxError
from monitor.model import FailureCause

log = structlog.get_logger("gonequiet.idle")

RENEW_EVERY = 540.0
"""Seconds. Servers may end a connection after half an hour (RFC 2177), home routers forget one after a quarter."""
LONGEST_WAIT = 3600.0
ROLES = ("INBOX", "JUNK")
ALL = "all"
NO_FOLDER = "there is no folder"
CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Spot:
    """One folder to idle on, by its role; each takes a connection of its own."""

    access: Access
    role: str

    @property
    def inbox(self) -> str:
        return self.access.inbox.name


@dataclass(slots=True)
class _Held:
    spot: Spot
    sock: socket.socket
    session: IdleSession


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection that is ready to idle."""

    sock: socket.socket
    already: bytes
    """What has come and was not yet read."""
    notifies: bool
    """It tells of all folders that are read."""


class CannotIdle(Exception):  # noqa: N818  says what, not that it is an error
    """There is nothing to idle on: no IDLE at this server, or no such folder. Polling goes on."""


def open_idle(spot: Spot) -> Opened:
    """Log in and open the folder read-only. InboxError, CannotIdle or one of FAULTS."""
    connection = spot.access.log_in()
    try:
        if not connection.offers("IDLE"):
            raise CannotIdle("the server has no IDLE")
        folders = which_folders(connection.folders(), spot.access.inbox.folders)
        name = next((folder.name for folder in folders if folder.role == spot.role), None)
        if name is None:
            raise CannotIdle(f"{NO_FOLDER} {spot.role}")
        connection.examine(name)
        notifies = spot.role == ROLES[0] and connection.notify([folder.name for folder in folders if folder.name != name])
        return Opened(*connection.detach(), notifies)
    except BaseException:
        connection.drop()
        raise


class IdleWatch:
    """Holds the connections. `on_news(inbox)` is called from its thread and must return at once."""

    def __init__(
        self,
        accesses: Iterable[Access],
        on_news: Callable[[str], None],
        *,
        rng: Random,
        renew_every: float = RENEW_EVERY,
        first_wait: float | None = None,
        connecting: int = 4,
    ) -> None:
        """Start: INBOX of every inbox, then Junk where INBOX's connection does not tell of it, `connecting` log-ins at a time.
        Spans are in seconds.

        A connection that is lost is tried again after `first_wait` (None: by its cause, as a poll), then after twice as long.
        """
        self._on_news, self._rng = on_news, rng
        self._renew_every, self._first_wait = renew_every, first_wait
        self._selector = selectors.DefaultSelector()
        self._opened: queue.SimpleQueue[tuple[Spot, Opened | None, InboxError | None]] = queue.SimpleQueue()
        self._wake_out, self._wake_in = os.pipe2(os.O_NONBLOCK)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._lost: dict[Spot, int] = {}
        self._again: list[tuple[float, Spot]] = []
        self._begun: set[Spot] = set()
        """Those that were ever tried to be opened, and are tried again where they are lost."""
        self._idling: set[tuple[str, str]] = set()
        """(inbox, role) of those that are held, `ALL` for one that tells of all folders."""
        self._ending = False
        self.unable: dict[tuple[str, str], str] = {}
        """(inbox, role) → why it is polled only."""
        self._pool = ThreadPoolExecutor(connecting, thread_name_prefix="idle-connect")
        for access in accesses:
            self._try(Spot(access, ROLES[0]))
        self._thread = threading.Thread(target=self._run, name="idle", daemon=True)
        self._thread.start()

    @property
    def held(self) -> int:
        """How many connections are idling or about to."""
        return max(len(self._selector.get_map() or ()) - 1, 0)

    def listens_to(self, inbox: str) -> bool:
        """Whether news of both INBOX and Junk are heard of at present, as far as there are these folders."""
        if (inbox, ALL) in self._idling:
            return True
        return any((inbox, role) in self._idling for role in ROLES) and all(
            (inbox, role) in self._idling or self.unable.get((inbox, role), "").startswith(NO_FOLDER) for role in ROLES
        )

    def close(self) -> None:
        """Hang up everywhere and wait for the thread."""
        self._ending = True
        self._wake()
        self._thread.join()
        self._pool.shutdown(cancel_futures=True)
        while not self._opened.empty():
            if (late := self._opened.get()[1]) is not None:
                late.sock.close()
        os.close(self._wake_in)
        os.close(self._wake_out)

    def _open(self, spot: Spot) -> None:
        """On a thread of the pool: connecting blocks."""
        try:
            opened = open_idle(spot)
        except CannotIdle as why:
            self.unable[spot.inbox, spot.role] = str(why)
            log.info("polled only", inbox=spot.inbox, folder=spot.role, reason=str(why))
            self._try_next(spot)
        except InboxError as error:
            self._opened.put((spot, None, error))
        except FAULTS:
            self._opened.put((spot, None, None))
        else:
            self._opened.put((spot, opened, None))
            if not opened.notifies:
                self._try_next(spot)
        self._wake()

    def _try(self, spot: Spot) -> None:
        self._begun.add(spot)
        with suppress(RuntimeError):  # the pool is closing
            self._pool.submit(self._open, spot)

    def _try_next(self, spot: Spot) -> None:
        """Junk takes a connection of its own where INBOX's does not tell of it."""
        if spot.role == ROLES[0] and (junk := Spot(spot.access, ROLES[1])) not in self._begun:
            self._try(junk)

    def _wake(self) -> None:
        os.write(self._wake_in, b"!")

    def _run(self) -> None:
        next_tick = monotonic() + 1
        while not self._ending:
            for key, _ in self._selector.select(max(next_tick - monotonic(), 0)):
                if key.data is None:
                    os.read(self._wake_out, CHUNK)
                else:
                    self._guarded(key.data, self._read)
            self._take_opened()
            if monotonic() >= next_tick:
                next_tick = monotonic() + min(1.0, self._renew_every / 2)
                self._tick()
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                key.data.sock.close()
        self._selector.close()

    def _take_opened(self) -> None:
        while not self._opened.empty():
            spot, opened, error = self._opened.get()
            if opened is None:
                self._lose(spot, error.cause if error else FailureCause.NETWORK, str(error or "not to be opened"))
                continue
            opened.sock.setblocking(False)
            renew_every = self._renew_every * (0.8 + 0.2 * self._rng.random())
            session = IdleSession(timeout=spot.access.timeout, renew_every=renew_every, already=opened.already)
            held = _Held(spot, opened.sock, session)
            self._selector.register(opened.sock, selectors.EVENT_READ, held)
            self._idling.add((spot.inbox, ALL if opened.notifies else spot.role))
            self._guarded(held, self._begin)

    def _tick(self) -> None:
        now = monotonic()
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                self._guarded(key.data, self._pass_time)
        due = [spot for at, spot in self._again if at <= now]
        self._again = [(at, spot) for at, spot in self._again if at > now]
        for spot in due:
            self._pool.submit(self._open, spot)

    def _guarded(self, held: _Held, act: Callable[[_Held], None]) -> None:
        try:
            act(held)
        except (OSError, IdleEnded) as end:
            self._selector.unregister(held.sock)
            held.sock.close()
            self._idling -= {(held.spot.inbox, held.spot.role), *([(held.spot.inbox, ALL)] if held.spot.role == ROLES[0] else [])}
            if held.session.renewed:
                self._lost.pop(held.spot, None)
            self._lose(held.spot, FailureCause.NETWORK, str(end) or type(end).__name__)
            self._on_news(held.spot.inbox)  # what came meanwhile, and whether the inbox can be read at all, a visit tells

    def _begin(self, held: _Held) -> None:
        held.sock.sendall(held.session.start(monotonic()))

    def _pass_time(self, held: _Held) -> None:
        held.sock.sendall(held.session.tick(monotonic()))

    def _read(self, held: _Held) -> None:
        """All that is there: epoll does not tell again of what a TLS socket keeps."""
        while True:
            try:
                data = held.sock.recv(CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            if not data:
                raise IdleEnded("the server hung up")
            answer, news = held.session.receive(data, monotonic())
            if answer:
                held.sock.sendall(answer)
            if news:
                self._on_news(held.spot.inbox)

    def _lose(self, spot: Spot, cause: FailureCause, reason: str) -> None:
        times = self._lost[spot] = self._lost.get(spot, 0) + 1
        first = (
            FIRST_WAIT.get(cause, FIRST_WAIT[FailureCause.PROTOCOL]).total_seconds()
            if self._first_wait is None
            else self._first_wait
        )
        wait = min(first * 2.0 ** min(times - 1, 10), LONGEST_WAIT) * (0.8 + 0.4 * self._rng.random())
        self._again.append((monotonic() + wait, spot))
        log.info("idle ended", inbox=spot.inbox, folder=spot.role, reason=reason, again_in=round(wait))
