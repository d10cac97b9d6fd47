"""Step guard: notice that the machine's clock was set back, which would let a scheduler wait until it has run on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LEAST_STEP = 10.0
"""Seconds. Less is the ordinary correction of a clock."""


class StepGuard:
    """Compares the wall clock with the one that only runs on; `on_step_back(seconds)` is called from its thread."""

    def __init__(
        self,
        on_step_back: Callable[[float], None],
        *,
        every: float = 5.0,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_step_back, self._every = on_step_back, every
        self._wall, self._steady = wall, steady
        self._ahead = wall() - steady()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="step-guard", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Also where it was never started."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Tell of a step back since the last look; one forward does no harm."""
        ahead = self._wall() - self._steady()
        back, self._ahead = self._ahead - ahead, ahead
        if back > LEAST_STEP:
            self._on_step_back(back)

    def _run(self) -> None:
        while not self._over.wait(self._every):
            self.look()
