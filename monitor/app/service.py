"""The service: a scheduler that polls what is due, judges, delivers notices and serves the pages."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.schedulers.background import BackgroundScheduler

from monitor.alert.channels import open_channels
from monitor.alert.deliver import Courier
from monitor.app.counters import Counters
from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.app.polling import Poller
from monitor.app.snapshots import Snapshots
from monitor.app.watch import Watch
from monitor.app.web import WebServer
from monitor.clock import Clock, SystemClock
from monitor.collect.due import DueQueue
from monitor.errors import GoneQuietError, SettingsError
from monitor.model import Assessment
from monitor.settings import InboxSettings, Settings, load_settings
from monitor.show.snapshot import Snapshot
from monitor.show.web import create_app
from monitor.store.store import Store

log = structlog.get_logger("gonequiet.service")


class Service:
    """Runs until stopped. `clock` decides what is due and what is silent; the scheduler's ticks are real time.

    `settings_path` is where `reload` reads from; None: there is nothing to reload.
    """

    def __init__(self, settings: Settings, clock: Clock, *, settings_path: Path | None = None) -> None:
        self._clock = clock
        self._path = settings_path
        self._wall = SystemClock()
        self._stopping = threading.Event()
        self._judging = threading.Lock()
        self._judged_at: datetime | None = None
        self._counters = Counters()
        identifier = load_identifier(settings)
        self._store = Store.open(settings.database_url, settings.originals_dir)
        self._snapshots = Snapshots(self._store, identifier, settings, self._counters, self._clock)
        self._web = WebServer(create_app(self._snapshots), settings.web)
        self._scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._scheduler.add_listener(self._missed, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        self._scheduler.add_listener(self._broken, EVENT_JOB_ERROR)
        self._take(settings)

    def _take(self, settings: Settings) -> None:
        """Make everything that hangs on the settings."""
        identifier = load_identifier(settings)
        self.settings = settings
        self._inboxes = {inbox.name: inbox for inbox in settings.inboxes if inbox.enabled}
        self._poller = Poller(self._store, Reader(identifier, settings), settings.collect, self._clock, self._counters)
        self._due = DueQueue(
            {name: inbox.poll_every or settings.collect.poll_every for name, inbox in self._inboxes.items()},
            start=self._clock.now(),
            rng=random.Random(),  # noqa: S311  spreads polls, guards nothing
        )
        self._workers = ThreadPoolExecutor(settings.collect.concurrency, thread_name_prefix="poll")
        self._watch = Watch(self._store, identifier, settings)
        self._courier = Courier(self._store, open_channels(settings.alerts.channels), settings.alerts.max_tries)
        self._snapshots.use(identifier, settings)

    @property
    def web_url(self) -> str:
        return self._web.url
