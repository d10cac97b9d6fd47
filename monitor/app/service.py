"""The service: a scheduler that polls what is due, judges, delivers notices and serves the pages."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler

from monitor.app.counters import Counters
from monitor.app.knowledge import load_identifier
from monitor.app.open_files import tell_if_too_few
from monitor.app.parts import Parts, make_parts, needs_rebuild, needs_restart
from monitor.app.snapshots import Snapshots
from monitor.app.step_guard import StepGuard
from monitor.app.watch import Watch
from monitor.app.web import WebServer
from monitor.clock import Clock, SystemClock
from monitor.collect.due import LEAST_STEP
from monitor.errors import GoneQuietError
from monitor.model import FailureCause
from monitor.settings import Settings, load_settings
from monitor.show.snapshot import Snapshot
from monitor.show.web import create_app
from monitor.store.claim import TakenError
from monitor.store.store import Store

log = structlog.get_logger("gonequiet.service")

LATE = timedelta(seconds=10)
"""A poll that begins so long after it was due is counted and told."""
LONGEST_CATCH_UP = timedelta(hours=1)
"""So long after a start nothing becomes an alert before every inbox was looked at, in real time."""
_NEVER = datetime.min.replace(tzinfo=UTC)


class Service:
    """Runs until stopped. `clock` decides what is due and what is silent; the scheduler's ticks are real time.

    `settings_path` is where `reload` reads from; None: there is nothing to reload.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        settings_path: Path | None = None,
        give_up: Callable[[GoneQuietError], None] | None = None,
    ) -> None:
        """Open the store, be its only service, take the page's port; GoneQuietError where one of them cannot be had.

        `give_up` is told, once and from a thread of the service's, why it cannot go on; it is to be stopped then.
        """
        self._give_up = give_up
        self._clock = clock
        self._path = settings_path
        self._wall = SystemClock()
        self._reload_wanted = threading.Event()
        self._queue_lock = threading.Lock()
        self._judging = threading.Lock()
        self._tried_at: datetime | None = None
        self._judged_at: datetime | None = None
        self._can_judge = True
        self._has_caught_up = False
        self._stopping = False
        self._polled_at: dict[str, datetime] = {}
        self._began = self._wall.now()
        self._counters = Counters()
        identifier = load_identifier(settings)
        with ExitStack() as opened:
            self._store = Store.open(settings.database_url, settings.originals_dir)
            opened.callback(self._store.close)
            self._hold = opened.enter_context(self._store.claim())
            self._parts = make_parts(settings, identifier, self._store, clock, self._counters)
            self._coming: Parts | None = None
            self._snapshots = Snapshots(self._store, identifier, settings, self._counters)
            self._web = WebServer(create_app(self._snapshots), settings.web)
            opened.callback(self._web.stop)
            opened.callback(lambda: self._parts.close())
            self._scheduler = BackgroundScheduler(
                timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
            )
            self._scheduler.add_listener(self._missed, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
            self._scheduler.add_listener(self._broken, EVENT_JOB_ERROR)
            self._guard = StepGuard(self._run_again)
            opened.callback(self._guard.close)
            self._opened = opened.pop_all()

    @property
    def settings(self) -> Settings:
        return self._parts.settings

    @property
    def web_url(self) -> str:
        return self._web.url

    @property
    def inboxes(self) -> tuple[str, ...]:
        return tuple(self._parts.inboxes)

    def snapshot(self) -> Snapshot:
        return self._snapshots.snapshot()

    def start(self) -> None:
        """Judge what is stored already, serve the pages, and begin to poll; returns at once.

        Nothing becomes an alert before every inbox was looked at: what came while we were away is read first.
        """
        self._judge()
        tick = self.settings.tick.total_seconds()
        for job in (self._poll_due, self._judge_if_due, self._deliver, self._send_canaries, self._hold_claim):
            self._scheduler.add_job(job, "interval", seconds=tick, id=job.__name__.strip("_"))
        self._web.start()
        tell_if_too_few(self._parts.inboxes.values())
        self._scheduler.start()
        self._guard.start()
        self._parts.listen(self._hasten)
        log.info("started", inboxes=len(self.inboxes), page=self.web_url)

    def _run_again(self, seconds: float) -> None:
        """The machine's clock was set back: the scheduler's next runs lie so far in the future, and are brought near."""
        log.warning("this machine's clock was set back; coverage that lay ahead of it is taken back", seconds=round(seconds))
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=self._wall.now())

    def stop(self) -> None:
        """End what runs, with the batch that each poll has in hand, and log out. Also of use where `start` failed."""
        with self._queue_lock:
            self._parts.poller.end()
            self._stopping = True
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        self._opened.close()
        log.info("stopped")

    def ask_for_reload(self) -> None:
        """Read the settings anew at the next tick; from any thread."""
        self._reload_wanted.set()

    def caught_up(self, moment: datetime) -> bool:
        """True once every inbox was polled well at or after `moment`, all of it was judged, and every notice was tried."""
        judged = self._judged_at
        polled = all(self._polled_at.get(name, _NEVER) >= moment for name in self.inboxes)
        return polled and judged is not None and judged >= moment and not self._store.due_notices(self._clock.now())

    # ------------------------------------------------------------------------------------------ jobs

    def _poll_due(self) -> None:
        """Hand what is due to the workers. Also the heartbeat: while this runs and judging works, the service lives."""
        if self._can_judge:
            self._snapshots.beat(self._wall.now())
        if self._reload_wanted.is_set():
            self._reload_wanted.clear()
            self._prepare()
        if self._coming is not None and not self._swapped(self._coming):
            return
        self._hand_out()

    def _hand_out(self) -> None:
        """Give what is due to the workers that are free: at each tick, where there are news, and where a poll has ended.

        Nothing begins while new settings wait for the polls that run, or once we stop.
        """
        with self._queue_lock:
            if self._coming is not None or self._stopping:
                return
            parts = self._parts
            free = parts.settings.collect.concurrency - len(parts.due.running)
            due = parts.due.take(self._clock.now(), free)
            for name, _ in due:
                parts.workers.submit(self._poll, parts, name)
        for name, lateness in due:
            if lateness >= LATE:
                self._tell_late(parts, name, lateness)

    def _tell_late(self, parts: Parts, name: str, lateness: timedelta) -> None:
        self._counters.poll_late()
        missed = lateness >= parts.period(name)  # a whole poll was left out
        if missed:
            self._counters.job_missed()
        tell = log.warning if missed else log.info
        tell("poll is late", inbox=name, seconds=lateness.total_seconds(), reason=parts.due.why_late(name))

    def _hasten(self, inbox: str) -> None:
        """An inbox may have new mail: poll it at once, if a worker is free."""
        with self._queue_lock:
            self._parts.due.hasten(inbox, self._clock.now())
        self._hand_out()

    def _poll(self, parts: Parts, name: str) -> None:
        """One poll in a worker. Whatever happens, the inbox is put back into the queue."""
        began = self._clock.now()
        cause: FailureCause | None = FailureCause.PROTOCOL
        has_more = elsewhere = False
        try:
            polled = parts.poller.poll(parts.inboxes[name])
            cause, has_more, elsewhere = polled.cause, polled.has_more, polled.elsewhere
            self._snapshots.kept()
        except GoneQuietError as error:
            elsewhere = True
            self._snapshots.not_kept(self._wall.now())
            log.error("what was read could not be kept; it will be read again", inbox=name, detail=str(error))
        except Exception:
            log.exception("a fault of ours while polling; please report it", inbox=name)
        finally:
            with self._queue_lock:
                alone = parts.due.left_alone
                if cause is None and not self._stopping:  # else it may have ended early, and nothing is to rest on it
                    parts.due.set_period(name, parts.period(name))
                    parts.due.succeeded(name, began, has_more=has_more)
                    self._polled_at[name] = began
                elif cause is not None:
                    parts.due.failed(name, began, cause, self._clock.now(), elsewhere=elsewhere)
                now_alone = parts.due.left_alone
        for host in now_alone - alone:
            log.warning("a server refuses many inboxes and is left alone but for one trial at a time", host=host)
        for host in alone - now_alone:
            log.info("a server works again", host=host)
        self._hand_out()

    def _judge_if_due(self) -> None:
        """Judge once in `detect_every`, after all that is due was read; where something always is, after twice as long.

        The first time at once when every inbox was looked at: until then the page knows of no mail.
        """
        now = self._clock.now()
        every = self.settings.detect_every
        if self._tried_at is not None and now < self._tried_at - LEAST_STEP:  # our clock was set back
            self._tried_at, self._judged_at = None, None
            with self._judging:  # what it has taken in lies ahead of us in part
                self._parts.watch = Watch(self._store, self._parts.identifier, self.settings)
        waited = timedelta.max if self._tried_at is None else now - self._tried_at
        is_first = not self._has_caught_up and self._has_looked(self._parts)
        self._has_caught_up |= is_first
        if is_first or waited >= 2 * every or (waited >= every and not self._is_reading(now)):
            self._judge()

    def _is_reading(self, now: datetime) -> bool:
        with self._queue_lock:
            return self._parts.due.is_behind(now)

    def _has_looked(self, parts: Parts) -> bool:
        with self._queue_lock:
            return parts.due.has_tried_all() or self._wall.now() - self._began >= LONGEST_CATCH_UP

    def _judge(self) -> None:
        """Where that fails, the heart stops to beat until it works again: /healthz and a metric say so."""
        with self._judging:
            now = self._tried_at = self._clock.now()
            parts = self._parts
            try:
                has_looked = self._has_looked(parts)
                assessment = parts.watch.round(now) if has_looked else parts.watch.assess(now)
            except Exception as error:
                self._can_judge = False
                if not isinstance(error, GoneQuietError):  # a bug: what it holds may be taken in by half
                    parts.watch = Watch(self._store, parts.identifier, parts.settings)
                raise
            self._snapshots.judged(assessment)
            self._judged_at = now if has_looked else None
            self._can_judge = True

    def _deliver(self) -> None:
        self._parts.courier.deliver_due(self._clock.now())

    def _send_canaries(self) -> None:
        if (post := self._parts.canaries) is not None:
            post.send_due()

    def _hold_claim(self) -> None:
        """Where PostgreSQL restarted, our claim is gone: take it again, or make way for a service that was quicker."""
        try:
            self._hold()
        except TakenError as error:
            with self._queue_lock:
                self._stopping = True
            self._scheduler.remove_all_jobs()
            log.error("another service has taken over, this one ends", detail=str(error))
            if self._give_up is not None:
                self._give_up(error)

    # ------------------------------------------------------------------------------------------ reload

    def _prepare(self) -> None:
        """Read the settings file's new state, and keep the old one and say so where it is faulty."""
        if self._path is None:
            return
        self._coming = None
        try:
            settings = load_settings(self._path)
            self._coming = make_parts(settings, load_identifier(settings), self._store, self._clock, self._counters)
        except GoneQuietError as error:
            self._snapshots.reload_ok = False
            log.error("new settings are faulty, the old ones stay", problems=str(error).splitlines())
        except Exception:
            self._snapshots.reload_ok = False
            log.exception("a fault of ours while new settings were read, the old ones stay; please report it")

    def _swapped(self, coming: Parts) -> bool:
        """Take the new settings whole once no poll runs; meanwhile none begins. True where they are taken."""
        with self._queue_lock:
            if self._parts.due.running:
                return False
        with self._judging:
            old, self._parts, self._coming = self._parts, coming, None
            self._snapshots.use(coming.identifier, coming.settings)
            self._snapshots.reload_ok = True
            self._tried_at = None
        old.close()
        tell_if_too_few(coming.inboxes.values())
        coming.listen(self._hasten)
        if keys := needs_restart(old.settings, coming.settings):
            log.warning("only a restart takes the new values of these settings", keys=keys)
        if needs_rebuild(old.settings, coming.settings):
            log.warning("stored mail keeps its streams and organisations until `gonequiet rebuild`; new mail has the new ones")
        log.info("settings taken", inboxes=len(self.inboxes))
        return True

    # ------------------------------------------------------------------------------------------ faults

    def _missed(self, event: JobEvent) -> None:
        """A tick was dropped. While judging or delivering takes longer than a tick, the running one does the work."""
        if event.code == EVENT_JOB_MAX_INSTANCES and event.job_id != "poll_due":
            return
        self._counters.job_missed()
        log.warning("the scheduler skipped a job: the machine is too slow for the tick", job=event.job_id)

    def _broken(self, event: JobExecutionEvent) -> None:
        log.error("a job failed and will run again", job=event.job_id, error=repr(event.exception))
