"""An inbox that is set to idle is read as soon as mail arrives, long before its next poll."""

from __future__ import annotations

from pathlib import Path

from monitor.app.service import Service
from monitor.clock import SystemClock
from monitor.settings import load_settings
from tests.app.setting import eventually, write_settings
from tests.servers.dovecot import Dovecot


def test_mail_is_read_long_before_the_next_poll(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.user()
    path = write_settings(tmp_path, user.settings(), every="1d")
    path.write_text(path.read_text().replace("    password_file", "    idle: true\n    password_file"))
    service = Service(load_settings(path), SystemClock(), settings_path=path)
    service.start()
    try:
        parts = service._parts
        eventually(lambda: parts.idle is not None and parts.idle.held == 2, "idling on INBOX and Junk")
        for folder in ("INBOX", "Junk"):
            raw = f"From: a@{folder.lower()}.example\r\nMessage-ID: <1@{folder}>\r\nSubject: x\r\n\r\nHello\r\n"
            user.deliver(raw.encode(), folder)
            eventually(
                lambda folder=folder: service._store.last_send(f"{folder.lower()}.example") is not None,  # type: ignore[misc]
                f"mail in {folder} is stored",
            )
    finally:
        service.stop()
