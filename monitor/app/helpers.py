"""Helpers: other processes that read messages, as parsing and identifying take most of a core and Python uses one at a time."""

from __future__ import annotations

import copyreg
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.model import Account, DkimProof, Identification, Message, NewCopy, RawMessage, StreamKey
from monitor.settings import Settings
from monitor.store.documents import identification_to_json
from monitor.store.frames import frames_of

Dkim = Sequence[tuple[DkimProof, ...] | None]
"""For each message what was verified when it came in; None: nothing is to be."""


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Copies without what the store does not need: their bytes, headers, and evidence but in its document."""

    copies: tuple[NewCopy, ...]
    frames: Mapping[str, bytes]
    """SHA-256 → original, compressed; empty where that was not asked for."""


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

    def read(self, messages: Sequence[RawMessage], dkim: Dkim = (), *, frames: bool) -> Future[ReadBatch]:
        """BrokenProcessPool, here or as the result, where a helper was killed."""
        return self._pool.submit(_read, messages, dkim or [()] * len(messages), frames)

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


def _read(messages: Sequence[RawMessage], dkim: Dkim, frames: bool) -> ReadBatch:
    originals = frames_of(messages) if frames else {}
    copies = tuple(_lightened(_reader.read_one(raw, proofs)) for raw, proofs in zip(messages, dkim, strict=True))
    return ReadBatch(copies, originals)


def _lightened(copy: NewCopy) -> NewCopy:
    """Its parts are emptied where they are: nobody else has them, and copying them would take as long as writing the document."""
    raw, message, identification = copy.raw, copy.message, copy.identification
    document = identification_to_json(identification)
    vars(raw).update(sha256=raw.sha256, raw=b"")
    message.headers, message.fields, identification.evidence = (), {}, ()
    return replace(copy, document=document)


def _send_by_fields(kind: type[Any]) -> None:
    """Pickle a frozen dataclass with slots as a call: the way that it has looks its fields up anew for every value."""
    fields = attrgetter(*kind.__match_args__)
    copyreg.pickle(kind, lambda value: (kind, fields(value)))


for _kind in (NewCopy, Message, Identification, StreamKey, Account):
    _send_by_fields(_kind)
