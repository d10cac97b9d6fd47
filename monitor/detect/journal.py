"""The sends that detect knows, by the hour they fell into, and from which hour on what was concluded is outdated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from monitor.detect.calendar import hours_of
from monitor.model import Send


@dataclass
class Journal:
    """Sends by id and hour. `dirty_from` is the earliest time (hours) that changed since it was last reset."""

    by_id: dict[int, Send] = field(default_factory=dict)
    by_hour: dict[int, dict[int, Send]] = field(default_factory=dict)
    by_stream: dict[str, dict[int, Send]] = field(default_factory=dict)
    dirty_from: float = float("inf")
    changed: set[str] = field(default_factory=set)
    inboxes: dict[str, set[str]] = field(default_factory=dict)
    several: set[str] = field(default_factory=set)
    """Streams that more than one inbox ever got."""

    def add(self, sends: Iterable[Send]) -> None:
        """Take sends in any order; one with a known id replaces what was known of it, one without copies is forgotten."""
        for send in sends:
            known = self.by_id.get(send.id)
            if send.copies == 0:  # it turned out to be part of another send
                if known is not None:
                    self._remove(known)
                    del self.by_id[send.id]
                continue
            if known is not None:
                if _same(known, send):
                    self.by_id[send.id] = send
                    self._place(send)
                    continue
                self._remove(known)
            self.by_id[send.id] = send
            self._place(send)
            self.changed.add(send.stream)
            self.dirty_from = min(self.dirty_from, hours_of(send.at))

    def settle(self) -> None:
        """What changed so far has been taken in."""
        self.changed.clear()
        self.dirty_from = float("inf")

    def first_hour(self) -> int | None:
        return min(self.by_hour, default=None)

    def in_hour(self, hour: int) -> list[Send]:
        """In order of time."""
        sends = self.by_hour.get(hour)
        return sorted(sends.values(), key=lambda s: (s.at, s.id)) if sends else []

    def of_stream(self, stream: str) -> list[Send]:
        """In order of time."""
        return sorted(self.by_stream.get(stream, {}).values(), key=lambda s: (s.at, s.id))

    def _place(self, send: Send) -> None:
        self.by_hour.setdefault(int(hours_of(send.at)), {})[send.id] = send
        self.by_stream.setdefault(send.stream, {})[send.id] = send
        seen = self.inboxes.setdefault(send.stream, set())
        seen.update(send.inboxes)
        if len(seen) > 1:
            self.several.add(send.stream)

    def _remove(self, send: Send) -> None:
        hour = int(hours_of(send.at))
        self.dirty_from = min(self.dirty_from, hours_of(send.at))
        self.by_hour[hour].pop(send.id)
        if not self.by_hour[hour]:
            del self.by_hour[hour]
        self.by_stream[send.stream].pop(send.id)
        if not self.by_stream[send.stream]:
            del self.by_stream[send.stream]
        self.changed.add(send.stream)


def _same(one: Send, other: Send) -> bool:
    """Equal in all that detection reads."""
    return (
        one.at == other.at
        and one.stream == other.stream
        and one.organisation == other.organisation
        and set(one.inboxes) == set(other.inboxes)
        and one.delivery == other.delivery
        and one.account == other.account
    )
