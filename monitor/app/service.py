"""The service: a scheduler that polls what is due, judges, delivers notices and serves the pages."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent, JobExecutionEvent
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
from monitor.errors import GoneQuietError
from monitor.identify.match import Identifier
from monitor.model import FailureCause
from monitor.settings import Settings, load_settings
from monitor.show.snapshot import Snapshot
from monitor.show.web import create_app
from monitor.store.store import Store

log = structlog.get_logger("gonequiet.service")

_NEVER = datetime.min.replace(tzinfo=UTC)


class Service:
    """Runs until stopped. `clock` decides what is due and what is silent; the scheduler's ticks are real time.

    `settings_path` is where `reload` reads from; None: there is nothing to reload.
    """

    def __init__(self, settings: Settings, clock: Clock, *, settings_path: Path | None = None) -> None:
        self._clock = clock
        self._path = settings_path
        self._wall = SystemClock()
        self._reload_wanted = threading.Event()
        self._queue_lock = threading.Lock()
        self._judged_at: datetime | None = None
        self._polled_at: dict[str, datetime] = {}
        self._counters = Counters()
        identifier = load_identifier(settings)
        self._store = Store.open(settings.database_url, settings.originals_dir)
        self._snapshots = Snapshots(self._store, identifier, settings, self._counters)
        self._web = WebServer(create_app(self._snapshots), settings.web)
        self._scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._scheduler.add_listener(self._missed, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        self._scheduler.add_listener(self._broken, EVENT_JOB_ERROR)
        self._take(settings, identifier)

    def _take(self, settings: Settings, identifier: Identifier) -> None:
        """Make everything that hangs on the settings."""
        self.settings = settings
        self._inboxes = {inbox.name: inbox for inbox in settings.inboxes if inbox.enabled}
        self._poller = Poller(self._store, Reader(identifier, settings), settings.collect, self._clock, self._counters)
        self._due = DueQueue(
            {name: self._period(name) for name in self._inboxes},
            start=self._clock.now(),
            rng=random.Random(),  # noqa: S311  spreads polls, guards nothing
            hosts={name: inbox.host for name, inbox in self._inboxes.items()},
            per_host=settings.collect.per_host,
        )
        self._workers = ThreadPoolExecutor(settings.collect.concurrency, thread_name_prefix="poll")
        self._watch = Watch(self._store, identifier, settings)
        self._courier = Courier(self._store, open_channels(settings.alerts.channels), settings.alerts.max_tries)
        self._snapshots.use(identifier, settings)

    def _period(self, name: str) -> timedelta:
        return self._inboxes[name].poll_every or self.settings.collect.poll_every

    @property
    def web_url(self) -> str:
        return self._web.url

    @property
    def inboxes(self) -> tuple[str, ...]:
        return tuple(self._inboxes)

    def snapshot(self) -> Snapshot:
        return self._snapshots.snapshot()

    def start(self) -> None:
        """Judge what is stored already, serve the pages, and begin to poll; returns at once."""
        self._judge()
        tick = self.settings.tick.total_seconds()
        for job in (self._poll_due, self._judge_if_due, self._deliver):
            self._scheduler.add_job(job, "interval", seconds=tick, id=job.__name__.strip("_"))
        self._web.start()
        self._scheduler.start()
        log.info("started", inboxes=len(self._inboxes), page=self.web_url)

    def stop(self) -> None:
        """End what runs, keep everything that was read, log out."""
        self._scheduler.shutdown(wait=True)
        self._workers.shutdown(wait=True, cancel_futures=True)
        self._poller.close()
        self._web.stop()
        self._store.close()
        log.info("stopped")

    def ask_for_reload(self) -> None:
        """Read the settings anew at the next tick; safe in a signal handler."""
        self._reload_wanted.set()

    def caught_up(self, moment: datetime) -> bool:
        """True once every inbox was polled well at or after `moment`, all of it was judged, and every notice was tried."""
        judged = self._judged_at
        polled = all(self._polled_at.get(name, _NEVER) >= moment for name in self._inboxes)
        return polled and judged is not None and judged >= moment and not self._store.due_notices(self._clock.now())

    # ------------------------------------------------------------------------------------------ jobs

    def _poll_due(self) -> None:
        """Hand what is due to the workers. Also the heartbeat: while this runs, the scheduler lives."""
        self._snapshots.beat(self._wall.now())
        if self._reload_wanted.is_set():
            self._reload_wanted.clear()
            self.reload()
        with self._queue_lock:
            free = self.settings.collect.concurrency - len(self._due.running)
            due = self._due.take(self._clock.now(), free)
        for name, lateness in due:
            if lateness >= self._period(name):  # a whole poll was left out
                self._counters.job_missed()
                log.warning("poll is late", inbox=name, seconds=lateness.total_seconds())
            self._workers.submit(self._poll, name)

    def _poll(self, name: str) -> None:
        """One poll in a worker. Whatever happens, the inbox is put back into the queue."""
        began = self._clock.now()
        cause: FailureCause | None = FailureCause.PROTOCOL
        try:
            cause = self._poller.poll(self._inboxes[name]).cause
        except GoneQuietError as error:
            log.error("what was read could not be kept; it will be read again", inbox=name, detail=str(error))
        except Exception:
            log.exception("a fault of ours while polling; please report it", inbox=name)
        finally:
            with self._queue_lock:
                if cause is None:
                    self._due.succeeded(name, began)
                    self._polled_at[name] = began
                else:
                    self._due.failed(name, began, cause)

    def _judge_if_due(self) -> None:
        """Judge once in `detect_every`, after all that is due was read; where something always is, after twice as long."""
        now = self._clock.now()
        waited = timedelta.max if self._judged_at is None else now - self._judged_at
        if waited >= 2 * self.settings.detect_every or (waited >= self.settings.detect_every and not self._is_reading(now)):
            self._judge()

    def _is_reading(self, now: datetime) -> bool:
        with self._queue_lock:
            next_due = self._due.next_due
            return bool(self._due.running) or (next_due is not None and next_due <= now)

    def _judge(self) -> None:
        now = self._clock.now()
        self._snapshots.judged(self._watch.round(now))
        self._judged_at = now

    def _deliver(self) -> None:
        self._courier.deliver_due(self._clock.now())

    def reload(self) -> bool:
        """Take the settings file's new state whole, or keep the old one and say so. Polls that run are waited for."""
        if self._path is None:
            return False
        try:
            settings = load_settings(self._path)
            identifier = load_identifier(settings)
            open_channels(settings.alerts.channels)
        except GoneQuietError as error:
            self._snapshots.reload_ok = False
            log.error("new settings are faulty, the old ones stay", problems=str(error).splitlines())
            return False
        self._workers.shutdown(wait=True)
        self._poller.close()
        self._take(settings, identifier)
        self._snapshots.reload_ok = True
        log.info("settings taken", inboxes=len(self._inboxes))
        return True

    def _missed(self, event: JobEvent) -> None:
        """A tick was dropped. While judging or delivering takes longer than a tick, the running one does the work."""
        if event.code == EVENT_JOB_MAX_INSTANCES and event.job_id != "poll_due":
            return
        self._counters.job_missed()
        log.warning("the scheduler skipped a job: the machine is too slow for the tick", job=event.job_id)

    def _broken(self, event: JobExecutionEvent) -> None:
        log.error("a job failed and will run again", job=event.job_id, error=repr(event.exception))
