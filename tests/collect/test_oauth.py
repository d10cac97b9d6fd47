"""What an authorization server may answer, from real ones over HTTP: each answer has one meaning, and shows no secret."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import Response
from fastapi.responses import JSONResponse, RedirectResponse

from monitor.clock import SteppedClock
from monitor.collect.oauth import AuthorizationServer, DeviceCode, NotYet
from monitor.demo.certificate import server_context, write_certificate
from monitor.errors import InboxError
from monitor.model import FailureCause
from monitor.settings import OAuthSettings
from tests.servers.oauth import CLIENT, SECRET, OAuthServer
from tests.servers.process import free_port

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def asking(settings: OAuthSettings, secret: str | None = None, timeout: float = 5) -> AuthorizationServer:
    return AuthorizationServer("gmail-1", settings, secret, timeout, SteppedClock(NOON))


def test_a_refresh_token_is_good_for_other_tokens(oauth: OAuthServer, tmp_path: Path) -> None:
    oauth.rotates = True
    refresh = str(oauth.grant()["refresh_token"])
    tokens = asking(oauth.settings(tmp_path), SECRET).refresh(refresh)
    assert tokens.access_token in oauth.access
    assert tokens.refresh_token in oauth.refresh
    assert tokens.expires_at == NOON + timedelta(hours=1)
    assert oauth.asked == [
        {"client_id": CLIENT, "client_secret": SECRET, "grant_type": "refresh_token", "refresh_token": refresh},
    ]


@pytest.mark.parametrize(
    ("answer", "cause", "retryable", "said"),
    [
        (JSONResponse({"error": "invalid_grant"}, 400), FailureCause.LOGIN_ENDED, False, "run: gonequiet login gmail-1"),
        (JSONResponse({"error": "interaction_required"}, 400), FailureCause.LOGIN_ENDED, False, "run: gonequiet login gmail-1"),
        (JSONResponse({"error": "invalid_client"}, 401), FailureCause.LOGIN, False, "refuses this application"),
        (JSONResponse({"error": "server_error"}, 400), FailureCause.NETWORK, True, "cannot now"),
        (JSONResponse({"error": "x"}, 429), FailureCause.THROTTLED, True, "less often"),
        (Response("gateway", 502), FailureCause.NETWORK, True, "HTTP 502"),
        (Response("<html>", 200), FailureCause.PROTOCOL, True, "HTTP 200"),
        (RedirectResponse("https://elsewhere.example/"), FailureCause.PROTOCOL, True, "HTTP 307"),
        (JSONResponse(["access_token"], 200), FailureCause.PROTOCOL, True, "as an authorization server should"),
        (JSONResponse({"token_type": "Bearer"}, 200), FailureCause.PROTOCOL, True, "as an authorization server should"),
        (JSONResponse({"access_token": "a\x01b"}, 200), FailureCause.PROTOCOL, True, "as an authorization server should"),
        (Response(b"[" * 200_000, 200), FailureCause.PROTOCOL, True, "HTTP 200"),
        (Response(b" " * 300_000, 200), FailureCause.PROTOCOL, True, "as an authorization server should"),
        (JSONResponse({"error": "the token refresh-1 is bad"}, 400), FailureCause.LOGIN_ENDED, False, "no reason given"),
    ],
)
def test_each_refusal_says_whose_turn_it_is(
    oauth: OAuthServer, tmp_path: Path, answer: Response, cause: FailureCause, retryable: bool, said: str
) -> None:
    oauth.answers.append(answer)
    with pytest.raises(InboxError) as caught:
        asking(oauth.settings(tmp_path), SECRET).refresh("refresh-1")
    assert (caught.value.cause, caught.value.retryable) == (cause, retryable)
    assert caught.value.elsewhere
    assert caught.value.server == (None if cause is FailureCause.LOGIN_ENDED else "127.0.0.1")
    assert said in str(caught.value)
    assert not {"refresh-1", SECRET} & set(str(caught.value).split())


def test_microsofts_own_number_is_told_and_its_words_are_not(oauth: OAuthServer, tmp_path: Path) -> None:
    words = "AADSTS700082: The refresh token 0.AX8 has expired due to inactivity."
    oauth.answers.append(JSONResponse({"error": "invalid_grant", "error_description": words}, 400))
    with pytest.raises(InboxError, match=r"AADSTS700082: .*gonequiet login") as caught:
        asking(oauth.settings(tmp_path)).refresh("r")
    assert "0.AX8" not in str(caught.value)


@pytest.mark.parametrize(
    ("life", "expires"),
    [
        (60, timedelta(minutes=1)),
        ("3599", timedelta(seconds=3599)),
        (None, timedelta(hours=1)),
        (10**8, timedelta(days=1)),
        (10**12, timedelta(hours=1)),
        (-5, timedelta(hours=1)),
        ("nan", timedelta(hours=1)),
    ],
)
def test_how_long_a_token_lives_is_believed_within_reason(
    oauth: OAuthServer, tmp_path: Path, life: object, expires: timedelta
) -> None:
    oauth.answers.append(JSONResponse({"access_token": "a", "expires_in": life}))
    assert asking(oauth.settings(tmp_path)).refresh("r").expires_at == NOON + expires


def test_a_login_that_the_provider_will_end_says_when(oauth: OAuthServer, tmp_path: Path) -> None:
    oauth.answers.append(JSONResponse({"access_token": "a", "refresh_token": "b", "refresh_token_expires_in": 604_800}))
    server = asking(oauth.settings(tmp_path))
    assert server.refresh("r").login_ends_at == NOON + timedelta(days=7)
    assert server.refresh(str(oauth.grant()["refresh_token"])).login_ends_at is None


def test_a_network_that_is_down_may_come_back(tmp_path: Path) -> None:
    nowhere = OAuthServer(url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(InboxError, match=r"cannot be reached \(Connection refused\)") as caught:
        asking(nowhere.settings(tmp_path)).refresh("r")
    assert (caught.value.cause, caught.value.retryable) == (FailureCause.NETWORK, True)


def test_a_name_that_is_not_known_may_be_mended(tmp_path: Path) -> None:
    with pytest.raises(InboxError, match="cannot be resolved") as caught:
        asking(OAuthServer(url="https://nowhere.invalid").settings(tmp_path)).refresh("r")
    assert (caught.value.cause, caught.value.retryable) == (FailureCause.DNS, True)


class _Silent(http.server.BaseHTTPRequestHandler):
    """Answers well over TLS; over `/slow` not before the test ends."""

    ended = threading.Event()

    def do_POST(self) -> None:
        if self.path == "/slow":
            self.ended.wait(30)
            return
        text = json.dumps({"access_token": "over-tls", "expires_in": 60}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def over_tls(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a token endpoint with a certificate of its own, and that certificate."""
    certificate = write_certificate(tmp_path, datetime.now(UTC))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Silent)
    server.socket = server_context(certificate).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}", certificate
    _Silent.ended.set()
    server.shutdown()
    server.server_close()
    thread.join()
    _Silent.ended.clear()


