"""Back-off: when a refused notice is tried again, and when it is given up (pure)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.errors import ChannelError
from monitor.model import Notice, NoticeState

FIRST = timedelta(minutes=1)
LONGEST = timedelta(hours=6)
"""1, 2, 4 … 256 minutes, then 6 hours: twelve tries, the default, reach over 20 hours, a night and a morning to mend it."""


def wait_after(tries: int) -> timedelta:
    """How long to wait after so many tries in vain (at least one)."""
    doublings = min(tries - 1, 20)
    return min(LONGEST, FIRST * (1 << doublings))


def after_success(notice: Notice, now: datetime) -> Notice:
    return replace(notice, state=NoticeState.SENT, tries=notice.tries + 1, sent_at=now, next_try_at=None, error=None)


def after_failure(notice: Notice, error: ChannelError, now: datetime, max_tries: int) -> Notice:
    """Pending until its next try, or failed for good; the reason stays with it."""
    tries = notice.tries + 1
    given_up = not error.retryable or tries >= max_tries
    return replace(
        notice,
        state=NoticeState.FAILED if given_up else NoticeState.PENDING,
        tries=tries,
        next_try_at=None if given_up else now + wait_after(tries),
        error=error.reason,
    )
