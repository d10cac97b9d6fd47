"""Batches of an import: how large they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
BATCH = 2000
"""Messages of a batch: grouping looks again at what lies around each batch, so that large ones cost less."""
BATCH_OCTETS = 32_000_000
"""A batch of large messages ends before it has so many."""


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
