"""Which row of the bank stands for which stream or group, and which inboxes witness it lately."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

GroupKey = tuple[str, str]
"""(kind, name), such as ("delivery", "SendGrid")."""
WITNESS_SENDS = 10
"""An inbox witnesses a stream while it got one of the last ten sends."""


class Settled(NamedTuple):
    """A stream's latest send, by all that says which rows it belongs to, and these: its own first, then those of its groups."""

    inboxes: tuple[str, ...]
    delivery: str | None
    account: str | None
    organisation: str
    rows: tuple[int, ...]


@dataclass
class Roster:
    """Grows only, in the order of the sends' times."""

    streams: dict[str, int] = field(default_factory=dict)
    organisations: dict[str, str] = field(default_factory=dict)
    groups: dict[GroupKey, int] = field(default_factory=dict)
    members: dict[GroupKey, set[str]] = field(default_factory=dict)
    """Streams that ever mailed in the group."""
    current: dict[str, tuple[GroupKey, ...]] = field(default_factory=dict)
    """The groups of each stream's latest send, inboxes of its witnesses included."""
    lately: dict[int, tuple[frozenset[str], ...]] = field(default_factory=dict)
    """The inboxes of a row's latest sends."""
    settled: dict[str, Settled] = field(default_factory=dict)
    """Streams whose next send, if it is such a one again, belongs to the same rows."""

    def copy(self) -> Roster:
        return Roster(
            dict(self.streams),
            dict(self.organisations),
            dict(self.groups),
            {key: set(streams) for key, streams in self.members.items()},
            dict(self.current),
            dict(self.lately),
            dict(self.settled),
        )

    def witness(self, row: int, inboxes: frozenset[str]) -> frozenset[str]:
        """Note that a send of `row` reached `inboxes`; its witnesses come back."""
        lately = (*self.lately.get(row, ()), inboxes)[-WITNESS_SENDS:]
        self.lately[row] = lately
        return frozenset().union(*lately)

    def witnesses(self, row: int) -> tuple[str, ...]:
        return tuple(sorted(frozenset().union(*self.lately.get(row, ()))))
