"""Breaker: when a server refuses many inboxes, leave it alone but for one trial at a time until it works (pure)."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from monitor.model import FailureCause

FIRST_WAIT = {
    FailureCause.NETWORK: timedelta(seconds=30),
    FailureCause.TIMEOUT: timedelta(seconds=30),
    FailureCause.DNS: timedelta(minutes=1),
    FailureCause.PROTOCOL: timedelta(minutes=1),
    FailureCause.THROTTLED: timedelta(minutes=5),
    FailureCause.TLS: timedelta(minutes=5),
    FailureCause.LOGIN: timedelta(minutes=15),
    FailureCause.LOGIN_ENDED: timedelta(minutes=15),
    FailureCause.SETTINGS: timedelta(minutes=15),
}
"""A refused password is tried seldom, as many tries lock accounts; a network that fails may be back at once."""
OPENS_AFTER = 3
"""So many of a server's inboxes that failed in a row, none of them read in between, are the server's failure."""
OPENS_AFTER_LOGINS = 10
"""Refused log-ins alone may be so many wrong passwords."""
LONGEST_TRIAL = timedelta(minutes=15)
NOT_THE_SERVERS = frozenset({FailureCause.FOLDER, FailureCause.SETTINGS})


def jittered(wait: timedelta, rng: Random) -> timedelta:
    """Give or take a fifth, so that many do not come back in the same second."""
    return wait * (0.8 + 0.4 * rng.random())


class Breaker:
    """What is known of one server. Times are aware UTC."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._failing: dict[str, FailureCause] = {}
        self._trials = 0
        self._next_trial: datetime | None = None

    @property
    def is_open(self) -> bool:
        """True while the server is left alone but for trials."""
        return self._next_trial is not None

    def allows(self, now: datetime, running: int) -> bool:
        """Whether another of its inboxes may be tried now, beside so many that are being polled."""
        return self._next_trial is None or (running == 0 and now >= self._next_trial)

    def failed(self, inbox: str, began: datetime, now: datetime, cause: FailureCause) -> None:
        """A poll that `began` then failed. What failed together with the one that opened it makes no wait longer."""
        if cause in NOT_THE_SERVERS:
            return
        self._failing[inbox] = cause
        only_logins = all(known is FailureCause.LOGIN for known in self._failing.values())
        if len(self._failing) < (OPENS_AFTER_LOGINS if only_logins else OPENS_AFTER):
            return
        if self._next_trial is None or began >= self._next_trial:
            wait = min(FIRST_WAIT[cause] * 2 ** min(self._trials, 10), LONGEST_TRIAL)
            self._trials += 1
            self._next_trial = now + jittered(wait, self._rng)

    def set_back(self, now: datetime) -> None:
        """Our clock was set back to `now`: no trial is later than it would ever be."""
        if self._next_trial is not None:
            self._next_trial = min(self._next_trial, now + LONGEST_TRIAL)

    def succeeded(self) -> frozenset[str]:
        """The server works: the inboxes that may be tried again at once, if it had been left alone."""
        again = frozenset(name for name, cause in self._failing.items() if cause is not FailureCause.LOGIN)
        was_open = self.is_open
        self._failing.clear()
        self._trials, self._next_trial = 0, None
        return again if was_open else frozenset()
