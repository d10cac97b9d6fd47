"""Secrets come from files and the environment, and a missing one is named without ever being shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.errors import SettingsError
from monitor.settings import InboxSettings, check_settings, inbox_password, load_settings, read_secret


def inbox(**source: object) -> InboxSettings:
    return InboxSettings.model_validate({"name": "quiet-1", "host": "localhost", "user": "u", **source})


@pytest.mark.parametrize(("content", "secret"), [("pa ss\n", "pa ss"), ("päss\r\n", "päss"), (" leading", " leading")])
def test_a_file_holds_the_password_without_its_line_end(tmp_path: Path, content: str, secret: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content.encode())
    assert inbox_password(inbox(password_file=file)) == secret


def test_the_environment_holds_the_password() -> None:
    assert inbox_password(inbox(password_env="QUIET_1"), {"QUIET_1": "x y"}) == "x y"


@pytest.mark.parametrize("environ", [{}, {"QUIET_1": ""}])
def test_a_variable_that_is_not_set_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"^inbox quiet-1: the environment variable QUIET_1 is not set$"):
        inbox_password(inbox(password_env="QUIET_1"), environ)


def test_a_file_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(SettingsError, match=r"^inbox quiet-1: .*/none: cannot be read \(No such file or directory\)$"):
        inbox_password(inbox(password_file=tmp_path / "none"))
    with pytest.raises(SettingsError, match=r"^inbox quiet-1: .*/empty: is empty$"):
        inbox_password(inbox(password_file=tmp_path / "empty"))


def test_no_source_at_all_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^channel x: expected password_file or password_env$"):
        read_secret("channel x", file=None, env=None)


def test_check_config_reads_every_secret_and_the_service_starts_without(tmp_path: Path) -> None:
    file = tmp_path / "gonequiet.yaml"
    file.write_text("""
inboxes:
  - {name: a, host: imap.example.org, user: a, password_file: none}
  - {name: b, host: imap.example.org, user: b, password_env: NOT_SET, ca_file: ca.pem}
  - {name: c, host: imap.example.org, user: c, password_env: IS_SET}
  - {name: d, host: imap.example.org, user: d, password_file: none, enabled: false}
  - name: e
    host: imap.example.org
    user: e
    oauth: {provider: google, client_id: x, client_secret_env: NOT_SET, token_file: e.json, ca_file: ca.pem}
alerts:
  channels:
    - {name: chat, kind: apprise, url_env: CHAT}
  routes: [{channels: [chat]}]
""")
    assert len(load_settings(file).inboxes) == 5
    assert [p.removeprefix(f"{file}:") for p in check_settings(file, {"IS_SET": "x"})] == [
        f"3: inboxes[0].password_file: inbox a: {tmp_path}/none: cannot be read (No such file or directory)",
        "4: inboxes[1].password_env: inbox b: the environment variable NOT_SET is not set",
        f"4: inboxes[1].ca_file: {tmp_path}/ca.pem: no such file",
        "10: inboxes[4].oauth.client_secret_env: inbox e: the environment variable NOT_SET is not set",
        f"10: inboxes[4].oauth.token_file: {tmp_path}/e.json: no such file; log in once with: gonequiet login e",
        f"10: inboxes[4].oauth.ca_file: {tmp_path}/ca.pem: no such file",
        "13: alerts.channels[0].url_env: channel chat: the environment variable CHAT is not set",
    ]


def test_check_config_names_a_receiver_that_is_not_known(tmp_path: Path) -> None:
    file = tmp_path / "gonequiet.yaml"
    file.write_text("""
inboxes:
  - {name: a, host: imap.example.org, user: a, password_env: A, receiver: Gmail}
  - {name: b, host: imap.example.org, user: b, password_env: A, receiver: gmial}
""")
    assert check_settings(file, {"A": "x"}, knows_receiver=lambda name: name == "Gmail") == [
        f'{file}:4: inboxes[1].receiver: expected a name of config/receivers/ or "none", got "gmial"'
    ]
