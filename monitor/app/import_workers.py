"""Reading an archive's messages on all cores: processes parse, identify and compress; this one stores."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.model import NewCopy, RawMessage
from monitor.settings import Settings
from monitor.store.frames import frames_of

T = TypeVar("T")
BATCH = 2000
"""Messages of a batch: grouping looks again at what lies around each batch, so that large ones cost less."""
BATCH_OCTETS = 32_000_000
"""A batch of large messages ends before it has so many."""
AHEAD = 2
"""Batches that wait for each process, so that none of them has to; it bounds what is in memory."""


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Copies without their bytes and headers, which the store does not need beside the originals' frames."""

    copies: tuple[NewCopy, ...]
    frames: Mapping[str, bytes]


Submit = Callable[[Sequence[RawMessage]], Future[ReadBatch]]


@contextmanager
def reading(settings: Settings, key: bytes | None, *, helpers: int) -> Iterator[Submit]:
    """A function that has a batch read by one of `helpers` other processes."""
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may inherit a lock that nobody frees
    pool = ProcessPoolExecutor(helpers, context, initializer=_begin, initargs=(settings, key))
    try:
        yield lambda messages: pool.submit(_read, messages)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def spare_cores() -> int:
    """How many processes may work beside this one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores - 1, 4)


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


def in_order(tasks: Iterable[tuple[T, Future[ReadBatch]]], helpers: int) -> Iterator[tuple[T, ReadBatch]]:
    """The results in the order of the tasks, which are taken only a little ahead."""
    waiting: deque[tuple[T, Future[ReadBatch]]] = deque()
    source = iter(tasks)
    waiting.extend(islice(source, AHEAD * helpers))
    while waiting:
        what, future = waiting.popleft()
        result = future.result()
        waiting.extend(islice(source, 1))
        yield what, result


_reader: Reader


def _begin(settings: Settings, key: bytes | None) -> None:
    """In each process: load what reading needs, once."""
    global _reader  # the one way to hand something to all tasks of a pool's process
    _reader = Reader(load_identifier(settings), settings, canary_key=key)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed tells nobody, and a pool's process would wait for tasks for ever."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _read(messages: Sequence[RawMessage]) -> ReadBatch:
    copies = [_reader.read_one(raw) for raw in messages]
    return ReadBatch(tuple(_lighter(copy) for copy in copies), frames_of(messages))


def _lighter(copy: NewCopy) -> NewCopy:
    raw = replace(copy.raw, raw=b"")
    raw.__dict__["sha256"] = copy.raw.sha256
    return replace(copy, raw=raw, message=replace(copy.message, headers=(), fields={}))
