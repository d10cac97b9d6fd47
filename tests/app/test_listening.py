"""The service takes mail that is handed over: at once, with the address it was for, across a reload, and nothing twice."""

from __future__ import annotations

import smtplib
from pathlib import Path

import httpx

from monitor.app.service import Service
from monitor.clock import SystemClock
from monitor.settings import load_settings
from tests.app.setting import eventually
from tests.cli.conftest import Run, gonequiet  # noqa: F401  a fixture
from tests.servers.process import free_port


def send(port: int, to: str, number: int) -> None:
    raw = f"From: news@list.example\r\nMessage-ID: <{number}@list.example>\r\nSubject: Chip in {number}\r\n\r\nDear friend\r\n"
    with smtplib.LMTP("127.0.0.1", port) as client:
        client.sendmail("bounce@list.example", [to], raw)


def test_mail_is_stored_once_it_is_answered_for_and_the_listener_outlives_a_reload(
    tmp_path: Path,
    gonequiet: Run,  # noqa: F811
) -> None:
    port = free_port()
    (tmp_path / "secret").write_text("x")
    path = tmp_path / "gonequiet.yaml"
    path.write_text(
        "data_dir: data\ntick: 0.05s\nweb: {port: 0}\n"
        "detect_every: 1s\ncollect: {poll_every: 1s, timeout: 5s, verify_dkim: off}\n"
        "inboxes:\n"
        f"  - {{name: seeds, kind: listener, listen: '127.0.0.1:{port}', addresses: ['@seeds.example'],\n"
        "     address: c@seeds.example}\n"
        "canary: {host: 127.0.0.1, port: 9, security: plain, sender: canary@else.example}\n"
    )
    service = Service(load_settings(path), SystemClock(), settings_path=path)
    service.start()
    try:
        store = service._store
        eventually(lambda: bool(store.coverage(inbox="seeds")), "it listens, and is covered")
        send(port, "acme-7f3a@seeds.example", 1)
        [found] = store.subscriptions()  # it was answered for, so it is there
        assert (found.stream, found.address, found.copies) == ("list.example", "acme-7f3a@seeds.example", 1)
        send(port, "acme-7f3a@seeds.example", 1)  # as a server does that did not hear our answer
        assert store.subscriptions()[0].copies == 1
        parts = service._parts
        service.ask_for_reload()
        eventually(lambda: service._parts is not parts, "the settings were read anew")
        begun = SystemClock().now()
        eventually(lambda: service.caught_up(begun), "it listens again")
        send(port, "acme-7f3a@seeds.example", 2)
        assert store.subscriptions()[0].copies == 2
        assert store.checkpoints("seeds")["INBOX"].last_uid == 3
        assert gonequiet("poll", "--config", path).status == 0
        assert "acme-7f3a" not in httpx.get(f"{service.web_url}/streams/list.example").text
    finally:
        service.stop()
    ran = gonequiet("poll", "--config", path)
    assert (ran.status, "nobody answers" in ran.err) == (2, True)
