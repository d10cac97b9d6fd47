"""Open files: each connection to a mail server is one; have as many as the system allows, and say where that is too few."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from contextlib import suppress

import structlog

from monitor.settings import InboxKind, InboxSettings, WatchedBy

log = structlog.get_logger("gonequiet.service")

OTHERS = 200
"""The database, originals that are being written, pages, notices."""
TO_POLL, TO_IDLE = 1, 2
"""Connections of an inbox, at the most: INBOX and Junk take one each where the server has no NOTIFY."""


def raise_limit() -> None:
    """Let this process open as many files as it may (RLIMIT_NOFILE); as many as before where the system refuses."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def wanted(inboxes: Iterable[InboxSettings]) -> int:
    """How many files these inboxes may need to be open at once."""
    over_imap = [inbox for inbox in inboxes if inbox.kind is InboxKind.IMAP]
    return OTHERS + sum(TO_POLL + (TO_IDLE if inbox.watched_by is not WatchedBy.POLL else 0) for inbox in over_imap)


def tell_if_too_few(inboxes: Iterable[InboxSettings]) -> None:
    """A warning that names what to mend, where the inboxes may need more than this process may open."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and (most := wanted(inboxes)) > limit:
        log.warning(
            "these inboxes may need more open files than the system allows, and connections will fail; "
            "raise LimitNOFILE in the systemd unit, `ulimits` of the container, or `ulimit -Hn`",
            wanted=most,
            allowed=limit,
        )
