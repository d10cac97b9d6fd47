"""The service as it runs: start, stop, reload, and what is told where something is wrong."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from monitor.app.service import Service
from monitor.clock import SystemClock
from monitor.collect.breaker import FIRST_WAIT
from monitor.errors import GoneQuietError, StoreError
from monitor.model import FailureCause
from monitor.settings import Settings, load_settings
from tests.app.setting import eventually, metric, write_settings
from tests.journey.mail import CAMPAIGN, START, sends_of
from tests.servers.dovecot import Dovecot
from tests.servers.process import free_port

RELOADED = "gonequiet_config_last_reload_successful"


@contextmanager
def running(settings_file: Path) -> Iterator[Service]:
    service = Service(load_settings(settings_file), SystemClock(), settings_path=settings_file)
    try:
        service.start()
        yield service
    finally:
        service.stop()


def metrics(service: Service) -> str:
    answer = httpx.get(f"{service.web_url}/metrics", timeout=20)
    assert answer.status_code == 200
    return answer.text


def test_it_polls_stores_and_shows_until_it_is_stopped(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.user()
    user.deliver_all([mailing.raw for mailing in sends_of([CAMPAIGN], START, START.replace(day=4))])
    with running(write_settings(tmp_path, user.settings())) as service:
        sends = f'gonequiet_stream_sends_total{{stream="{CAMPAIGN.domain}"}}'
        eventually(lambda: sends in metrics(service), "the stream in the metrics")
        assert metric(metrics(service), sends) == 4
        assert metric(metrics(service), f'gonequiet_polls_total{{inbox="{user.name}",result="ok"}}') >= 1
        assert CAMPAIGN.domain in httpx.get(service.web_url, timeout=20).text
        assert httpx.get(f"{service.web_url}/healthz", timeout=20).status_code == 200
        url = service.web_url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, timeout=5)
    assert not [t.name for t in threading.enumerate() if t.name.startswith(("poll", "web", "originals"))]


def test_what_the_first_looks_brought_is_shown_at_once(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.user()
    user.deliver_all([mailing.raw for mailing in sends_of([CAMPAIGN], START, START.replace(day=4))])
    path = write_settings(tmp_path, user.settings())
    path.write_text(path.read_text(encoding="utf-8").replace("detect_every: 1s", "detect_every: 1h"), encoding="utf-8")
    with running(path) as service:
        eventually(lambda: CAMPAIGN.domain in httpx.get(service.web_url, timeout=20).text, "its list is on the page")


def test_a_second_start_goes_on_where_the_first_ended(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.user()
    first, second = sends_of([CAMPAIGN], START, START.replace(day=3))
    path = write_settings(tmp_path, user.settings())
    sends = f'gonequiet_stream_sends_total{{stream="{CAMPAIGN.domain}"}}'
    user.deliver(first.raw)
    with running(path) as service:
        eventually(lambda: sends in metrics(service), "the stream in the metrics")
    user.deliver(second.raw)
    with running(path) as service:
        eventually(lambda: metric(metrics(service), sends) == 2, "the second mail beside the first")


def test_settings_that_are_mended_are_taken_and_faulty_ones_are_not(dovecot: Dovecot, tmp_path: Path) -> None:
    user, other = dovecot.user(), dovecot.user()
    with running(write_settings(tmp_path, user.settings())) as service:
        assert metric(metrics(service), RELOADED) == 1

        write_settings(tmp_path, user.settings(), more="pol_every: 5m")
        with capture_logs() as logs:
            service.ask_for_reload()
            eventually(lambda: metric(metrics(service), RELOADED) == 0, "the faulty settings are told of")
        [told] = [entry for entry in logs if "faulty" in entry["event"]]
        assert any("gonequiet.yaml:" in problem and "pol_every" in problem for problem in told["problems"])
        assert service.inboxes == (user.name,)

        write_settings(tmp_path, user.settings(), other.settings())
        service.ask_for_reload()
        eventually(lambda: service.inboxes == (user.name, other.name), "both inboxes")
        assert metric(metrics(service), RELOADED) == 1
        polled = f'gonequiet_polls_total{{inbox="{other.name}",result="ok"}}'
        eventually(lambda: metric(metrics(service), polled) >= 1, "a poll of the new inbox")


def test_a_fault_of_ours_while_new_settings_are_read_is_told_and_the_old_ones_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> Settings:
        raise RecursionError(path.name)

    with running(write_settings(tmp_path)) as service:
        before = service.settings
        monkeypatch.setattr("monitor.app.service.load_settings", broken)
        with capture_logs() as logs:
            service.ask_for_reload()
            eventually(lambda: metric(metrics(service), RELOADED) == 0, "the fault is told of")
        assert any("a fault of ours" in entry["event"] and entry["exc_info"] for entry in logs)
        assert service.settings is before


@pytest.mark.parametrize(
    ("folder", "name", "content", "said"),
    [
        ("texts", "gap-opened.j2", "title: {% if %}", "gap-opened.j2"),
        ("providers", "mine.yaml", "provider: [", "mine.yaml"),
    ],
)
def test_a_faulty_file_beside_the_settings_leaves_the_old_ones_at_work(
    folder: str, name: str, content: str, said: str, dovecot: Dovecot, tmp_path: Path
) -> None:
    user, other = dovecot.user(), dovecot.user()
    with running(write_settings(tmp_path, user.settings())) as service:
        write_settings(tmp_path, other.settings())
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(content, encoding="utf-8")
        with capture_logs() as logs:
            service.ask_for_reload()
            eventually(lambda: metric(metrics(service), RELOADED) == 0, "the faulty file is told of")
        assert said in str([entry.get("problems") for entry in logs])
        polled = f'gonequiet_polls_total{{inbox="{user.name}",result="ok"}}'
        before = metric(metrics(service), polled)
        eventually(lambda: metric(metrics(service), polled) > before, "the old inbox is polled on")


def test_what_only_a_restart_takes_is_said(tmp_path: Path) -> None:
    with running(write_settings(tmp_path)) as service:
        write_settings(tmp_path, port=free_port())
        with capture_logs() as logs:
            service.ask_for_reload()
            eventually(lambda: service.settings.web.port != 0, "the new settings")
            eventually(lambda: any("restart" in entry["event"] for entry in logs), "a word about the restart")
        [told] = [entry for entry in logs if "restart" in entry["event"]]
        assert told["keys"] == ("web.port",)


def test_a_used_port_is_told_and_nothing_is_left_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = load_settings(write_settings(tmp_path, port=port))
        with pytest.raises(GoneQuietError, match=rf"web\.port: cannot listen on 127\.0\.0\.1:{port}.*choose another"):
            Service(settings, SystemClock())
    service = Service(settings, SystemClock())
    service.stop()


def test_an_inbox_that_hangs_delays_no_other(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.user()
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes connections and never says a word
        hanging = user.settings().model_copy(update={"name": "hanging", "port": mute.getsockname()[1]})
        with running(write_settings(tmp_path, hanging, user.settings())) as service:
            polled = f'gonequiet_polls_total{{inbox="{user.name}",result="ok"}}'
            eventually(lambda: metric(metrics(service), polled) >= 3, "three polls of the other inbox")
            assert metric(metrics(service), 'gonequiet_polls_total{inbox="hanging",result="ok"}') == 0
            assert metric(metrics(service), 'gonequiet_polls_total{inbox="hanging",result="timeout"}') == 0


def test_the_heart_stops_to_beat_while_nothing_can_be_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(write_settings(tmp_path)) as service:
        beats = "gonequiet_heartbeat_timestamp_seconds"
        before = metric(metrics(service), beats)
        eventually(lambda: metric(metrics(service), beats) > before, "a beat")
        tries: list[int] = []

        def full(self: object) -> None:
            tries.append(1)
            raise StoreError("gonequiet.db: database or disk is full; make room on the disk")

        with monkeypatch.context() as patched:
            patched.setattr("monitor.store.store.Store.open_alerts", full)
            eventually(lambda: len(tries) >= 2, "a judgement that failed, and the next")
            still = metric(metrics(service), beats)
            eventually(lambda: len(tries) >= 4, "more of them")
            assert metric(metrics(service), beats) == still
        eventually(lambda: metric(metrics(service), beats) > still, "it beats again")


def test_polls_whose_mail_cannot_be_kept_are_counted_and_make_us_unwell(
    dovecot: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = dovecot.user()

    def full(self: object, *_: object) -> None:
        raise StoreError("gonequiet.db: database or disk is full; make room on the disk")

    monkeypatch.setitem(FIRST_WAIT, FailureCause.PROTOCOL, timedelta())
    with running(write_settings(tmp_path, user.settings())) as service:
        health = f"{service.web_url}/healthz"
        with monkeypatch.context() as patched:
            patched.setattr("monitor.store.store.Store.save_visit", full)
            patched.setattr("monitor.show.web.UNSAVED_FOR", timedelta())
            counted = f'gonequiet_polls_total{{inbox="{user.name}",result="storage"}}'
            eventually(lambda: metric(metrics(service), counted) >= 1, "a poll that is counted")
            eventually(lambda: httpx.get(health, timeout=20).status_code == 503, "we call ourselves unwell")
            assert "nothing that was read could be stored" in httpx.get(service.web_url, timeout=20).text
        eventually(lambda: httpx.get(health, timeout=20).status_code == 200, "well again")
