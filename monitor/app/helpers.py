"""Helpers: other processes that read messages, as parsing and identifying take most of a core and Python uses one at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

from monitor.app.carried import Values, carried, carry
from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.model import DkimProof, NewCopy, RawMessage
from monitor.settings import Settings
from monitor.store.frames import frames_of

Dkim = Sequence[tuple[DkimProof, ...] | None]
"""For each message what was verified when it came in; None: nothing is to be."""


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Copies without what the store does not need: their headers, evidence but in its document, and bytes that are in frames."""

    copies: tuple[NewCopy, ...]
    frames: Mapping[str, bytes]
    """SHA-256 → original, compressed; empty where that was not asked for."""


_Answer = tuple[Sequence[Values], Mapping[str, bytes]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Messages that a helper reads, or will."""

    messages: Sequence[RawMessage]
    answer: Future[_Answer]

    def result(self) -> ReadBatch:
        """Waits for it. BrokenProcessPool where the helper was killed, CancelledError where it was let go."""
        read, frames = self.answer.result()
        if frames:
            for raw in self.messages:
                vars(raw)["raw"] = b""
        return ReadBatch(tuple([carried(raw, values) for raw, values in zip(self.messages, read, strict=True)]), frames)


class Helpers:
    """A pool of processes that have loaded what reading needs. They end with this process, also where it is killed."""

    def __init__(self, settings: Settings, key: bytes | None, number: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of a process with threads may inherit a lock that nobody frees
        self._pool = ProcessPoolExecutor(number, context, initializer=_begin, initargs=(settings, key))
        self._ready = self._pool.submit(os.getpid)

    @property
    def is_ready(self) -> bool:
        """Whether one of them has loaded what it needs, or died of it: what is asked of it then says so."""
        return self._ready.done()

    def read(self, messages: Sequence[RawMessage], dkim: Dkim = (), *, frames: bool) -> Asked:
        """BrokenProcessPool, here or as the result, where a helper was killed."""
        return Asked(messages, self._pool.submit(_read, messages, dkim or [()] * len(messages), frames))

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def spare_cores() -> int:
    """How many processes may work beside this one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores - 1, 4)


_reader: Reader


def _begin(settings: Settings, key: bytes | None) -> None:
    """In each process: load what reading needs, once."""
    global _reader  # the one way to hand something to all tasks of a pool's process
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes of a terminal; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _reader = Reader(load_identifier(settings), settings, canary_key=key)


def _end_with_parent() -> None:
    """A parent that is killed tells nobody, and a pool's process would wait for tasks for ever."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _read(messages: Sequence[RawMessage], dkim: Dkim, frames: bool) -> _Answer:
    copies = [carry(_reader.read_one(raw, proofs)) for raw, proofs in zip(messages, dkim, strict=True)]
    return copies, frames_of(messages) if frames else {}
