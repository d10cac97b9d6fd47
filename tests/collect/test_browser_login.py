"""Login with a browser: the code comes back to loopback, for us only, and is good with our verifier only."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from monitor.collect.browser_login import DONE, STRANGE, log_in_by_browser
from monitor.collect.tokens import Tokens
from monitor.errors import InboxError
from monitor.model import FailureCause
from monitor.settings import OAuthSettings
from tests.collect.test_oauth import asking
from tests.servers.oauth import OAuthServer

Visit = Callable[[str], None]


def through(visit: Visit, settings: OAuthSettings, within: float = 20) -> Tokens:
    """Log in while a browser opens the address that is shown."""
    started: list[threading.Thread] = []

    def show(url: str) -> None:
        started.append(threading.Thread(target=visit, args=[url]))
        started[0].start()

    try:
        return log_in_by_browser(asking(settings), show, within=within)
    finally:
        started[0].join()


def test_the_browser_brings_a_code_that_is_good_for_tokens(oauth: OAuthServer, tmp_path: Path) -> None:
    pages: list[httpx.Response] = []
    tokens = through(lambda url: pages.append(httpx.get(url, follow_redirects=True)), oauth.settings(tmp_path))
    assert tokens.access_token in oauth.access
    assert tokens.refresh_token in oauth.refresh
    assert (pages[0].status_code, pages[0].text) == (200, DONE)
    assert pages[0].headers["Referrer-Policy"] == "no-referrer"
    assert urlsplit(str(pages[0].url)).hostname == "127.0.0.1"
    assert len(oauth.asked[0]["code_verifier"]) >= 43  # RFC 7636 §4.1


def test_an_answer_with_another_state_is_refused_and_the_right_one_still_taken(oauth: OAuthServer, tmp_path: Path) -> None:
    seen: list[tuple[int, str]] = []

    def visit(url: str) -> None:
        oauth.wrong_state = True
        strange = httpx.get(url, follow_redirects=True)
        nothing = httpx.get(f"http://127.0.0.1:{strange.url.port}/")
        seen.extend((page.status_code, page.text) for page in (strange, nothing))
        oauth.wrong_state = False
        httpx.get(url, follow_redirects=True)

    tokens = through(visit, oauth.settings(tmp_path))
    assert seen == [(400, STRANGE), (400, STRANGE)]
    assert tokens.access_token in oauth.access
    assert len(oauth.asked) == 1  # the strange code was not even tried


def test_an_owner_who_says_no_ends_it(oauth: OAuthServer, tmp_path: Path) -> None:
    oauth.denies = True
    pages: list[str] = []
    with pytest.raises(InboxError, match="did not allow it; run: gonequiet login gmail-1") as caught:
        through(lambda url: pages.append(httpx.get(url, follow_redirects=True).text), oauth.settings(tmp_path))
    assert caught.value.cause is FailureCause.LOGIN_ENDED
    assert pages == ["The login was not allowed. You can close this window; the terminal says more."]


def test_it_does_not_wait_for_ever(oauth: OAuthServer, tmp_path: Path) -> None:
    with pytest.raises(InboxError, match="no browser came back in time"):
        through(lambda _: None, oauth.settings(tmp_path), within=0.1)


def test_microsoft_and_google_get_what_they_want(tmp_path: Path) -> None:
    for provider, host, extra in (("google", "127.0.0.1", {"access_type": ["offline"]}), ("microsoft", "localhost", {})):
        shown: list[str] = []
        settings = OAuthSettings.model_validate({"provider": provider, "client_id": "c", "token_file": tmp_path})
        with pytest.raises(InboxError):
            log_in_by_browser(asking(settings), shown.append, within=0.01)
        asked = parse_qs(urlsplit(shown[0]).query)
        assert re.fullmatch(rf"http://{host}:\d+/", asked["redirect_uri"][0])
        assert asked["code_challenge_method"] == ["S256"]
        assert extra.items() <= asked.items()


def test_a_port_that_is_taken_is_named(oauth: OAuthServer, tmp_path: Path) -> None:
    taken = urlsplit(oauth.url).port
    assert taken
    with pytest.raises(InboxError, match=f"port {taken} .* is not free"):
        log_in_by_browser(asking(oauth.settings(tmp_path)), print, port=taken)


def void(_: object) -> None:
    """A visit gives nothing back."""
