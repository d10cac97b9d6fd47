"""Real Dovecot, which asks a real authorization server about every token: polls and IDLE log in and stay logged in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from monitor.app.credentials import credential_of
from monitor.collect import wire
from monitor.collect.connecting import Access
from monitor.collect.idle import IdleWatch
from monitor.collect.tokens import TokenFile, Tokens
from monitor.errors import InboxError
from monitor.model import FailureCause
from monitor.settings import InboxSettings, Security
from tests.collect.looking import Watcher, mail, open_inbox, subjects
from tests.collect.test_idle import Heard
from tests.servers.dovecot import Dovecot, DovecotUser
from tests.servers.oauth import OAuthServer
from tests.servers.process import wait_for

Both = tuple[OAuthServer, Dovecot]


def seed(oauth: OAuthServer, user: DovecotUser, folder: Path, security: Security = Security.TLS) -> InboxSettings:
    """The user's inbox, logged in already."""
    oauth.owner = user.name
    granted = oauth.grant()
    path = folder / user.name
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    TokenFile(user.name, path).save(Tokens(str(granted["access_token"]), expires_at, str(granted["refresh_token"])))
    changes = {"oauth": oauth.settings(path), "password_env": None}
    return user.settings(security=security).model_copy(update=changes)


@pytest.mark.parametrize("security", list(Security))
@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_mail_is_read_with_a_token(
    oauth_dovecot: Both, tmp_path: Path, mechanism: str, security: Security, monkeypatch: pytest.MonkeyPatch
) -> None:
    oauth, dovecot = oauth_dovecot
    monkeypatch.setattr(wire, "MECHANISMS", (mechanism,))
    user = dovecot.user()
    inbox = seed(oauth, user, tmp_path, security)
    user.deliver(mail("hello"))
    watcher = Watcher(open_inbox(inbox, credential_of(inbox, 5)))
    assert subjects(watcher.visit()) == ["hello"]
    watcher.inbox.close()
    assert f"method={mechanism}" in (dovecot.root / "dovecot.log").read_text()


def test_a_token_that_was_taken_back_is_renewed_at_the_next_login(oauth_dovecot: Both, tmp_path: Path) -> None:
    oauth, dovecot = oauth_dovecot
    user = dovecot.user()
    inbox = seed(oauth, user, tmp_path)
    oauth.rotates = True
    for round_ in range(3):
        oauth.access.clear()
        user.deliver(mail(str(round_)))
        watcher = Watcher(open_inbox(inbox, credential_of(inbox, 5)))
        assert str(round_) in subjects(watcher.visit())
        watcher.inbox.close()
    oauth.rotates = False


def test_a_grant_that_was_taken_back_is_one_failure_that_says_what_to_do(oauth_dovecot: Both, tmp_path: Path) -> None:
    oauth, dovecot = oauth_dovecot
    inbox = seed(oauth, dovecot.user(), tmp_path)
    oauth.revoke()
    with pytest.raises(InboxError) as caught:
        Access(inbox, credential_of(inbox, 5), 5, 1_000_000).log_in()
    assert (caught.value.cause, caught.value.retryable) == (FailureCause.LOGIN_ENDED, False)
    assert str(caught.value).endswith(f"; run: gonequiet login {inbox.name}")


def test_a_good_token_of_another_account_is_refused_with_the_servers_word(oauth_dovecot: Both, tmp_path: Path) -> None:
    oauth, dovecot = oauth_dovecot
    inbox = seed(oauth, dovecot.user(), tmp_path).model_copy(update={"user": "user998"})
    with pytest.raises(InboxError, match=rf"refused the login; .*gonequiet login {inbox.name}.*\(invalid_token\)$") as caught:
        Access(inbox, credential_of(inbox, 5), 5, 1_000_000).log_in()
    assert caught.value.cause is FailureCause.LOGIN
    assert not any(token in str(caught.value) for token in oauth.access)


def test_trouble_at_the_token_endpoint_passes_and_the_login_stays_good(oauth_dovecot: Both, tmp_path: Path) -> None:
    oauth, dovecot = oauth_dovecot
    inbox = seed(oauth, dovecot.user(), tmp_path)
    assert inbox.oauth is not None
    nowhere = inbox.oauth.model_copy(update={"token_url": "http://127.0.0.1:9/token"})
    TokenFile("x", inbox.oauth.token_file).save(Tokens("ended", datetime.now(UTC), list(oauth.refresh)[-1]))
    with pytest.raises(InboxError) as caught:
        Access(inbox, credential_of(inbox.model_copy(update={"oauth": nowhere}), 5), 5, 1_000_000).log_in()
    assert (caught.value.cause, caught.value.retryable) == (FailureCause.NETWORK, True)
    Access(inbox, credential_of(inbox, 5), 5, 1_000_000).log_in().logout()


def test_a_server_that_takes_no_tokens_says_so(dovecot: Dovecot, oauth: OAuthServer, tmp_path: Path) -> None:
    inbox = seed(oauth, dovecot.user(), tmp_path)
    with pytest.raises(InboxError, match="takes no access tokens"):
        Access(inbox, credential_of(inbox, 5), 5, 1_000_000).log_in()


def test_idle_logs_in_with_tokens_too_and_again_after_they_ended(oauth_dovecot: Both, tmp_path: Path) -> None:
    oauth, dovecot = oauth_dovecot
    user = dovecot.user()
    inbox = seed(oauth, user, tmp_path)
    heard = Heard()
    oauth.access.clear()
    watch = IdleWatch([Access(inbox, credential_of(inbox, 5), 5, 1_000_000)], heard.put, rng=Random(1), first_wait=0.2)
    try:
        wait_for(lambda: watch.listens_to(user.name), lambda: "hears of nothing")
        heard.settle()
        user.deliver(mail("a"))
        assert heard.next() == user.name
    finally:
        watch.close()
