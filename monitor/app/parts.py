"""Parts: everything of the service that hangs on the settings, made as a whole so that it can be swapped as a whole."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from monitor.alert.channels import open_channels
from monitor.alert.deliver import Courier
from monitor.app.canaries import CanaryPost
from monitor.app.canary_key import canary_key
from monitor.app.counters import Counters
from monitor.app.credentials import credential_of
from monitor.app.dkim import own_check
from monitor.app.helpers import spare_cores
from monitor.app.ingest import Reader
from monitor.app.polling import Poller
from monitor.app.watch import Watch
from monitor.clock import Clock
from monitor.collect.connecting import Access
from monitor.collect.due import DueQueue
from monitor.collect.idle import IdleWatch
from monitor.errors import SettingsError
from monitor.identify.match import Identifier
from monitor.settings import InboxSettings, Settings, WatchedBy
from monitor.store.store import Store

NET_EVERY = timedelta(minutes=10)
"""How often an inbox that idles is looked at all the same. Looks up to 15 minutes apart prove live coverage."""


@dataclass
class Parts:
    """One set of settings at work."""

    settings: Settings
    identifier: Identifier
    inboxes: Mapping[str, InboxSettings]
    """Those that are polled, by name."""
    poller: Poller
    due: DueQueue
    workers: ThreadPoolExecutor
    watch: Watch
    courier: Courier
    canaries: CanaryPost | None = None
    """None: no canary mail is sent."""
    idle: IdleWatch | None = None

    def listen(self, on_news: Callable[[str], None]) -> None:
        """Begin to idle on the inboxes that are set so; `on_news` gets the name of one that may have new mail."""
        if accesses := list(self._accesses()):
            self.idle = IdleWatch(accesses, on_news, rng=random.Random())  # noqa: S311  spreads connections, guards nothing

    def _accesses(self) -> Iterator[Access]:
        """Of those whose secrets can be read; of the others polling tells."""
        timeout = self.settings.collect.timeout.total_seconds()
        for inbox in self.inboxes.values():
            if inbox.watched_by is not WatchedBy.POLL:
                try:
                    credential = credential_of(inbox, timeout)
                except SettingsError:
                    continue
                yield Access(inbox, credential, timeout, most_bytes=64_000_000)

    def period(self, inbox: str) -> timedelta:
        """How often it is polled: more seldom where only IDLE is wanted, while that works."""
        every = self.inboxes[inbox].poll_every or self.settings.collect.poll_every
        listens = self.inboxes[inbox].watched_by is WatchedBy.IDLE and self.idle is not None and self.idle.listens_to(inbox)
        return max(every, NET_EVERY) if listens else every

    def close(self) -> None:
        """Wait for the polls that run, leave those out that have not begun, and log out everywhere."""
        if self.idle is not None:
            self.idle.close()
        self.workers.shutdown(wait=True, cancel_futures=True)
        self.poller.close()


def make_parts(settings: Settings, identifier: Identifier, store: Store, clock: Clock, counters: Counters) -> Parts:
    """Make all of them and start none; GoneQuietError where the settings, or a file beside them, cannot be used."""
    inboxes = {inbox.name: inbox for inbox in settings.inboxes if inbox.enabled}
    key = canary_key(settings)
    addresses = {name: inbox.mail_address for name, inbox in inboxes.items()}
    return Parts(
        settings=settings,
        identifier=identifier,
        inboxes=inboxes,
        poller=Poller(
            store,
            Reader(identifier, settings, own_check(settings), key),
            settings.collect,
            clock,
            counters,
            listens=True,
            helpers=spare_cores(),
        ),
        due=DueQueue(
            {name: inbox.poll_every or settings.collect.poll_every for name, inbox in inboxes.items()},
            start=clock.now(),
            rng=random.Random(),  # noqa: S311  spreads polls, guards nothing
            hosts={name: inbox.host for name, inbox in inboxes.items() if inbox.host},
            per_host=settings.collect.per_host,
        ),
        workers=ThreadPoolExecutor(settings.collect.concurrency, thread_name_prefix="poll"),
        watch=Watch(store, identifier, settings),
        courier=Courier(store, open_channels(settings.alerts.channels), settings.alerts.max_tries),
        canaries=CanaryPost(settings.canary, {n: a for n, a in addresses.items() if a}, key, store, clock)
        if settings.canary is not None and key is not None
        else None,
    )


def needs_restart(old: Settings, new: Settings) -> tuple[str, ...]:
    """The keys whose new values only a restart takes; () where there are none."""
    changed = {
        "data_dir": old.data_dir != new.data_dir,
        "database": old.database_url != new.database_url,
        "web.host": old.web.host != new.web.host,
        "web.port": old.web.port != new.web.port,
        "tick": old.tick != new.tick,
    }
    return tuple(key for key, is_changed in changed.items() if is_changed)


def needs_rebuild(old: Settings, new: Settings) -> bool:
    """Whether mail like that which is stored would now belong to other streams or organisations."""
    return _belonging(old) != _belonging(new)


def _belonging(settings: Settings) -> list[object]:
    """What decides that. A stream that has settings of its own under the name it has anyway decides nothing."""
    streams = [s for s in settings.streams if not s.ignore]
    renaming = [s for s in streams if (s.domains, s.addresses, s.list_ids, s.organisation) != ((s.name,), (), (), None)]
    return [part.model_dump(exclude={"gap"}) for part in (*renaming, *settings.organisations)]
