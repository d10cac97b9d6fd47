"""In parts: messages that helpers read and this process too, whoever has time; all come out in order.

While the next to come out is still with a helper, this process reads what no helper has begun, so that it comes out sooner.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from monitor.app.helpers import Asked, Dkim, HelperError, ReadBatch
from monitor.app.ingest import Reader
from monitor.model import NewCopy, RawMessage

T = TypeVar("T")
Ask = Callable[[Sequence[RawMessage], Dkim], Asked | None]
"""Has a helper read messages; None: there is none any more."""

PART = 100
"""Messages that a helper is given at once: 20 to 30 ms of work, so that nobody waits long for the end of it."""


@dataclass(slots=True)
class _Part:
    messages: Sequence[RawMessage]
    dkim: Dkim
    reader: Reader
    elsewhere: Asked | None
    copies: Sequence[NewCopy] | None = None
    """Once they have been read here."""

    def take_back(self) -> bool:
        """Read them here where no helper has begun to."""
        if self.elsewhere is None or not self.elsewhere.answer.cancel():
            return False
        self.elsewhere, self.copies = None, self._read()
        return True

    def result(self) -> ReadBatch:
        if self.elsewhere is not None:
            with suppress(HelperError, CancelledError):
                return self.elsewhere.result()
        return ReadBatch(tuple(self._read() if self.copies is None else self.copies), {})

    def _read(self) -> Sequence[NewCopy]:
        if not self.dkim:
            return self.reader.read(self.messages)
        return [self.reader.read_one(raw, proofs) for raw, proofs in zip(self.messages, self.dkim, strict=True)]


class Reading:
    """Messages that are being read, or will be when asked for."""

    def __init__(self, reader: Reader, messages: Sequence[RawMessage], dkim: Dkim = (), ask: Ask | None = None) -> None:
        """`dkim` is what was verified when they came in; empty: they come in now. Without `ask` this process reads them."""
        self._parts: list[_Part] = []
        for start in range(0, len(messages), PART):
            some, proofs = messages[start : start + PART], dkim[start : start + PART]
            self._parts.append(_Part(some, proofs, reader, ask(some, proofs) if ask is not None else None))
        self.is_shared = any(part.elsewhere is not None for part in self._parts)

    def is_awaited(self) -> bool:
        """Whether a helper has still to answer."""
        return any(part.elsewhere is not None and not part.elsewhere.answer.done() for part in self._parts)

    def read_a_part(self) -> bool:
        """Read the last of what no helper has begun; False where that is nothing."""
        return any(part.take_back() for part in reversed(self._parts))

    def result(self) -> ReadBatch:
        """All of it. Where a helper was killed this process reads what it had."""
        read = [part.result() for part in self._parts]
        frames = {digest: frame for batch in read for digest, frame in batch.frames.items()}
        return ReadBatch(tuple(chain.from_iterable([batch.copies for batch in read])), frames)


def in_order(begun: Iterable[tuple[T, Reading]], ahead: int) -> Iterator[tuple[T, ReadBatch]]:
    """Each with its result. While helpers read one, so many after it are taken from `begun` already.

    What was taken comes out before an error of `begun` does.
    """
    waiting: deque[tuple[T, Reading]] = deque()
    source, failed = iter(begun), None
    while True:
        try:
            one = next(source)
        except StopIteration:
            break
        except Exception as error:
            failed = error
            break
        waiting.append(one)
        while len(waiting) > (ahead if one[1].is_shared else 0):
            yield _first(waiting)
    while waiting:
        yield _first(waiting)
    if failed is not None:
        raise failed


def _first(waiting: deque[tuple[T, Reading]]) -> tuple[T, ReadBatch]:
    first = waiting[0][1]
    while first.is_awaited() and any(reading.read_a_part() for _, reading in waiting):
        pass
    what, reading = waiting.popleft()
    return what, reading.result()
