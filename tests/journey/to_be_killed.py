"""A process that polls, judges and delivers without a pause, until it is killed; each line on stdin starts a new one.

Everything is imported once and each life is a fork of it, so that a life of some milliseconds still gets to its work.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

from monitor import logs
from monitor.alert.channels import open_channels
from monitor.alert.deliver import Courier
from monitor.app.counters import Counters
from monitor.app.knowledge import load_identifier
from monitor.app.polling import Poller
from monitor.app.session import Session
from monitor.collect import reading
from monitor.collect.parse import parse_message
from monitor.identify.match import Identifier
from monitor.identify.stream import stream_of
from monitor.settings import Settings, load_settings
from monitor.store.store import Store
from tests.journey.hurried import HurriedClock

HEADERS_FIRST = 100
"""Of the backlog of the test the headers come first, and the bodies in later polls."""


def live(settings: Settings, identifier: Identifier, clock: HurriedClock) -> None:
    """Never returns: every inbox is polled by a thread of its own, beside the one that judges and delivers."""
    session = Session(settings, Store.open(settings.database_url, settings.originals_dir), identifier)
    poller = Poller(session.store, session.reader, settings.collect, clock, Counters())
    watch = session.watch()
    courier = Courier(session.store, open_channels(settings.alerts.channels), settings.alerts.max_tries)

    def poll(name: str) -> None:
        [inbox] = [inbox for inbox in settings.inboxes if inbox.name == name]
        while True:
            if poller.poll(inbox).cause is not None:
                time.sleep(0.05)

    for inbox in settings.inboxes:
        threading.Thread(target=poll, args=(inbox.name,), daemon=True).start()
    while True:
        watch.round(clock.now())
        courier.deliver_due(clock.now())


def main(settings_file: str, began: str) -> None:
    logs.set_up(quiet=True)
    reading.HEADERS_FIRST = HEADERS_FIRST  # type: ignore[attr-defined]
    settings = load_settings(Path(settings_file))
    identifier = load_identifier(settings)
    clock = HurriedClock(datetime.fromisoformat(began))
    stream_of(parse_message(b"From: hello@list.example.org\r\n\r\n"), (), ())  # reads the Public Suffix List, once
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            live(settings, identifier, clock)
        print(pid, flush=True)
        os.waitpid(pid, 0)
        print("gone", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
