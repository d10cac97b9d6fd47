"""What was proven readable, by inbox: the covered time that silence is measured on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from monitor.detect.calendar import hours_of
from monitor.detect.witnesses import Interval, intersect, merge, subtract
from monitor.model import Coverage, CoverageKind


@dataclass
class CoverageBook:
    """Proven intervals by inbox and folder. `dirty_from` is the earliest time that changed since it was last reset."""

    proven: dict[str, dict[str, list[Interval]]] = field(default_factory=dict)
    live: dict[str, dict[str, float]] = field(default_factory=dict)
    folders: dict[str, frozenset[str]] | None = None
    holes: dict[str, list[Interval]] = field(default_factory=dict)
    """Time in which mail did not arrive although polls worked."""
    dirty_from: float = float("inf")
    _read: dict[str, list[Interval]] = field(default_factory=dict)
    _covered: dict[str, list[Interval]] = field(default_factory=dict)

    def add(self, intervals: Iterable[Coverage]) -> None:
        """Take proven intervals in any order; repeating one changes nothing."""
        news: dict[tuple[str, str], list[Interval]] = {}
        for c in intervals:
            start, end = hours_of(c.start), hours_of(c.end)
            news.setdefault((c.inbox, c.folder), []).append((start, end))
            if c.kind is CoverageKind.LIVE:
                lives = self.live.setdefault(c.inbox, {})
                if start < lives.get(c.folder, float("inf")):
                    lives[c.folder] = start
                    self.dirty_from = min(self.dirty_from, start)
        for (inbox, folder), spans in news.items():
            known = self.proven.setdefault(inbox, {}).setdefault(folder, [])
            merged = merge([*known, *spans])
            if merged != known:
                self.dirty_from = min(self.dirty_from, _first_difference(known, merged))
                self.proven[inbox][folder] = merged
                self._forget(inbox)

    def set_folders(self, folders: Mapping[str, Iterable[str]]) -> None:
        """Say which folders are monitored: an inbox is covered only while all of them are."""
        wanted = {inbox: frozenset(names) for inbox, names in folders.items()}
        if wanted == self.folders:
            return
        before = {inbox: (self.covered(inbox), self.live_from(inbox)) for inbox in self.proven}
        self.folders = wanted
        self._read.clear()
        self._covered.clear()
        for inbox, (covered, live) in before.items():
            if covered != self.covered(inbox):
                self.dirty_from = min(self.dirty_from, _first_difference(covered, self.covered(inbox)))
            if live != self.live_from(inbox):
                self.dirty_from = min([self.dirty_from, *(at for at in (live, self.live_from(inbox)) if at is not None)])

    def digest(self, until: float) -> str:
        """What was proven of the time before `until`, as 32 hex digits: two books with the same one conclude the same of it."""
        known = {}
        for inbox in sorted(self.proven):
            live = self.live_from(inbox)
            spans = [(start, min(end, until)) for start, end in self.covered(inbox) if start < until]
            if spans or (live is not None and live < until):
                known[inbox] = (spans, live if live is not None and live < until else None)
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:32]

    def set_holes(self, holes: Mapping[str, Iterable[Interval]]) -> None:
        """Say when each inbox got no mail although it could be read (an open hole ends at infinity): nothing is proven then."""
        wanted = {inbox: merged for inbox, spans in holes.items() if (merged := merge(spans))}
        for inbox in wanted.keys() | self.holes.keys():
            before, after = self.holes.get(inbox, []), wanted.get(inbox, [])
            if before != after:
                self.dirty_from = min(self.dirty_from, _first_difference(before, after))
                self._covered.pop(inbox, None)
        self.holes = wanted

    def inboxes(self) -> list[str]:
        return sorted(set(self.proven) | set(self.folders or ()))

    def covered(self, inbox: str) -> list[Interval]:
        """When all monitored folders of the inbox were proven readable, and mail reached it."""
        if inbox not in self._covered:
            self._covered[inbox] = subtract(self.read(inbox), self.holes.get(inbox, []))
        return self._covered[inbox]

    def read(self, inbox: str) -> list[Interval]:
        """When all monitored folders of the inbox were proven readable.

        A folder that was first seen later than the others did not hold mail before, and takes nothing from their proof.
        """
        if inbox not in self._read:
            folders = self.proven.get(inbox, {})
            spans = [folders.get(name, []) for name in self._monitored(inbox)]
            first = min((s[0][0] for s in spans if s), default=0.0)
            spans = [[(first, s[0][1]), *s[1:]] if s else s for s in spans]
            common = spans[0] if spans else []
            for other in spans[1:]:
                common = intersect(common, other)
            self._read[inbox] = common
        return self._read[inbox]

    def live_from(self, inbox: str) -> float | None:
        """When the inbox was first watched live; None while it never was."""
        lives = self.live.get(inbox, {})
        starts = [lives.get(name) for name in self._monitored(inbox)]
        known = [s for s in starts if s is not None]
        return min(known) if known and len(known) == len(starts) else None

    def is_covered(self, inbox: str, at: float) -> bool:
        return any(start <= at < end for start, end in self.covered(inbox))

    def _forget(self, inbox: str) -> None:
        self._read.pop(inbox, None)
        self._covered.pop(inbox, None)

    def _monitored(self, inbox: str) -> list[str]:
        named = (self.folders or {}).get(inbox)
        return sorted(named) if named else sorted(self.proven.get(inbox, {}))


def _first_difference(one: list[Interval], other: list[Interval]) -> float:
    for a, b in zip(one, other, strict=False):
        if a[0] != b[0]:
            return min(a[0], b[0])
        if a[1] != b[1]:
            return min(a[1], b[1])
    longer = one if len(one) > len(other) else other
    return longer[min(len(one), len(other))][0]
