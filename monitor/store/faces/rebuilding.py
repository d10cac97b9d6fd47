"""Rebuilding: every stored message is read again with today's knowledge."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.model import NewCopy
from monitor.store import rebuild
from monitor.store.faces.opened import Opened
from monitor.store.rebuild import Stored


class Rebuilding(Opened):
    def rebuild_next(self, size: int = 200) -> Stored | None:
        """The next stored messages to be read again with today's knowledge; None once all have been.

        Goes on where an interrupted rebuild stopped. The totals for the metrics are counted anew at the end.
        """
        with self._database.read() as connection:
            batch = rebuild.next_batch(connection, self._originals, size)
        if batch is None:
            with self._database.write() as connection:
                rebuild.finish(connection)
        return batch

    def rebuild_keep(self, batch: Stored, read: Mapping[int, NewCopy]) -> None:
        """Put what reading them brought (by the same numbers) in place of what was stored; one transaction."""
        with self._database.write() as connection:
            rebuild.keep_batch(connection, batch, read)

    def rebuild_from_start(self) -> None:
        """Let the next rebuild begin with the first message again, wherever an interrupted one stopped."""
        with self._database.write() as connection:
            rebuild.start_over(connection)
