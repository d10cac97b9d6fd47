"""Count what happened since the start: polls by result, their durations, missed jobs, faults of our own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from monitor.show.snapshot import Durations


class Counters:
    """Only grows while the process lives; safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._polls: Counter[tuple[str, str]] = Counter()
        self._durations = Durations()
        self._missed = 0
        self._late = 0

    def poll_ended(self, inbox: str, result: str, took: timedelta) -> None:
        """`result` is `ok`, a FailureCause or STORAGE; `took` is real time."""
        with self._lock:
            self._polls[inbox, result] += 1
            self._durations = self._durations.plus(took)

    def poll_late(self) -> None:
        with self._lock:
            self._late += 1

    def job_missed(self) -> None:
        with self._lock:
            self._missed += 1

    @property
    def polls(self) -> Mapping[tuple[str, str], int]:
        with self._lock:
            return dict(self._polls)

    @property
    def durations(self) -> Durations:
        with self._lock:
            return self._durations

    @property
    def missed(self) -> int:
        with self._lock:
            return self._missed

    @property
    def late(self) -> int:
        with self._lock:
            return self._late
