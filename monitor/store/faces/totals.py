"""Totals: what the metrics count."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from monitor.store import counters
from monitor.store.faces.opened import Opened


class Totals(Opened):
    def copies_total(self) -> Mapping[tuple[str, str, str], int]:
        """(stream, delivery or `unknown`, role where first seen) → copies ever stored."""
        return {(s, d, r): n for (s, d, r), n in self._total(counters.COPIES, 3).items()}

    def problems_total(self) -> Mapping[str, int]:
        """ParseProblem.field → messages."""
        return {name: n for (name,), n in self._total(counters.PROBLEMS, 1).items()}

    def identified_total(self) -> Mapping[tuple[str, str], int]:
        """(delivery or `unknown`, confidence or `none`) → messages."""
        return {(d, c): n for (d, c), n in self._total(counters.IDENTIFIED, 2).items()}

    def notices_total(self) -> Mapping[tuple[str, str], int]:
        """(channel, `sent`, `retried` or `failed`) → tries."""
        return {(c, r): n for (c, r), n in self._total(counters.NOTICES, 2).items()}

    def alert_events_total(self) -> Mapping[tuple[str, str], int]:
        """(FindingKind, AlertEventKind) → how many."""
        return {(k, e): n for (k, e), n in self._total(counters.ALERTS, 2).items()}

    def canaries_total(self) -> Mapping[tuple[str, str], int]:
        """(inbox, `sent`, `failed`, or where it arrived: `inbox`, `junk`, `other`) → how many."""
        return {(i, r): n for (i, r), n in self._total(counters.CANARIES, 2).items()}

    def canary_delays_total(self) -> Mapping[str, timedelta]:
        """Inbox → the time from sending to delivery of all canaries that arrived, added up."""
        return {inbox: timedelta(microseconds=n) for (inbox,), n in self._total(counters.CANARY_DELAYS, 1).items()}

    def _total(self, name: str, labels: int) -> dict[counters.Key, int]:
        with self._database.read() as connection:
            return counters.read(connection, name, labels)
