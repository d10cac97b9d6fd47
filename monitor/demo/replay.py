"""The replay: mail is delivered and the clock moved in steps, never further than the service has followed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

from monitor.clock import SteppedClock
from monitor.demo.archive import ArchivedMail
from monitor.errors import GoneQuietError

START = datetime(2021, 1, 2, 23, 0, tzinfo=UTC)
"""Before the first mail, which is dated 3 January 10:25 +11:00."""
END = datetime(2021, 1, 15, 0, 0, tzinfo=UTC)
"""After the last one, 14 January 18:10 −05:00."""
STEP = timedelta(minutes=30)


class ReplayError(GoneQuietError):
    """The service did not follow the replay's clock."""


@dataclass(frozen=True, slots=True)
class Step:
    """One move of the clock: the moment it went to, and the mail that came in before it."""

    at: datetime
    arrived: tuple[ArchivedMail, ...]


def steps(mails: Sequence[ArchivedMail], start: datetime, end: datetime, every: timedelta) -> Iterator[Step]:
    """Cut (start, end] into steps; each brings the mail of its half-open interval (from, to], the last may be shorter."""
    moments = [start + every * i for i in range(int((end - start) / every) + 1)]
    if moments[-1] < end:
        moments.append(end)
    for before, at in pairwise(moments):
        yield Step(at, tuple(mail for mail in mails if before < mail.at <= at))


def play(
    todo: Iterator[Step],
    clock: SteppedClock,
    deliver: Callable[[ArchivedMail], None],
    caught_up: Callable[[datetime], bool],
    *,
    pause: float = 0.0,
    patience: float = 60.0,
) -> Iterator[Step]:
    """Do the steps one by one and give each back when the service has polled, decided and told all up to its moment.

    A slow machine therefore makes the replay slow, never wrong. `pause` is the least real time for a step, `patience`
    the most that the service may take for one, both in seconds; ReplayError when it takes longer.
    """
    for step in todo:
        began = time.monotonic()
        for mail in step.arrived:
            deliver(mail)
        clock.move_to(step.at)
        wait_until(partial(caught_up, step.at), f"follow to {step.at:%d %b %H:%M} UTC", patience)
        time.sleep(max(0.0, pause - (time.monotonic() - began)))
        yield step


def wait_until(condition: Callable[[], bool], what: str, patience: float = 60.0) -> None:
    """Return once the condition holds. ReplayError if the service does not do `what` within `patience` seconds."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > patience:
            raise ReplayError(f"the service did not {what} within {patience:.0f} s; see its log")
        time.sleep(0.005)
