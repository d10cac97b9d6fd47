"""Made-up streams for the tests of detect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from monitor.detect.detector import Detector
from monitor.model import Assessment, Coverage, Send
from monitor.settings import GapSettings

START = datetime(2024, 3, 4, tzinfo=UTC)
"""A Monday."""
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DEFAULT = GapSettings()


def send(
    number: int,
    stream: str,
    at: datetime,
    *,
    inboxes: Sequence[str] = ("one",),
    delivery: str | None = None,
    organisation: str | None = None,
) -> Send:
    """One send with a copy in each inbox."""
    return Send(
        id=number,
        stream=stream,
        organisation=organisation or stream,
        at=at,
        stored_at=at,
        inboxes=tuple(inboxes),
        copies=len(inboxes),
        placements={"INBOX": len(inboxes)},
        delivery=delivery,
    )


def regular_sends(
    stream: str,
    every: timedelta,
    until: timedelta,
    *,
    first: int = 0,
    seed: int = 1,
    inboxes: Sequence[str] = ("one",),
    delivery: str | None = None,
    organisation: str | None = None,
) -> list[Send]:
    """Sends from START on, about `every` apart (gamma-distributed, shape 4), up to `until` after it."""
    random = np.random.default_rng(seed)
    sends: list[Send] = []
    at = START
    while at < START + until:
        number = first + len(sends)
        sends.append(send(number, stream, at, inboxes=inboxes, delivery=delivery, organisation=organisation))
        at += every * random.gamma(4.0, 0.25)
    return sends


def covered(start: timedelta, end: timedelta, *, inbox: str = "one", folder: str = "INBOX") -> Coverage:
    """Live proof from START + `start` to START + `end`."""
    return Coverage(inbox, folder, START + start, START + end)


def detector(sends: Sequence[Send], *, full_coverage: bool = True, settings: GapSettings = DEFAULT) -> Detector:
    """A detector that knows these sends."""
    known = Detector(lambda _stream, _organisation: settings, full_coverage=full_coverage)
    known.add_sends(sends)
    return known


def keys(assessment: Assessment) -> set[str]:
    return {finding.key for finding in assessment.findings}
