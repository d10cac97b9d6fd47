"""Hours: the detector's time axis (hours since the epoch, UTC) and the hour of the week in a stream's own zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

HOURS_PER_WEEK = 168
HOURS_PER_YEAR = 8766.0
"""365.25 days."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BLOCK = 4096


def hours_of(moment: datetime) -> float:
    """An aware datetime as hours since 1970-01-01T00:00Z, exact to a microsecond."""
    return (moment - _EPOCH) // _MICROSECOND / 3_600_000_000


def moment_of(hours: float) -> datetime:
    """The inverse of `hours_of`, UTC, rounded to a microsecond."""
    return _EPOCH + timedelta(microseconds=round(hours * 3_600_000_000))


def hour_of_week(hour: int, timezone: str) -> int:
    """The cell 0 (Monday 00:00) … 167 in which UTC hour `hour` (since the epoch) begins on the clocks of `timezone`."""
    block, offset = divmod(hour, _BLOCK)
    return int(_block(block, timezone)[offset])


def hours_of_week(first: int, count: int, timezone: str) -> NDArray[np.int64]:
    """The cells of `count` hours from `first`."""
    last = first + count - 1
    blocks = [_block(b, timezone) for b in range(first // _BLOCK, last // _BLOCK + 1)]
    start = first - first // _BLOCK * _BLOCK
    return np.concatenate(blocks)[start : start + count]


@cache
def _block(block: int, timezone: str) -> NDArray[np.int64]:
    zone = ZoneInfo(timezone)
    cells = np.empty(_BLOCK, np.int64)
    for i in range(_BLOCK):
        local = datetime.fromtimestamp((block * _BLOCK + i) * 3600, zone)
        cells[i] = local.weekday() * 24 + local.hour
    return cells
