"""Helpers: other processes that read messages, as parsing and identifying take most of a core and Python uses one at a time.

Each has two pipes of its own. The standard library's pool of processes hangs on Debian 12 (Python 3.11.2) where one of them is
killed while much is being written to it, and before it ends it waits for those that have only begun.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from queue import SimpleQueue

import structlog

from monitor.app.carried import Values, carried, carry
from monitor.app.garbage import leave_aside
from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.model import DkimProof, NewCopy, RawMessage
from monitor.settings import Settings
from monitor.store.frames import frames_of

log = structlog.get_logger()

Dkim = Sequence[tuple[DkimProof, ...] | None]
"""For each message what was verified when it came in; None: nothing is to be."""

ROOM = 1 << 20
"""Octets that a pipe holds where the system lets us say (Linux): neither side then waits for the other to take what it wrote."""
AT_ONCE = 2
"""Tasks that each has: while it works on one, the next is there already."""


class HelperError(Exception):
    """A helper could not begin, or ended before it had answered; the log says so. What it was to read is to be read here."""


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Copies without what the store does not need: their headers, evidence but in its document, and bytes that are in frames."""

    copies: tuple[NewCopy, ...]
    frames: Mapping[str, bytes]
    """SHA-256 → original, compressed; empty where that was not asked for."""


_Task = tuple[Sequence[RawMessage], Dkim, bool]
_Answer = tuple[Sequence[Values], Mapping[str, bytes]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Messages that a helper reads, or will."""

    messages: Sequence[RawMessage]
    answer: Future[_Answer]

    def result(self) -> ReadBatch:
        """Waits for it. HelperError where the helper was killed, CancelledError where it was let go."""
        read, frames = self.answer.result()
        if frames:
            for raw in self.messages:
                vars(raw)["raw"] = b""
        return ReadBatch(tuple([carried(raw, values) for raw, values in zip(self.messages, read, strict=True)]), frames)


@dataclass(frozen=True, slots=True)
class _Helper:
    process: BaseProcess
    tasks: Connection
    answers: Connection
    kill: Finalize
    """Called too when this process ends without a word: it would wait for the helper, which takes no notice of signals."""
    sending: threading.Lock = field(default_factory=threading.Lock)
    receiving: threading.Lock = field(default_factory=threading.Lock)

    def answer_to(self, task: _Task) -> _Answer:
        """From any thread; answers come in the order of the tasks, so that nobody sends before the one before has its turn."""
        try:
            with self.sending:
                self.tasks.send(task)
                self.receiving.acquire()
            try:
                answer: _Answer = self.answers.recv()
            finally:
                self.receiving.release()
        except (EOFError, OSError) as error:
            raise HelperError from error
        return answer


class Helpers:
    """Some processes that have loaded what reading needs. They end with this process, also where it is killed."""

    def __init__(self, settings: Settings, key: bytes | None, number: int) -> None:
        """HelperError where the system has no room for them."""
        self._helpers: list[_Helper] = []
        self._free: SimpleQueue[_Helper] = SimpleQueue()
        self._threads = ThreadPoolExecutor(AT_ONCE * number, thread_name_prefix="helper")
        self._telling = threading.Lock()
        self._told = False
        try:
            for _ in range(number):
                self._helpers.append(_begin(settings, key))
            self._begun = [self._threads.submit(self._welcome, helper) for helper in self._helpers]
        except (OSError, RuntimeError) as error:  # no memory, no more processes, no more threads
            log.warning("no process could begin to help with reading; this one reads alone", reason=str(error))
            self.close()
            raise HelperError from error

    @property
    def number(self) -> int:
        return len(self._helpers)

    @property
    def is_ready(self) -> bool:
        """Whether one of them has loaded what it needs, or died of it: what is asked of it then says so."""
        return any(begun.done() for begun in self._begun)

    def read(self, messages: Sequence[RawMessage], dkim: Dkim = (), *, frames: bool) -> Asked:
        """HelperError, here or as the result, where a helper was killed; RuntimeError after `close`."""
        if any(helper.process.exitcode is not None for helper in self._helpers):
            raise self._lost()
        return Asked(messages, self._threads.submit(self._ask, (messages, dkim or [()] * len(messages), frames)))

    def close(self) -> None:
        """At once: who closes wants no answer any more."""
        with self._telling:
            self._told = True
        for helper in self._helpers:
            helper.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for helper in self._helpers:
            helper.process.join()
            helper.tasks.close()
            helper.answers.close()

    def _welcome(self, helper: _Helper) -> None:
        with suppress(EOFError, OSError):
            helper.answers.recv()
        for _ in range(AT_ONCE):
            self._free.put(helper)

    def _ask(self, task: _Task) -> _Answer:
        helper = self._free.get()
        try:
            return helper.answer_to(task)
        except HelperError as error:
            raise self._lost() from error
        finally:
            self._free.put(helper)

    def _lost(self) -> HelperError:
        """Say in the log, once, that one has ended by itself."""
        with self._telling:
            told, self._told = self._told, True
        if not told:
            log.warning("a process that helps with reading has ended, perhaps for want of memory; this one reads on")
        return HelperError()


def spare_cores() -> int:
    """How many processes may work beside this one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores - 1, 4)


def _begin(settings: Settings, key: bytes | None) -> _Helper:
    """Start one. Its ends of the pipes are closed here, so that each side notices when the other is gone."""
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may inherit a lock that nobody frees
    its_tasks, tasks = context.Pipe(duplex=False)
    answers, its_answers = context.Pipe(duplex=False)
    with suppress(AttributeError, OSError):
        for pipe in (tasks, answers):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, ROOM)
    process = context.Process(target=_help, args=(settings, key, its_tasks, its_answers), name="helper", daemon=True)
    process.start()
    its_tasks.close()
    its_answers.close()
    return _Helper(process, tasks, answers, Finalize(None, process.kill, exitpriority=10))


def _help(settings: Settings, key: bytes | None, tasks: Connection, answers: Connection) -> None:
    """What each process does: load what reading needs, say so, and read until the parent is gone.

    A fault of ours ends it: the parent reads the messages itself, and meets the fault there.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # they go to all processes of a terminal or unit; the parent decides
        signal.signal(number, signal.SIG_IGN)
    reader = Reader(load_identifier(settings), settings, canary_key=key)
    leave_aside()
    with suppress(EOFError, BrokenPipeError):
        answers.send(None)
        while True:
            answers.send(_read(reader, *tasks.recv()))


def _read(reader: Reader, messages: Sequence[RawMessage], dkim: Dkim, frames: bool) -> _Answer:
    copies = [carry(reader.read_one(raw, proofs)) for raw, proofs in zip(messages, dkim, strict=True)]
    return copies, frames_of(messages) if frames else {}
