"""Coverage: over which time one look at a folder proves it readable (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.model import Checkpoint, Coverage, CoverageKind

LEAST_LIVE = timedelta(minutes=15)
"""However often an inbox is polled, two good polls this close together leave no hole between them."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look at a folder saw: `uids` are those above the checkpoint's (all of them at a first visit), ascending."""

    at: datetime
    uidvalidity: int
    uidnext: int
    uids: tuple[int, ...]
    oldest_delivered_at: datetime | None = None
    """INTERNALDATE of the first message; needed at a first visit only."""


def prove(inbox: str, folder: str, previous: Checkpoint | None, sight: Sight, poll_every: timedelta) -> tuple[Coverage, ...]:
    """The interval that this look proves, or none where continuity cannot be shown (unknown, which is not silence).

    UIDs only grow and every message that ever came has one (RFC 9051 §2.3.1.1). So if each UID given out since the last
    look is still there, nothing came and went unseen, and the look covers the time since then: live if the looks were close
    together, retrospectively after a hole of ours. At a first visit the history is covered in the same way.
    """
    if previous is None:
        return _history(inbox, folder, sight)
    if previous.uidvalidity != sight.uidvalidity:
        return ()
    if not _is_contiguous(previous.last_uid, sight) or sight.at <= previous.proven_at:
        return ()
    is_live = sight.at - previous.proven_at <= max(3 * poll_every, LEAST_LIVE)
    kind = CoverageKind.LIVE if is_live else CoverageKind.RETROSPECTIVE
    return (Coverage(inbox, folder, previous.proven_at, sight.at, kind),)


def _history(inbox: str, folder: str, sight: Sight) -> tuple[Coverage, ...]:
    since = sight.oldest_delivered_at
    if since is None or not sight.uids or since >= sight.at or not _is_contiguous(sight.uids[0] - 1, sight):
        return ()
    return (Coverage(inbox, folder, since, sight.at, CoverageKind.RETROSPECTIVE),)


def _is_contiguous(last_uid: int, sight: Sight) -> bool:
    """Whether `uids` are all of (last_uid, uidnext); they are ascending and above `last_uid`."""
    given_out = sight.uidnext - last_uid - 1
    return len(sight.uids) == given_out and (not sight.uids or sight.uids[-1] == sight.uidnext - 1)
