"""An inbox that is set to idle is read as soon as mail arrives, long before its next poll."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from monitor.app.service import Service
from monitor.clock import SystemClock
from monitor.settings import load_settings
from tests.app.setting import eventually, write_settings
from tests.servers.dovecot import Dovecot


@pytest.mark.parametrize("setting", ["watch: both", "watch: idle", "idle: true"])
def test_mail_is_read_long_before_the_next_poll(setting: str, dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.user()
    path = write_settings(tmp_path, user.settings(), every="1d")
    path.write_text(path.read_text().replace("    password_file", f"    {setting}\n    password_file"))
    service = Service(load_settings(path), SystemClock(), settings_path=path)
    service.start()
    try:
        parts = service._parts
        eventually(lambda: parts.idle is not None and parts.idle.listens_to(user.name), "idling on INBOX and Junk")
        for folder in ("INBOX", "Junk"):
            raw = f"From: a@{folder.lower()}.example\r\nMessage-ID: <1@{folder}>\r\nSubject: x\r\n\r\nHello\r\n"
            user.deliver(raw.encode(), folder)
            eventually(
                lambda folder=folder: service._store.last_send(f"{folder.lower()}.example") is not None,  # type: ignore[misc]
                f"mail in {folder} is stored",
            )
    finally:
        service.stop()


def test_an_inbox_that_idles_only_is_polled_seldom_while_that_works_and_as_often_as_ever_when_not(
    own_dovecot: Dovecot, tmp_path: Path
) -> None:
    user = own_dovecot.user()
    path = write_settings(tmp_path, user.settings(), every="1s")
    path.write_text(path.read_text().replace("    password_file", "    watch: idle\n    password_file"))
    service = Service(load_settings(path), SystemClock(), settings_path=path)
    service.start()
    try:
        parts = service._parts
        eventually(lambda: parts.idle is not None and parts.idle.listens_to(user.name), "idling on INBOX and Junk")
        assert parts.period(user.name) == timedelta(minutes=10)
        own_dovecot.stop()
        eventually(lambda: parts.period(user.name) == timedelta(seconds=1), "polled as before")
    finally:
        service.stop()


def test_news_and_freed_workers_wait_for_no_tick(dovecot: Dovecot, tmp_path: Path) -> None:
    users = [dovecot.user() for _ in range(3)]
    path = write_settings(tmp_path, *(user.settings() for user in users), every="1d")
    text = path.read_text().replace("tick: 0.05s", "tick: 1h").replace("timeout: 5s", "timeout: 5s, concurrency: 1")
    path.write_text(text.replace("    password_file", "    watch: both\n    password_file"))
    service = Service(load_settings(path), SystemClock(), settings_path=path)
    service.start()
    try:
        eventually(lambda: len(service._store.inbox_health()) == len(users), "each was polled once")
        for user in users:
            user.deliver(f"From: a@{user.name}.example\r\nMessage-ID: <1@{user.name}>\r\nSubject: x\r\n\r\nHello\r\n".encode())
        lists = {f"{user.name}.example" for user in users}
        eventually(lambda: {send.stream for send in service._store.sends()} == lists, "the mail is stored")
    finally:
        service.stop()