def test_the_certificate_is_verified(over_tls: tuple[str, Path], tmp_path: Path) -> None:
    url, certificate = over_tls
    assert asking(OAuthServer(url=url).settings(tmp_path, ca_file=certificate)).refresh("r").access_token == "over-tls"
    with pytest.raises(InboxError, match=r"the certificate of 127.0.0.1 is not trusted") as caught:
        asking(OAuthServer(url=url).settings(tmp_path)).refresh("r")
    assert caught.value.cause is FailureCause.TLS


def test_a_server_that_says_nothing_is_left(over_tls: tuple[str, Path], tmp_path: Path) -> None:
    url, certificate = over_tls
    settings = OAuthServer(url=url).settings(tmp_path, ca_file=certificate, token_url=f"{url}/slow")
    with pytest.raises(InboxError, match="does not answer in time") as caught:
        asking(settings, timeout=0.3).refresh("r")
    assert (caught.value.cause, caught.value.retryable) == (FailureCause.TIMEOUT, True)


def test_a_device_code_is_given_and_polled(oauth: OAuthServer, tmp_path: Path) -> None:
    oauth.device.extend(["authorization_pending", "slow_down"])
    server = asking(oauth.settings(tmp_path))
    code = server.device_code()
    assert code == DeviceCode("device-code-1", "WDJB-MJHT", f"{oauth.url}/activate", 900, 1)
    assert "device-code-1" not in repr(code)
    assert [server.poll_device(code), server.poll_device(code)] == [NotYet(False), NotYet(True)]
    tokens = server.poll_device(code)
    assert not isinstance(tokens, NotYet)
    assert tokens.access_token in oauth.access


@pytest.mark.parametrize(
    ("provider", "token", "device", "scope"),
    [
        ("google", "https://oauth2.googleapis.com/token", None, "https://mail.google.com/"),
        (
            "microsoft",
            "https://login.microsoftonline.com/common/oauth2/v2.0/token",
            "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
            "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
        ),
    ],
)
def test_the_addresses_of_the_great_providers_are_known(
    provider: str, token: str, device: str | None, scope: str, tmp_path: Path
) -> None:
    found = OAuthSettings.model_validate({"provider": provider, "client_id": "c", "token_file": tmp_path}).endpoints
    assert (found.token, found.device, " ".join(found.scopes)) == (token, device, scope)


def test_a_provider_without_codes_says_what_else_there_is(tmp_path: Path) -> None:
    google = OAuthSettings.model_validate({"provider": "google", "client_id": "c", "token_file": tmp_path})
    with pytest.raises(InboxError, match="use --browser"):
        asking(google).device_code()
