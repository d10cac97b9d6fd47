"""Canaries: mail of ours to the seed inboxes, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from monitor.model import Canary, MissingCanaries
from monitor.store import canaries
from monitor.store.canaries import CanaryRecord
from monitor.store.faces.opened import Opened


class Canaries(Opened):
    def keep_canaries(self, made: Iterable[Canary]) -> None:
        """Keep new canaries, before they are sent."""
        with self._database.write() as connection:
            canaries.keep(connection, made)

    def mark_canaries(self, tried: Iterable[Canary]) -> None:
        """Note how the last try to send each of them went."""
        with self._database.write() as connection:
            for canary in tried:
                canaries.mark(connection, canary)

    def newest_canaries(self) -> dict[str, Canary]:
        """Inbox → the canary that was made last for it."""
        with self._database.read() as connection:
            return canaries.newest(connection)

    def canary_records(self, since: datetime) -> dict[str, CanaryRecord]:
        """Inbox → what its canaries did, with the delays of those that arrived from `since` on."""
        with self._database.read() as connection:
            return canaries.records(connection, since)

    def unsent_canaries(self) -> list[Canary]:
        """Those that no server would take since the last one of their inbox that was sent, oldest first."""
        with self._database.read() as connection:
            return canaries.unsent(connection)

    def missing_canaries(self, sent_before: datetime, since: datetime) -> list[MissingCanaries]:
        """The runs of canaries that were sent in [since, sent_before) and have not arrived."""
        with self._database.read() as connection:
            return canaries.missing(connection, sent_before, since)

    def forget_canaries(self, before: datetime) -> None:
        """Take away those made before it that arrived, as did their neighbours."""
        with self._database.write() as connection:
            canaries.forget(connection, before)
