"""Sends: say which copies of a stream were sent as one mailing (pure, and the same whatever order the copies came in).

The answer is a function of the *set* of a stream's copies: they are walked in the order of their times, and each joins a
send that is still open or begins one. What is already grouped need not be walked again: `regroup` starts at the first
change and stops once nothing that differs from before is open any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

OPEN_FOR = timedelta(hours=12)
"""A send takes copies for so long after its first one. Below a day, so that a daily mailing under one subject, or one job
that is triggered every day, stays a send a day and never grows into one that hides a silence."""

SAME_INBOX = timedelta(hours=1)
"""So long one inbox may get several copies of a send (plus-addresses, a catch-all); later ones are a resend."""

_LINKS = ("job", "subject", "body")
"""Kinds of fingerprints, strongest first; a shared Message-ID goes before them all."""


@dataclass(slots=True, unsafe_hash=True)
class GroupedCopy:
    """What grouping needs of one copy of one stream, and the send it is in so far.

    Not frozen, and yet nobody changes one: two are made for each message that comes in, and freezing triples what that costs.
    """

    id: int
    inbox: str
    at: datetime
    digest: str
    message_id: str | None
    fingerprints: tuple[str, ...]
    send: int | None = None
    """The send that it was put in before; None for a new copy."""
    send_at: datetime | None = None
    """When that send began."""
    marks: tuple[str, ...] = field(init=False, compare=False, repr=False)
    """What it can share with a send: its fingerprints and its Message-ID."""

    def __post_init__(self) -> None:
        self.marks = (*self.fingerprints, f"mid:{self.message_id}") if self.message_id else self.fingerprints

    @property
    def order(self) -> tuple[datetime, str, str]:
        """By time; ties by what the copy is, never by when it was stored."""
        return self.at, self.digest, self.inbox


@dataclass(slots=True)
class Group:
    """One send as it grows; `id` is the send that it continues, None for a new one."""

    at: datetime
    id: int | None = None
    copies: list[GroupedCopy] = field(default_factory=list)
    inboxes: set[str] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)
    jobs: set[str] = field(default_factory=set)

    def add(self, copy: GroupedCopy) -> None:
        self.copies.append(copy)
        self.inboxes.add(copy.inbox)
        self.marks.update(copy.marks)
        for fingerprint in copy.fingerprints:
            if fingerprint.startswith("job:"):
                self.jobs.add(fingerprint)

    def link(self, copy: GroupedCopy) -> int | None:
        """How closely the copy belongs here: 0 by Message-ID, then job, subject and body; None: not at all.

        Another job is another send even under the same subject; two subjects of one job (an A/B test) are one send.
        """
        shared = {mark.partition(":")[0] for mark in copy.marks if mark in self.marks}
        if not shared:
            return None
        if "mid" in shared:
            return 0
        if copy.inbox in self.inboxes and copy.at - self.at > SAME_INBOX:
            return None
        if "job" not in shared and self.jobs and any(f.startswith("job:") for f in copy.fingerprints):
            return None
        return next((rank for rank, kind in enumerate(_LINKS, 1) if kind in shared), None)


class _Open:
    """The sends that take copies, found by what a copy can share with them."""

    def __init__(self) -> None:
        self._by_mark: dict[str, list[Group]] = {}

    def add(self, group: Group, copy: GroupedCopy) -> None:
        for mark in copy.marks:
            if mark not in group.marks:
                self._by_mark.setdefault(mark, []).append(group)
        group.add(copy)

    def closest(self, copy: GroupedCopy) -> Group | None:
        """The closest by link, then the newest; the first copies' order breaks a tie."""
        linked: list[tuple[int, Group]] = []
        for group in self._sharing(copy):
            rank = group.link(copy)
            if rank is not None:
                linked.append((rank, group))
        if not linked:
            return None
        nearest = min(rank for rank, _ in linked)
        return max((group for rank, group in linked if rank == nearest), key=lambda g: g.copies[0].order)

    def _sharing(self, copy: GroupedCopy) -> Iterable[Group]:
        found: dict[int, Group] = {}
        for mark in copy.marks:
            if groups := self._by_mark.get(mark):
                groups = self._by_mark[mark] = [g for g in groups if g.at + OPEN_FOR >= copy.at]
                found.update((id(g), g) for g in groups)
        return found.values()


@dataclass(frozen=True, slots=True)
class Regrouped:
    """The sends that were open during the walk and could differ from before, each with all its copies."""

    groups: tuple[Group, ...]
    until: datetime
    """Copies at or before it must be known for the answer to hold; those after it stay as they are."""


def group(copies: Iterable[GroupedCopy]) -> list[Group]:
    """All sends of one stream, in the order of their first copies."""
    ordered = sorted(copies, key=lambda c: c.order)
    return list(regroup(ordered, ordered[0].at, ordered[-1].at).groups) if ordered else []


def regroup(copies: Sequence[GroupedCopy], first: datetime, last: datetime) -> Regrouped:
    """Walk again what changes of the stream at times `first` … `last` (copies new, gone or moved) can have touched.

    `copies` are all of the stream from `first` − OPEN_FOR on to as far as is known, in any order. If `until` of the answer
    lies beyond what was given, ask again with more. A group goes on under the id of a send that it
    contains the beginning of, so that a send's time may move earlier, never later.
    """
    walk = sorted(copies, key=lambda c: c.order)
    groups: dict[object, Group] = {}
    still_open = _Open()
    until = last + OPEN_FOR
    for copy in walk:
        if copy.at < first:
            if copy.send is not None and copy.send_at is not None and copy.send_at + OPEN_FOR >= first:
                _put(groups, still_open, copy)
            continue
        if copy.at > until:
            break
        home = still_open.closest(copy)
        if home is None:
            continues = copy.send if copy.send_at == copy.at and copy.send not in groups else None
            home = Group(at=copy.at, id=continues)
            groups[continues if continues is not None else ("new", len(groups))] = home
        still_open.add(home, copy)
        if copy.send is None or copy.send != home.id:
            until = max(until, home.at + OPEN_FOR, (copy.send_at or copy.at) + OPEN_FOR)
    _keep_numbers(groups.values())
    whole = tuple(g for g in groups.values() if g.at + OPEN_FOR <= until)
    return Regrouped(whole, until)


def _keep_numbers(groups: Iterable[Group]) -> None:
    """Let a send that now begins earlier go on under the number of the first one that it took in."""
    groups = list(groups)
    taken = {g.id for g in groups}
    for found in groups:
        if found.id is None:
            old = [(c.send_at, c.send) for c in found.copies if c.send is not None and c.send_at is not None]
            found.id = next((send for at, send in sorted(old) if at >= found.at and send not in taken), None)
            taken.add(found.id)


def _put(groups: dict[object, Group], still_open: _Open, copy: GroupedCopy) -> None:
    """Take up a send that was open before the first change, as it stands."""
    known = groups.get(copy.send)
    if known is None:
        known = groups[copy.send] = Group(at=copy.send_at or copy.at, id=copy.send)
    still_open.add(known, copy)
