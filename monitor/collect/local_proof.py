"""Local proof: what two looks at a Maildir or an mbox prove, where no server numbers the messages (pure).

Nothing there counts what ever came. What can be shown is less than over IMAP, and it is claimed only where everything fits: each
message of the last look is still there, and what changed is explained by what we see. Any trace of something that came and went,
or was taken away, leaves the time between the two looks unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.collect.coverage import LEAST_LIVE
from monitor.model import Checkpoint, Coverage, CoverageKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CLOSE_NS = 2_000_000_000
"""A message's own last change and that of the folder that it came into lie this close together: one step of the mail program."""


@dataclass(frozen=True, slots=True)
class MaildirState:
    """A folder at the end of a look; kept as text in its checkpoint."""

    changed: tuple[int, ...]
    """When `new` and `cur` were changed last: nanoseconds, by the clock of their file system."""

    def text(self) -> str:
        return json.dumps({"changed": self.changed})

    @classmethod
    def of(cls, checkpoint: Checkpoint | None) -> MaildirState | None:
        """None where there is none, or the folder has not been read to its end."""
        held = _held(checkpoint)
        return cls(tuple(held["changed"])) if held is not None else None


@dataclass(frozen=True, slots=True)
class MboxState:
    """A file at the end of a look; the place up to which it was read is the checkpoint's `last_uid`."""

    inode: int
    changed: int
    """Nanoseconds."""
    guard: str
    """A digest of what stands before that place: where it differs, the file was written anew."""

    def text(self) -> str:
        return json.dumps({"inode": self.inode, "changed": self.changed, "guard": self.guard})

    @classmethod
    def of(cls, checkpoint: Checkpoint | None) -> MboxState | None:
        held = _held(checkpoint)
        return cls(held["inode"], held["changed"], held["guard"]) if held is not None else None


def is_untouched(before: MaildirState, changed: tuple[int, ...], looked_at: datetime) -> bool:
    """Whether nobody has touched the folder since the look that left this state, so that it need not be listed.

    A file system's clock ticks some hundred times a second: what came in the same tick as that look does not show in the times.
    """
    settled = max(before.changed) + CLOSE_NS < to_ns(looked_at)
    return before.changed == changed and settled


def maildir_holds(before: MaildirState, now: MaildirState, vanished: bool, touched: Iterable[int]) -> bool:
    """Whether nothing came and went unseen, as far as a Maildir can show it.

    `vanished`: a message of the last look is there no more. `touched` is when each that is there now was itself changed last
    (nanoseconds): it came, was moved or was marked.
    """
    if vanished:
        return False  # somebody takes mail away here: it may have been new mail
    moments = tuple(touched)
    return all(
        was == is_now or any(abs(moment - is_now) <= CLOSE_NS for moment in moments)
        for was, is_now in zip(before.changed, now.changed, strict=True)
    )


def mbox_holds(before: MboxState, now: MboxState, grew: bool) -> bool:
    """The same for a file that was not written anew: it grew, or nobody touched it."""
    return grew or before.changed == now.changed


def since_last_look(inbox: str, folder: str, previous: Checkpoint, at: datetime, poll_every: timedelta) -> tuple[Coverage, ...]:
    """The time between two looks that hold: live if they were close together, else retrospectively."""
    if at <= previous.proven_at:
        return ()
    is_live = at - previous.proven_at <= max(3 * poll_every, LEAST_LIVE)
    kind = CoverageKind.LIVE if is_live else CoverageKind.RETROSPECTIVE
    return (Coverage(inbox, folder, previous.proven_at, at, kind),)


def to_ns(moment: datetime) -> int:
    """Nanoseconds since 1970, to the microsecond."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def cut(sizes: Sequence[int], most: int, most_bytes: int) -> list[slice]:
    """Batches in order, each of at most so many messages and octets, and of one message at least."""
    made: list[slice] = []
    start = total = 0
    for place, size in enumerate(sizes):
        if place > start and (place - start == most or total + size > most_bytes):
            made.append(slice(start, place))
            start, total = place, 0
        total += size
    if start < len(sizes):
        made.append(slice(start, len(sizes)))
    return made


def _held(checkpoint: Checkpoint | None) -> dict[str, Any] | None:
    return json.loads(checkpoint.state) if checkpoint is not None and checkpoint.state is not None else None
