"""What was proven readable, by inbox: the covered time that silence is measured on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from monitor.detect.calendar import hours_of
from monitor.detect.witnesses import Interval, intersect, merge
from monitor.model import Coverage, CoverageKind


@dataclass
class CoverageBook:
    """Proven intervals by inbox and folder. `dirty_from` is the earliest time that changed since it was last reset."""

    proven: dict[str, dict[str, list[Interval]]] = field(default_factory=dict)
    live: dict[str, dict[str, float]] = field(default_factory=dict)
    folders: dict[str, frozenset[str]] | None = None
    dirty_from: float = float("inf")
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
                self._covered.pop(inbox, None)

    def set_folders(self, folders: Mapping[str, Iterable[str]]) -> None:
        """Say which folders are monitored: an inbox is covered only while all of them are."""
        wanted = {inbox: frozenset(names) for inbox, names in folders.items()}
        if wanted != self.folders:
            self.folders = wanted
            self._covered.clear()
            self.dirty_from = float("-inf")

    def inboxes(self) -> list[str]:
        return sorted(set(self.proven) | set(self.folders or ()))

    def covered(self, inbox: str) -> list[Interval]:
        """When all monitored folders of the inbox were proven readable.

        A folder that was first seen later than the others did not hold mail before, and takes nothing from their proof.
        """
        if inbox not in self._covered:
            folders = self.proven.get(inbox, {})
            spans = [folders.get(name, []) for name in self._monitored(inbox)]
            first = min((s[0][0] for s in spans if s), default=0.0)
            spans = [[(first, s[0][1]), *s[1:]] if s else s for s in spans]
            common = spans[0] if spans else []
            for other in spans[1:]:
                common = intersect(common, other)
            self._covered[inbox] = common
        return self._covered[inbox]

    def live_from(self, inbox: str) -> float | None:
        """When the inbox was first watched live; None while it never was."""
        lives = self.live.get(inbox, {})
        starts = [lives.get(name) for name in self._monitored(inbox)]
        known = [s for s in starts if s is not None]
        return min(known) if known and len(known) == len(starts) else None

    def is_covered(self, inbox: str, at: float) -> bool:
        return any(start <= at < end for start, end in self.covered(inbox))

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
