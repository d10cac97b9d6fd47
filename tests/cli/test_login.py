"""`gonequiet login`, by code and with a browser, to a real mail server that then takes the tokens."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from fastapi.responses import JSONResponse

from monitor.app.counters import Counters
from monitor.app.polling import Polled, Poller
from monitor.app.session import open_session
from monitor.clock import SystemClock
from monitor.settings import load_settings
from tests.cli.conftest import Run
from tests.servers.dovecot import Dovecot, DovecotUser
from tests.servers.oauth import OAuthServer

Both = tuple[OAuthServer, Dovecot]


@pytest.fixture
def user(oauth_dovecot: Both) -> DovecotUser:
    oauth, dovecot = oauth_dovecot
    made = dovecot.user()
    oauth.owner, oauth.denies = made.name, False
    oauth.device.clear()
    return made


@pytest.fixture
def settings(oauth_dovecot: Both, user: DovecotUser, tmp_path: Path) -> Path:
    inbox = user.settings()
    path = tmp_path / "gonequiet.yaml"
    path.write_text(
        f"data_dir: data\ncollect: {{verify_dkim: off}}\n"
        f"inboxes:\n  - name: {inbox.name}\n    host: {inbox.host}\n    port: {inbox.port}\n"
        f"    user: {inbox.user}\n    ca_file: {inbox.ca_file}\n    {oauth_dovecot[0].lines(Path('tokens/seed.json'))}\n"
    )
    return path


def polled(path: Path, user: DovecotUser) -> int:
    """New messages of one poll as the service makes it."""
    user.deliver(b"From: a@list.example\r\nSubject: hello\r\n\r\nHello\r\n")
    return poll(path).new_copies


def poll(path: Path) -> Polled:
    settings = load_settings(path)
    with open_session(settings) as session:
        poller = Poller(session.store, session.reader, settings.collect, SystemClock(), Counters())
        try:
            return poller.poll(settings.inboxes[0])
        finally:
            poller.close()


def test_by_code_and_then_mail_is_read(oauth_dovecot: Both, user: DovecotUser, settings: Path, gonequiet: Run) -> None:
    oauth, _ = oauth_dovecot
    oauth.device.append("authorization_pending")
    ran = gonequiet("login", user.name, "--config", settings)
    assert ran.status == 0, ran.err
    assert f"{oauth.url}/activate" in ran.err
    assert "WDJB-MJHT" in ran.err
    assert f"{user.name}: logged in; the mail server takes it" in ran.out
    tokens = settings.parent / "tokens" / "seed.json"
    assert tokens.stat().st_mode & 0o777 == 0o600
    assert not any(str(token) in ran.out + ran.err for token in json.loads(tokens.read_text()).values())
    assert gonequiet("check-config", "--config", settings).status == 0
    assert polled(settings, user) == 1


def test_with_a_browser_and_then_mail_is_read(oauth_dovecot: Both, user: DovecotUser, settings: Path) -> None:
    command = [sys.executable, "-m", "monitor", "login", user.name, "--browser", "--config", str(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"PATH": ""}) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        address = next(found[0] for line in running.stderr if (found := re.search(r"http://\S+/authorize\?\S+", line)))
        assert httpx.get(address, follow_redirects=True).status_code == 200
        out = running.stdout.read()
        running.stderr.read()
    assert running.returncode == 0
    assert "the mail server takes it" in out
    assert polled(settings, user) == 1


def test_a_login_that_will_end_is_told_so(oauth_dovecot: Both, user: DovecotUser, settings: Path, gonequiet: Run) -> None:
    oauth, _ = oauth_dovecot
    oauth.answers.append(JSONResponse({**oauth.grant(), "refresh_token_expires_in": 604_800}))
    ran = gonequiet("login", user.name, "--config", settings)
    assert ran.status == 0
    assert "The provider ends this login on 20" in ran.out


@pytest.mark.parametrize(("code", "said"), [("access_denied", "did not allow it"), ("expired_token", "not used in time")])
def test_a_login_that_ends_otherwise_ends_with_2_and_keeps_nothing(
    oauth_dovecot: Both, user: DovecotUser, settings: Path, gonequiet: Run, code: str, said: str
) -> None:
    oauth_dovecot[0].device.append(code)
    ran = gonequiet("login", user.name, "--device", "--config", settings)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err
    assert not (settings.parent / "tokens").exists()


def test_the_wrong_account_does_not_take_the_place_of_the_right_one(
    oauth_dovecot: Both, user: DovecotUser, settings: Path, gonequiet: Run
) -> None:
    assert gonequiet("login", user.name, "--config", settings).status == 0
    before = (settings.parent / "tokens" / "seed.json").read_bytes()
    oauth_dovecot[0].owner = "user997"
    ran = gonequiet("login", user.name, "--config", settings)
    assert ran.status == 2
    assert "refused the login" in ran.err
    assert (settings.parent / "tokens" / "seed.json").read_bytes() == before


def test_before_the_first_login_check_config_and_a_poll_say_what_to_do(user: DovecotUser, settings: Path, gonequiet: Run) -> None:
    ran = gonequiet("check-config", "--config", settings)
    assert ran.status == 2
    assert f"no such file; log in once with: gonequiet login {user.name}" in ran.out + ran.err
    assert poll(settings).elsewhere
    ran = gonequiet("poll", "--config", settings)
    assert ran.status == 2
    assert "failed: login_ended" in ran.out
    assert f"gonequiet login {user.name}" in ran.err


def test_what_cannot_be_logged_in_to_is_said(user: DovecotUser, settings: Path, gonequiet: Run) -> None:
    ran = gonequiet("login", "nobody", "--config", settings)
    assert ran.status == 2
    assert f"no inbox 'nobody' in the settings; with `oauth` there are: {user.name}" in ran.err
    assert gonequiet("login", user.name, "--device", "--browser", "--config", settings).status == 2
    text = re.sub(r"(?m)^    oauth: .*$", "    password_env: PATH", settings.read_text())
    settings.write_text(text)
    ran = gonequiet("login", user.name, "--config", settings)
    assert ran.status == 2
    assert "logs in with a password" in ran.err
