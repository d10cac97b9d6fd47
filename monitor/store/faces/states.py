"""States: what the detector had concluded, and the sends to go on with from there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from monitor.model import Send
from monitor.store import states
from monitor.store.faces.opened import Opened
from monitor.store.states import KeptState


class States(Opened):
    def states(self) -> list[KeptState]:
        """What is kept of the detector's conclusions, the newest first."""
        with self._database.read() as connection:
            return states.read_states(connection)

    def state_document(self, hour: int) -> bytes:
        with self._database.read() as connection:
            return states.document_of(connection, hour)

    def keep_states(self, made: Sequence[tuple[KeptState, bytes]], hours: Collection[int]) -> None:
        """Keep states, and of the known ones only those of `hours`."""
        with self._database.write() as connection:
            states.keep_states(connection, made, hours)

    def sends_to_go_on_with(self, changed: int, start: datetime, newest: int) -> tuple[tuple[Send, ...], int] | None:
        """The sends from `start` on and the `newest` of each stream, with the number for `changed_sends`.

        None where a send from before `start` has changed since the number `changed`.
        """
        with self._database.read() as connection:
            return states.sends_to_go_on_with(connection, changed, start, newest)
