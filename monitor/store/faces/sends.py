"""Sends: what was mailed, when, through whom and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from monitor.model import Identification, Send, Subscription
from monitor.store import sends
from monitor.store.evidence import LastMail, last_mail, mail_of_send
from monitor.store.faces.opened import Opened
from monitor.store.sends import changed_sends, first_send_after, last_identified, last_send, read_sends
from monitor.store.subscriptions import read_subscriptions


class Sends(Opened):
    def sends(
        self, after_id: int = 0, stream: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[Send]:
        """Sends in order of `at`, from `since` on and before `until`; rows are fetched while they are asked for."""
        return read_sends(self._database, after_id, stream, since, until)

    def changed_sends(self, after: int) -> tuple[tuple[Send, ...], int]:
        """Every send that is new or different since the number `after` (0: all), and the number to ask with next time.

        A send changes when another copy of it arrives; its `at` may move earlier, never later. One with `copies` 0 turned
        out to be part of another and has to be forgotten. Nothing is missed however many threads write meanwhile.
        """
        with self._database.read() as connection:
            return changed_sends(connection, after)

    def last_send(self, stream: str) -> Send | None:
        with self._database.read() as connection:
            return last_send(connection, stream)

    def first_send_after(self, stream: str, at: datetime) -> Send | None:
        """The stream's first send later than `at`."""
        with self._database.read() as connection:
            return first_send_after(connection, stream, at)

    def last_identification(self, stream: str) -> LastMail | None:
        """The stream's newest send with its surest identification, the evidence and the copy that shows it."""
        with self._database.read() as connection:
            return last_mail(connection, stream)

    def mail_of_send(self, number: int) -> LastMail | None:
        """One send by its number, as `last_identification` gives a stream's newest."""
        with self._database.read() as connection:
            return mail_of_send(connection, number)

    def identified(self) -> dict[str, Identification]:
        """Stream → through whom its newest identified send came, without the evidence."""
        with self._database.read() as connection:
            return last_identified(connection)

    def subscriptions(self, stream: str | None = None) -> tuple[Subscription, ...]:
        """Which of our addresses each stream was seen to write to, by stream, inbox and address. Not for publication."""
        with self._database.read() as connection:
            return read_subscriptions(connection, stream)

    def witnesses(self, stream: str) -> tuple[str, ...]:
        """The inboxes that got any of the stream's last sends."""
        with self._database.read() as connection:
            return sends.witnesses(connection, (stream,))
