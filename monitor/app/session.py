"""Session: the store, the identifier and the watch on one set of settings, for the service and for single commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from monitor.app.canary_key import canary_key
from monitor.app.counters import Counters
from monitor.app.dkim import own_check
from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.app.snapshots import Snapshots
from monitor.app.watch import Watch
from monitor.identify.match import Identifier
from monitor.settings import Settings
from monitor.store.store import Store


@dataclass(frozen=True)
class Session:
    """What every command that touches stored mail needs."""

    settings: Settings
    store: Store
    identifier: Identifier

    @property
    def reader(self) -> Reader:
        return Reader(self.identifier, self.settings, canary_key=canary_key(self.settings))

    @property
    def receiver(self) -> Reader:
        """The same for mail that comes in now: its DKIM signatures are verified while their keys are there."""
        return replace(self.reader, verify=own_check(self.settings))

    def watch(self) -> Watch:
        return Watch(self.store, self.identifier, self.settings)

    def snapshots(self, now: datetime) -> Snapshots:
        """What is known at `now`, judged afresh from what is stored."""
        snapshots = Snapshots(self.store, self.identifier, self.settings, Counters())
        watch = self.watch()
        snapshots.judged(watch.assess(now))
        watch.keep()
        return snapshots


@contextmanager
def open_session(settings: Settings, path: Path | None = None) -> Iterator[Session]:
    """Open the store (its schema is brought up to date) and load the signatures; StoreError or SettingsError if that fails."""
    identifier = load_identifier(settings)
    store = Store.open(settings.database_url, settings.originals_dir)
    try:
        yield Session(settings, store, identifier)
    finally:
        store.close()
