"""Polling: kept connections to many inboxes without news, what a poll and an inbox cost (against a light scripted server)."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from monitor.clock import SystemClock
from monitor.collect.imap import ImapInbox
from monitor.model import Checkpoint, FolderVisit, PollFailure
from monitor.settings import InboxSettings, Security
from tests.bench.idle import resident
from tests.collect.looking import unstored

INBOXES = 4000
AT_ONCE = 16
EVERY = timedelta(minutes=5)


def run() -> list[str]:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    command = [sys.executable, "-m", "tests.servers.light_imap"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            return measured(min(INBOXES, limit - 200), int(server.stdout.readline()))
        finally:
            server.kill()


def measured(count: int, port: int) -> list[str]:
    inboxes = [opened(f"seed{number}", port) for number in range(count)]
    known: dict[str, dict[str, Checkpoint]] = {}
    clock = SystemClock()

    def poll(number: int) -> None:
        """As the service does, without the store: two folders, STATUS only once they are known."""
        checkpoints = known.setdefault(f"seed{number}", {})
        for visit in inboxes[number].visit(checkpoints, clock):
            assert not isinstance(visit, PollFailure), visit
            if isinstance(visit, FolderVisit):
                checkpoints[visit.folder] = visit.checkpoint

    before = resident()
    with ThreadPoolExecutor(AT_ONCE) as workers:
        begun = time.monotonic()
        list(workers.map(poll, range(count)))
        first = time.monotonic() - begun
        memory = resident() - before
        begun, used = time.monotonic(), time.process_time()
        list(workers.map(poll, range(count)))
        again, used = time.monotonic() - begun, time.process_time() - used
        list(workers.map(lambda inbox: inbox.close(), inboxes))
    share = 100 * 10_000 / EVERY.total_seconds() * used / count
    return [
        f"{count} inboxes of two folders, {AT_ONCE} polled at a time",
        f"first polls {count / first:.0f}/s, later ones {count / again:.0f}/s",
        f"a poll takes {1e3 * used / count:.2f} ms of a core; 10,000 inboxes every 5 minutes need {share:.1f} % of one",
        f"a kept connection holds {memory / count / 1e3:.0f} kB",
    ]


def opened(name: str, port: int) -> ImapInbox:
    settings = InboxSettings(name=name, host="127.0.0.1", port=port, security=Security.PLAIN, user=name, password_env="UNUSED")
    return unstored(settings, "secret", timeout=timedelta(minutes=1), max_message_bytes=1_000_000, poll_every=EVERY)
