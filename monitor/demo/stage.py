"""The demo's stage: embedded servers and the real service on a stepped clock, all gone again at the end."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from monitor.app.service import Service
from monitor.clock import SteppedClock, SystemClock
from monitor.demo.archive import ArchivedMail, as_message
from monitor.demo.certificate import server_context, write_certificate
from monitor.demo.imap_server import DemoMailServer
from monitor.demo.loop_thread import LoopThread
from monitor.demo.mail_sink import MailSink
from monitor.demo.replay import START, wait_until
from monitor.demo.seeds import JUNK, SEEDS, folder_for
from monitor.demo.settings import Place, demo_settings


@dataclass(frozen=True, slots=True)
class Stage:
    """What a run of the demo plays on."""

    service: Service
    clock: SteppedClock
    sink: MailSink
    server: DemoMailServer

    def deliver(self, mail: ArchivedMail) -> None:
        """The same mail to every seed inbox, at its `Date`."""
        raw = as_message(mail)
        for seed in SEEDS:
            self.server.deliver(seed.user, folder_for(seed, mail), raw, mail.at)


@contextmanager
def set_stage(home: Path, web_port: int, step: timedelta) -> Iterator[Stage]:
    """Start mail server, mail sink and service with their files below `home`; stop them at the end. Port 0: any free one."""
    certificate = write_certificate(home, SystemClock().now())
    password_file = home / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_urlsafe(16), encoding="ascii")
    with LoopThread("demo servers") as thread:
        passwords = dict.fromkeys((seed.user for seed in SEEDS), password_file.read_text(encoding="ascii"))
        server = DemoMailServer(thread, server_context(certificate), passwords, [JUNK])
        sink = MailSink(thread)
        place = Place(home, certificate, password_file, server.port, sink.port, web_port)
        clock = SteppedClock(START - timedelta(minutes=1))
        service = Service(demo_settings(place, step), clock)
        service.start()
        try:
            clock.move_to(START)  # first polls are spread over half a minute: now all are due
            wait_until(lambda: len(service.snapshot().polls) == len(SEEDS), "look into every seed inbox")
            yield Stage(service, clock, sink, server)
        finally:
            service.stop()
            sink.close()
            server.close()
