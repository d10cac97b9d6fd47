"""`check-config`, `providers`, `alert-test` and `poll`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitor.settings import check_settings
from tests.alert.servers import http_server
from tests.app.setting import write_settings
from tests.cli.conftest import Run
from tests.servers.dovecot import Dovecot
from tests.servers.process import free_port


def test_good_settings_are_called_fine(settings_file: Path, gonequiet: Run) -> None:
    ran = gonequiet("check-config", "--config", settings_file)
    assert (ran.status, ran.err) == (0, "")
    assert f"{settings_file}: fine" in ran.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data_dir: data\npol_every: 5m\n", ":2: pol_every: "),
        ("collect:\n  poll_every: 5\n", ":2: collect.poll_every: expected a span"),
        ("inboxes: 3\n", ":1: inboxes: "),
        ("alerts:\n  routes:\n    - channels: [nobody]\n", ":3: alerts.routes[0].channels"),
        ("inboxes: [\n", ":2: expected YAML"),
        ("just words\n", ":1: "),
    ],
    ids=["unknown-key", "wrong-type", "number-for-list", "route-to-nobody", "not-yaml", "no-keys"],
)
def test_every_fault_is_told_with_file_and_line(text: str, said: str, tmp_path: Path, gonequiet: Run) -> None:
    path = tmp_path / "gonequiet.yaml"
    path.write_text(text, encoding="utf-8")
    for command in (["check-config"], ["streams"], ["run"]):  # nothing starts on faulty settings
        ran = gonequiet(*command, "-c", path)
        assert (ran.status, ran.out) == (2, "")
        assert f"{path}{said}" in ran.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "alerts:\n  channels: [{name: a, kind: apprise, url: 'nope://secret-token'}]\n  routes: [{channels: [a]}]\n",
            ":2: alerts.channels[0].url: expected an address that Apprise knows",
        ),
        (
            "alerts:\n  channels: [{name: a, kind: apprise, url_env: CHAT}]\n  routes: [{channels: [a]}]\n",
            ":2: alerts.channels[0].url_env: expected an address that Apprise knows",
        ),
        (
            "alerts:\n  channels: [{name: log, kind: log}]\n  routes: []\n",
            ":3: alerts.routes: expected at least one route; without one nobody is ever told",
        ),
        ("data_dir: gonequiet.yaml/data\n", ":1: data_dir: "),
        (
            "collect: {max_message_bytes: 1e99}\n",
            ":1: collect.max_message_bytes: expected a whole number of a sensible size, got 1e+99",
        ),
        (
            "collect: {max_message_bytes: 3000000000}\n",
            ":1: collect.max_message_bytes: expected at most 2000000000, got 3000000000",
        ),
        ("collect: {max_message_bytes: .inf}\n", ":1: collect.max_message_bytes: expected a number that ends, got inf"),
    ],
    ids=["apprise", "apprise-env", "no-routes", "data-in-a-file", "too-large", "over-the-limit", "endless"],
)
def test_settings_that_cannot_work_are_not_called_fine(
    text: str, said: str, tmp_path: Path, gonequiet: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT", "nope://secret-token")
    path = tmp_path / "gonequiet.yaml"
    path.write_text(text, encoding="utf-8")
    ran = gonequiet("check-config", "-c", path)
    assert (ran.status, ran.out) == (2, "")
    [told] = ran.err.splitlines()
    assert f"{path}{said}" in told
    assert "secret-token" not in told


def test_a_data_folder_that_may_not_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gonequiet.yaml"
    path.write_text("data_dir: below/data\n", encoding="utf-8")
    monkeypatch.setattr("os.access", lambda place, mode: mode == os.F_OK and place == tmp_path)
    assert check_settings(path) == [f"{path}:1: data_dir: {tmp_path}/below/data: whoever runs this may not write in {tmp_path}"]


def test_an_empty_settings_file_is_the_defaults(tmp_path: Path, gonequiet: Run) -> None:
    path = tmp_path / "gonequiet.yaml"
    path.touch()
    assert gonequiet("check-config", "-c", path).status == 0


@pytest.mark.parametrize(
    ("folder", "name", "text"),
    [
        ("providers", "mine.yaml", "name: [\n"),
        ("receivers", "mine.yaml", "nonsense: true\n"),
        ("texts", "gap-opened.j2", "title: {% if %}\n"),
    ],
)
def test_a_faulty_file_beside_the_settings_is_told_too(
    folder: str, name: str, text: str, settings_file: Path, gonequiet: Run
) -> None:
    (settings_file.parent / folder).mkdir()
    (settings_file.parent / folder / name).write_text(text, encoding="utf-8")
    ran = gonequiet("check-config", "-c", settings_file)
    assert (ran.status, ran.out) == (2, "")
    assert name in ran.err


def test_a_missing_password_file_is_found_before_anything_starts(tmp_path: Path, dovecot: Dovecot, gonequiet: Run) -> None:
    path = write_settings(tmp_path, dovecot.user().settings())
    (tmp_path / "password").unlink()
    ran = gonequiet("check-config", "-c", path)
    assert ran.status == 2
    assert "inboxes[0].password_file" in ran.err


def test_providers_are_listed_found_by_former_names_and_shown_with_sources(gonequiet: Run) -> None:
    rows = gonequiet("providers", "--json").rows
    assert len(rows) >= 10
    assert all(set(row) == set(rows[0]) for row in rows)
    assert "Salesforce Marketing Cloud" in gonequiet("providers").out
    [row] = gonequiet("providers", "exacttarget", "--json").rows
    assert "ExactTarget" in str(row)
    assert "source: " in gonequiet("providers", "ExactTarget").out
    unknown = gonequiet("providers", "no-such-provider")
    assert (unknown.status, unknown.out) == (2, "")
    assert "no-such-provider" in unknown.err


def test_a_channel_is_proved_by_a_test_notice(tmp_path: Path, gonequiet: Run) -> None:
    path = tmp_path / "gonequiet.yaml"
    with http_server() as hook:
        channels = f'[{{name: hook, kind: webhook, url: "http://127.0.0.1:{hook.port}/"}}, {{name: log, kind: log}}]'
        path.write_text(f"alerts: {{channels: {channels}, routes: [{{channels: [hook]}}]}}\n", encoding="utf-8")
        ran = gonequiet("alert-test", "hook", "-c", path)
        assert (ran.status, ran.err) == (0, "")
        [request] = hook.requests
        assert request.body["event"] == "test"

        hook.answers = [(500, {})]
        refused = gonequiet("alert-test", "hook", "-c", path)
        assert (refused.status, refused.out) == (2, "")
        assert "hook: 127.0.0.1: answers 500" in refused.err
    unknown = gonequiet("alert-test", "nobody", "-c", path)
    assert unknown.status == 2
    assert "there are: hook, log" in unknown.err


def test_a_poll_tells_what_came_of_each_inbox_and_fails_only_for_the_broken(
    tmp_path: Path, dovecot: Dovecot, gonequiet: Run
) -> None:
    fine = dovecot.user()
    fine.deliver(b"From: a@news.example.org\r\nSubject: x\r\n\r\nx\r\n")
    broken = fine.settings().model_copy(update={"name": "broken", "port": free_port()})
    path = write_settings(tmp_path, broken, fine.settings())
    both = gonequiet("poll", "-c", path)
    assert both.status == 2
    lines = [line.split() for line in both.out.splitlines()[1:]]
    assert lines == [["broken", "failed:", "network", "0"], [fine.name, "ok", "1"]]
    assert "refuses connections" in both.err
    only = gonequiet("poll", fine.name, "-c", path)
    assert (only.status, only.out.splitlines()[1].split()) == (0, [fine.name, "ok", "0"])
    unknown = gonequiet("poll", "nobody", "-c", path)
    assert (unknown.status, unknown.out) == (2, "")
    assert "no inbox 'nobody'" in unknown.err
