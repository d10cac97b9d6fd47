"""Alerts through the real store: stored with their notices before anything is sent, and nothing lost to a SIGKILL."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.alert.by_hand import acknowledge
from monitor.alert.channels import open_channels
from monitor.alert.deliver import Courier, Delivered
from monitor.alert.lifecycle import advance
from monitor.alert.text import Voice, write_all
from monitor.alert.text_files import load_texts
from monitor.model import Alert, AlertState, Assessment, NoticeState, Send
from monitor.settings import AlertSettings, ChannelSettings, RouteSettings
from monitor.store.store import Store
from tests.alert.made import KEY, NOW, assessment, context, finding, hours, send
from tests.alert.servers import http_server

VOICE = Voice(load_texts(), ZoneInfo("America/New_York"))
SETTINGS = AlertSettings(routes=(RouteSettings(channels=("hook",)),))


def open_store(folder: Path) -> Store:
    return Store.open(f"sqlite:///{folder}/gonequiet.db", folder / "originals")


def round_of(store: Store, judged: Assessment, resumed: dict[str, Send] | None = None) -> tuple[Alert, ...]:
    """What the service does with each assessment."""
    decisions = advance(store.open_alerts(), judged, resumed or {}, judged.at, SETTINGS)
    store.apply(write_all(decisions, {KEY: context()}, judged.at, VOICE))
    return tuple(store.open_alerts())


def hook(port: int) -> ChannelSettings:
    return ChannelSettings.model_validate({"name": "hook", "kind": "webhook", "url": f"http://127.0.0.1:{port}/"})


def test_an_alerts_life_is_one_notice_at_its_start_and_one_at_its_end(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with http_server() as server:
        courier = Courier(store, open_channels([hook(server.port)]), max_tries=12)
        for minute in range(10):
            at = NOW + hours(minute / 60)
            (known,) = round_of(store, assessment(finding(), at=at))
            courier.deliver_due(at)
        store.apply([acknowledge(known, "ana", None, NOW + hours(1))])
        back = send(NOW + hours(20))
        assert round_of(store, assessment(at=NOW + hours(21)), {KEY: back}) == ()
        assert courier.deliver_due(NOW + hours(21)) == (Delivered("hook", sent=1),)
    store.close()
    assert [r.body["event"] for r in server.requests] == ["opened", "resolved"]
    assert server.requests[1].body["alert"]["resumed_at"] == "2021-01-09T08:00:00Z"
    assert {r.body["alert_id"] for r in server.requests} == {known.id}


def test_what_was_told_survives_a_restart(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    round_of(store, assessment(finding()))
    store.close()
    store = open_store(tmp_path)
    (known,) = store.open_alerts()
    assert (known.state, known.told) == (AlertState.OPEN, ("hook",))
    assert known.finding == finding()
    assert replace(known, id=0) == replace(round_of(store, assessment(finding()))[0], id=0)
    store.close()


DELIVER = """
import sys
from datetime import datetime
from pathlib import Path
from monitor.alert.channels import open_channels
from monitor.alert.deliver import Courier
from tests.alert.test_with_store import hook, open_store
store = open_store(Path(sys.argv[1]))
Courier(store, open_channels([hook(int(sys.argv[2]))]), 12).deliver_due(datetime.fromisoformat(sys.argv[3]))
store.close()
"""


def test_a_sigkill_while_sending_costs_one_repeat_with_the_same_key_and_no_loss(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    round_of(store, assessment(finding()))
    store.close()
    with http_server() as server:
        server.hold = threading.Event()
        command = [sys.executable, "-c", DELIVER, str(tmp_path), str(server.port), NOW.isoformat()]
        process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
        server.arrived.wait(60)
        process.send_signal(signal.SIGKILL)
        assert process.wait(60) == -signal.SIGKILL
        server.hold.set()
        subprocess.run(command, cwd=Path(__file__).parents[2], check=True, timeout=60)
        subprocess.run(command, cwd=Path(__file__).parents[2], check=True, timeout=60)
    assert [r.body["event"] for r in server.requests] == ["opened", "opened"]
    assert len({r.headers["idempotency-key"] for r in server.requests}) == 1
    store = open_store(tmp_path)
    (known,) = store.open_alerts()
    assert [n.state for n in store.notices(known.id)] == [NoticeState.SENT]
    store.close()
