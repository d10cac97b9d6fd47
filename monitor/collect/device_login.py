"""Device login: the account's owner types a code into a browser anywhere, and we ask until it is done (RFC 8628)."""

from __future__ import annotations

from collections.abc import Callable

from monitor.collect.oauth import AuthorizationServer, DeviceCode, NotYet
from monitor.collect.tokens import Tokens
from monitor.errors import InboxError
from monitor.model import FailureCause

SLOWER_BY = 5.0
"""Seconds, at each `slow_down` (RFC 8628 §3.5)."""
NO_ANSWER = (FailureCause.NETWORK, FailureCause.TIMEOUT, FailureCause.DNS, FailureCause.THROTTLED)
LONGEST_LIFE = 3600.0


def log_in_by_device(server: AuthorizationServer, show: Callable[[DeviceCode], None], wait: Callable[[float], None]) -> Tokens:
    """Get a code, show it, and ask at the server's pace; `wait` gets seconds. InboxError: denied, too late, or no such flow.

    Where the network fails in between, it is asked again after twice as long, as the code goes on to be good.
    """
    code = server.device_code()
    show(code)
    left, interval = min(code.lives, LONGEST_LIFE), code.interval
    while left > 0:
        wait(interval)
        left -= interval
        try:
            said = server.poll_device(code)
        except InboxError as error:
            if error.cause not in NO_ANSWER:
                raise
            interval *= 2
            continue
        if not isinstance(said, NotYet):
            return said
        interval += SLOWER_BY if said.slow_down else 0
    raise server.refused("expired_token")
