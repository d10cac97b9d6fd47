"""Reading ahead: where many messages wait, a helper reads one batch while the one before is stored and the next is fetched.

Whoever of the two is done first takes what is left: this process reads a batch itself rather than wait for the helper.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

import structlog

from monitor.app.helpers import Asked, Dkim, HelperError, Helpers
from monitor.app.ingest import Reader
from monitor.model import Bodies, FolderVisit, InboxNote, NewCopy, PollFailure, RawMessage

log = structlog.get_logger()

WORTH_HELP = 100
"""Messages at once from which on a helper is worth it."""
AHEAD = 3
"""Batches of one inbox that a helper may have; it bounds what is in memory."""
IDLE_SECONDS = 300.0
"""A helper that nobody needed for so long is let go: it holds as much memory as all else."""
PAUSE_SECONDS = 60.0
"""After one has ended by itself, none begins for so long: one that cannot begin would cost more than it helps."""


Brought = TypeVar("Brought", bound=FolderVisit | Bodies | InboxNote | PollFailure)
"""What a look at an inbox brings; some of it are messages."""


@dataclass(slots=True)
class _Reading:
    """Messages that are being read, or will be when asked for."""

    messages: Sequence[RawMessage]
    dkim: Dkim
    reader: Reader
    elsewhere: Asked | None
    copies: Sequence[NewCopy] | None = None
    """Once they have been read here."""

    def is_awaited(self) -> bool:
        return self.elsewhere is not None and not self.elsewhere.answer.done()

    def take_back(self) -> None:
        """Read them here where no helper has begun to."""
        if self.elsewhere is not None and self.elsewhere.answer.cancel():
            self.elsewhere, self.copies = None, self._read()

    def result(self) -> Sequence[NewCopy]:
        if self.elsewhere is not None:
            try:
                return self.elsewhere.result().copies
            except (HelperError, CancelledError):
                log.warning("a process that helps with reading has ended; this one reads on", messages=len(self.messages))
        return self._read() if self.copies is None else self.copies

    def _read(self) -> Sequence[NewCopy]:
        if not self.dkim:
            return self.reader.read(self.messages)
        return [self.reader.read_one(raw, proofs) for raw, proofs in zip(self.messages, self.dkim, strict=True)]


class ReadingAhead:
    """Reads what the inboxes of a service bring. Safe from many threads."""

    def __init__(self, reader: Reader, most: int) -> None:
        """`most` helpers at a time, which begin when they are needed."""
        self._reader, self._most = reader, most
        self._lock = threading.Lock()
        self._helpers: Helpers | None = None
        self._wanted_at = -IDLE_SECONDS
        self._none_before = 0.0

    def read(self, brought: Iterable[Brought]) -> Iterator[tuple[Brought, Sequence[NewCopy]]]:
        """Each with its messages read, in order. It is to be stored before the next one is taken.

        While a helper reads, the next are taken already; what was taken comes out before an error of `brought` does.
        """
        waiting: deque[tuple[Brought, _Reading]] = deque()
        source, failed = iter(brought), None
        while True:
            try:
                one = next(source)
            except StopIteration:
                break
            except Exception as error:
                failed = error
                break
            reading = self._begin(one.messages if isinstance(one, FolderVisit | Bodies) else ())
            waiting.append((one, reading))
            while len(waiting) > (0 if reading.elsewhere is None else AHEAD):
                yield _first(waiting)
        while waiting:
            yield _first(waiting)
        if failed is not None:
            raise failed

    def rest(self) -> None:
        """Let a helper go that nobody needs any more."""
        with self._lock:
            if self._helpers is None or monotonic() - self._wanted_at < IDLE_SECONDS:
                return
            resting, self._helpers = self._helpers, None
        resting.close()

    def close(self) -> None:
        with self._lock:
            helpers, self._helpers = self._helpers, None
        if helpers is not None:
            helpers.close()

    def _begin(self, messages: Sequence[RawMessage]) -> _Reading:
        reading = _Reading(messages, (), self._reader, None)
        if len(messages) >= WORTH_HELP and (helpers := self._ready()) is not None:
            reading.dkim = [self._reader.proofs(raw) for raw in messages]
            reading.elsewhere = self._asked(helpers, reading)
        return reading

    def _ready(self) -> Helpers | None:
        """None: there is no helper, or none yet, as one takes some seconds to begin."""
        if not self._most:
            return None
        with self._lock:
            self._wanted_at = monotonic()
            if self._helpers is None and self._wanted_at < self._none_before:
                return None
            if self._helpers is None:
                self._helpers = Helpers(self._reader.settings, self._reader.canary_key, self._most)
            helpers = self._helpers
        return helpers if helpers.is_ready else None

    def _asked(self, helpers: Helpers, reading: _Reading) -> Asked | None:
        """None: it was killed, or let go by another thread."""
        try:
            return helpers.read(reading.messages, reading.dkim, frames=False)
        except (HelperError, RuntimeError) as error:
            with self._lock:
                if self._helpers is helpers:
                    self._helpers = None
                if isinstance(error, HelperError):
                    self._none_before = monotonic() + PAUSE_SECONDS
            helpers.close()
            return None


def _first(waiting: deque[tuple[Brought, _Reading]]) -> tuple[Brought, Sequence[NewCopy]]:
    """The next to be stored. Where a helper is still at it, this process reads the last of those that wait meanwhile."""
    if len(waiting) > 1 and waiting[0][1].is_awaited():
        waiting[-1][1].take_back()
    one, reading = waiting.popleft()
    return one, reading.result()
