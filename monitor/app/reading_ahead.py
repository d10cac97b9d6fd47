"""Reading ahead: where many messages wait, a helper reads one batch while the one before is stored and the next is fetched."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from time import monotonic
from typing import TypeVar

from monitor.app.helpers import Asked, Dkim, HelperError, Helpers
from monitor.app.in_parts import Reading, in_order
from monitor.app.ingest import Reader
from monitor.model import Bodies, FolderVisit, InboxNote, NewCopy, PollFailure, RawMessage

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
        for one, read in in_order(((one, self._begin(one)) for one in brought), AHEAD):
            yield one, read.copies

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

    def _begin(self, one: FolderVisit | Bodies | InboxNote | PollFailure) -> Reading:
        messages = one.messages if isinstance(one, FolderVisit | Bodies) else ()
        if len(messages) < WORTH_HELP or (helpers := self._ready()) is None:
            return Reading(self._reader, messages)
        return Reading(self._reader, messages, [self._reader.proofs(raw) for raw in messages], partial(self._asked, helpers))

    def _ready(self) -> Helpers | None:
        """None: there is no helper, or none yet, as one takes some seconds to begin."""
        if not self._most:
            return None
        with self._lock:
            self._wanted_at = monotonic()
            if self._helpers is None and self._wanted_at < self._none_before:
                return None
            if self._helpers is None:
                try:
                    self._helpers = Helpers(self._reader.settings, self._reader.canary_key, self._most)
                except HelperError:
                    self._none_before = self._wanted_at + PAUSE_SECONDS
                    return None
            helpers = self._helpers
        return helpers if helpers.is_ready else None

    def _asked(self, helpers: Helpers, messages: Sequence[RawMessage], dkim: Dkim) -> Asked | None:
        """None: it was killed, or let go by another thread."""
        try:
            return helpers.read(messages, dkim, frames=False)
        except (HelperError, RuntimeError) as error:
            with self._lock:
                if self._helpers is helpers:
                    self._helpers = None
                if isinstance(error, HelperError):
                    self._none_before = monotonic() + PAUSE_SECONDS
            helpers.close()
            return None
