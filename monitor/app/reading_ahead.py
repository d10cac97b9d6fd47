"""Reading ahead: where many messages wait, a helper reads one batch while the one before is stored and the next is fetched."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

import structlog

from monitor.app.helpers import Asked, HelperError, Helpers
from monitor.app.ingest import Reader
from monitor.model import Bodies, FolderVisit, InboxNote, NewCopy, PollFailure, RawMessage

log = structlog.get_logger()

WORTH_HELP = 100
"""Messages at once from which on a helper is worth it."""
AHEAD = 2
"""Batches of one inbox that a helper may have; it bounds what is in memory."""
IDLE_SECONDS = 300.0
"""A helper that nobody needed for so long is let go: it holds as much memory as all else."""


Brought = TypeVar("Brought", bound=FolderVisit | Bodies | InboxNote | PollFailure)
"""What a look at an inbox brings; some of it are messages."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """Messages that are being read, or will be when asked for."""

    messages: Sequence[RawMessage]
    reader: Reader
    elsewhere: Asked | None

    def result(self) -> Sequence[NewCopy]:
        if self.elsewhere is not None:
            try:
                return self.elsewhere.result().copies
            except (HelperError, CancelledError):
                log.warning("a process that helps with reading has ended; this one reads on", messages=len(self.messages))
        return self.reader.read(self.messages)


class ReadingAhead:
    """Reads what the inboxes of a service bring. Safe from many threads."""

    def __init__(self, reader: Reader, most: int) -> None:
        """`most` helpers at a time, which begin when they are needed."""
        self._reader, self._most = reader, most
        self._lock = threading.Lock()
        self._helpers: Helpers | None = None
        self._wanted_at = -IDLE_SECONDS

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
                done, ready = waiting.popleft()
                yield done, ready.result()
        for done, ready in waiting:
            yield done, ready.result()
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
        return _Reading(messages, self._reader, self._elsewhere(messages) if len(messages) >= WORTH_HELP else None)

    def _elsewhere(self, messages: Sequence[RawMessage]) -> Asked | None:
        """None: there is no helper, or none yet, as one takes some seconds to begin."""
        if not self._most:
            return None
        with self._lock:
            self._wanted_at = monotonic()
            if self._helpers is None:
                self._helpers = Helpers(self._reader.settings, self._reader.canary_key, self._most)
            helpers = self._helpers
        if not helpers.is_ready:
            return None
        try:
            return helpers.read(messages, [self._reader.proofs(raw) for raw in messages], frames=False)
        except (HelperError, RuntimeError):  # killed, or let go by another thread
            with self._lock:
                if self._helpers is helpers:
                    self._helpers = None
            helpers.close()
            return None
