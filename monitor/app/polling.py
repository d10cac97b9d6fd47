"""Poll one inbox: open or reuse its connection, store what every folder brought, note every failure."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import structlog

from monitor.app.counters import Counters
from monitor.app.ingest import Reader
from monitor.app.opening import SeedInbox, open_inbox
from monitor.app.reading_ahead import ReadingAhead
from monitor.clock import Clock
from monitor.collect.limits import may_read_bodies
from monitor.errors import InboxError, SettingsError, StoreError
from monitor.model import LOGIN_CAUSES, Awaited, Bodies, FailureCause, FolderVisit, InboxNote, NewCopy, PollFailure
from monitor.settings import CollectSettings, InboxSettings
from monitor.show.snapshot import STORAGE
from monitor.store.store import Store

log = structlog.get_logger()

BODIES_AT_ONCE = 200
"""So many bodies of a backlog are read in one poll, so that what is new is looked for in between."""
NAMED_ODDITIES = 5
"""So many odd messages of one visit are named in the log; all are counted in the metrics."""


@dataclass(frozen=True, slots=True)
class Polled:
    """How one poll of an inbox ended: `cause` None where every folder was read."""

    inbox: str
    cause: FailureCause | None
    new_copies: int = 0
    retryable: bool = True
    has_more: bool = False
    """True where bodies are left that the next poll is to read: soon, but after what is due."""
    elsewhere: bool = False
    """True where it failed and the mail server has no part in it."""


class Poller:
    """Keeps one connection an inbox from poll to poll. Different inboxes may be polled from different threads at once."""

    def __init__(
        self,
        store: Store,
        reader: Reader,
        settings: CollectSettings,
        clock: Clock,
        counters: Counters,
        *,
        listens: bool = False,
        helpers: int = 0,
    ) -> None:
        """`listens`: take the mail of inboxes to which it comes by itself, from their first poll to `close`. One process does.

        `helpers` other processes read where much mail comes at once.
        """
        self._store = store
        self._reader = reader
        self._reading = ReadingAhead(reader, helpers)
        self._settings = settings
        self._clock = clock
        self._counters = counters
        self._listens = listens
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._connected: dict[str, SeedInbox] = {}

    def poll(self, inbox: InboxSettings) -> Polled:
        """One look at every folder of the inbox. Never raises for what the inbox or its server does wrong.

        StoreError where what came of it could not be kept; that is counted too.
        """
        began = monotonic()
        try:
            polled = self._look(inbox)
        except StoreError:
            self._counters.poll_ended(inbox.name, STORAGE, timedelta(seconds=monotonic() - began))
            raise
        self._counters.poll_ended(
            inbox.name, polled.cause.value if polled.cause else "ok", timedelta(seconds=monotonic() - began)
        )
        self._reading.rest()
        return polled

    def _look(self, inbox: InboxSettings) -> Polled:
        new, failure, elsewhere, may_wait = 0, None, False, False
        try:
            awaited = self._awaited(inbox, BODIES_AT_ONCE)
            may_wait = bool(awaited)
            brought = self._inbox(inbox).visit(self._store.checkpoints(inbox.name), self._clock, awaited)
            for result, copies in self._reading.read(brought):
                if isinstance(result, PollFailure):
                    failure = _graver(failure, result)
                    self._note(result)
                    continue
                if isinstance(result, InboxNote):
                    self._store.keep_inbox_note(result)
                    continue
                may_wait |= any(raw.awaits_body for raw in result.messages)
                if isinstance(result, Bodies):
                    self._store.save_bodies(result, copies)
                else:
                    new += self._store.save_visit(result, copies).new_copies
                _tell_oddities(result, copies)
                if self._ending.is_set():
                    break
        except (InboxError, SettingsError) as error:
            failure = self._failure(inbox.name, error)
            elsewhere = isinstance(error, InboxError) and error.elsewhere
            if failure.cause in LOGIN_CAUSES:
                self._forget(inbox.name)
            self._note(failure)
        if new:
            log.info("new mail", inbox=inbox.name, copies=new)
        has_more = may_wait and failure is None and bool(self._awaited(inbox, 1))
        cause, retryable = (failure.cause, failure.retryable) if failure else (None, True)
        return Polled(inbox.name, cause, new, retryable, has_more, elsewhere)

    def _awaited(self, inbox: InboxSettings, most: int) -> Mapping[str, Awaited]:
        """The bodies to read next; none once the provider's daily allowance is nearly used up."""
        awaited = self._store.awaited(inbox.name, most)
        if awaited and not may_read_bodies(inbox.host, self._store.fetched(inbox.name, self._clock.now())):
            log.info("bodies wait for tomorrow: the provider limits what is fetched in a day", inbox=inbox.name)
            return {}
        return awaited

    def end(self) -> None:
        """Let every poll end with the batch that it has in hand: the rest of a long backlog is read after the next start."""
        self._ending.set()

    def close(self) -> None:
        """Log out everywhere, at once: a server that is gone is waited for, and there may be many of them."""
        self._reading.close()
        with self._lock:
            connected, self._connected = self._connected, {}
        if connected:
            with ThreadPoolExecutor(min(len(connected), self._settings.concurrency), thread_name_prefix="poll-end") as pool:
                list(pool.map(lambda inbox: inbox.close(), connected.values()))

    def _inbox(self, inbox: InboxSettings) -> SeedInbox:
        with self._lock:
            known = self._connected.get(inbox.name)
        if known is not None:
            return known
        keep = self._take_in if self._listens else None
        made = open_inbox(inbox, self._reader.settings, self._store, self._clock, keep)
        with self._lock:
            return self._connected.setdefault(inbox.name, made)

    def _take_in(self, visit: FolderVisit) -> None:
        """Keep what came by itself, from a thread of the listener's."""
        copies = self._reader.read(visit.messages)
        new = self._store.save_visit(visit, copies).new_copies
        _tell_oddities(visit, copies)
        if new:
            log.info("new mail", inbox=visit.inbox, copies=new)

    def _forget(self, inbox: str) -> None:
        """The next poll reads the password anew: somebody may have mended it."""
        with self._lock:
            refused = self._connected.pop(inbox, None)
        if refused is not None:
            refused.close()

    def _failure(self, inbox: str, error: InboxError | SettingsError) -> PollFailure:
        if isinstance(error, InboxError):
            at = self._clock.now()
            return PollFailure(inbox, error.folder, at, error.cause, error.reason, error.retryable, error.server)
        return PollFailure(inbox, None, self._clock.now(), FailureCause.SETTINGS, str(error))

    def _note(self, failure: PollFailure) -> None:
        log.warning("poll failed", inbox=failure.inbox, folder=failure.folder, cause=failure.cause.value, detail=failure.detail)
        self._store.record_failure(failure)


def _graver(one: PollFailure | None, other: PollFailure) -> PollFailure:
    """Of the failures of several folders the one that says to leave the server alone."""
    return one if one is not None and other.cause is FailureCause.FOLDER else other


def _tell_oddities(visit: FolderVisit | Bodies, copies: Sequence[NewCopy]) -> None:
    """One line about the messages that were kept although something is wrong with them; nobody has to do anything."""
    odd = [
        f"UID {copy.raw.uid}: {'; '.join(f'{p.field}: {p.detail}' for p in copy.message.problems[:3])}"
        for copy in copies
        if copy.message.problems
    ]
    if odd:
        log.info(
            "odd messages, kept all the same", inbox=visit.inbox, folder=visit.folder, number=len(odd), first=odd[:NAMED_ODDITIES]
        )
