"""Second look: a change of infrastructure is told only if today's signatures still see one in the originals.

What is stored was read with the signatures of its day. New signatures, or a rebuild that has come half way, make old mail
and new mail read differently although the sender changed nothing.
"""

from __future__ import annotations

from dataclasses import replace

from monitor.app.ingest import Reader
from monitor.collect.parse import parse_message
from monitor.detect.changes import sent_through
from monitor.detect.infrastructure import Aspect, InfrastructureChange, SentThrough
from monitor.errors import StoreError
from monitor.store.store import Store


class SecondLook:
    """Remembers what it looked at: each change is read once for each set of signatures."""

    def __init__(self, store: Store, reader: Reader) -> None:
        self._store, self._reader = store, reader
        self._seen: dict[tuple[object, ...], bool] = {}

    def holds(self, change: InfrastructureChange) -> bool:
        """False where the last message before and the first one after, read today, show no change."""
        before, after = change.before, change.after
        key = (change.stream, change.aspect, before.value, before.last.send, after.value, after.first.send)
        if key not in self._seen:
            was = self._today(before.last, change.aspect, before.value)
            now = self._today(after.first, change.aspect, after.value)
            self._seen[key] = was is not None and now is not None and was != now
        return self._seen[key]

    def _today(self, record: SentThrough, aspect: Aspect, stored: str) -> str | None:
        """The value that the original shows; `stored` where there is no original to read, as of imported events."""
        mail = self._store.mail_of_send(record.send) if record.send is not None else None
        if mail is None or mail.copy.from_address is None:
            return stored
        try:
            raw = self._store.original(mail.copy.sha256)
        except StoreError:
            return stored
        who = self._reader.identify(parse_message(raw, mail.copy.delivered_at), mail.copy.inbox, mail.identification.dkim)
        account = f"{who.account.kind}:{who.account.id}" if who.account else None
        read_today = replace(
            mail.send,
            platform=who.platform,
            delivery=who.delivery,
            account=account,
            platform_confidence=who.platform_confidence,
            delivery_confidence=who.delivery_confidence,
            sdids=who.sdids,
        )
        return sent_through(read_today).value(aspect)
