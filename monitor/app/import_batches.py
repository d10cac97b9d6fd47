"""Batches of an import: how large they are, and how far helpers read ahead of what is stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from monitor.app.helpers import Asked, ReadBatch

T = TypeVar("T")
BATCH = 2000
"""Messages of a batch: grouping looks again at what lies around each batch, so that large ones cost less."""
BATCH_OCTETS = 32_000_000
"""A batch of large messages ends before it has so many."""
AHEAD = 2
"""Batches that wait for each process, so that none of them has to; it bounds what is in memory."""


def in_batches(messages: Iterable[T], size_of: Callable[[T], int]) -> Iterator[list[T]]:
    """Runs of at most BATCH, and of about BATCH_OCTETS where they are large."""
    batch: list[T] = []
    octets = 0
    for message in messages:
        batch.append(message)
        octets += size_of(message)
        if len(batch) >= BATCH or octets >= BATCH_OCTETS:
            yield batch
            batch, octets = [], 0
    if batch:
        yield batch


def in_order(tasks: Iterable[tuple[T, Asked]], helpers: int) -> Iterator[tuple[T, ReadBatch]]:
    """The results in the order of the tasks, which are taken only a little ahead."""
    waiting: deque[tuple[T, Asked]] = deque()
    source = iter(tasks)
    waiting.extend(islice(source, AHEAD * helpers))
    while waiting:
        what, asked = waiting.popleft()
        result = asked.result()
        waiting.extend(islice(source, 1))
        yield what, result
