"""A real authorization server on loopback: browser and device flow, refresh, introspection for Dovecot, and bad days."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from monitor.app.web import WebServer
from monitor.settings import OAuthSettings, WebSettings
from tests.servers.dovecot import Dovecot, running_dovecot

CLIENT, SECRET = "client-1", "client-secret-1"
SCOPE = "imap offline"


@dataclass
class OAuthServer:
    """What it has given out, and how it behaves; a test may change any of it. Its user is whoever `owner` says."""

    url: str = ""
    owner: str = "user001"
    lives: int = 3600
    rotates: bool = False
    """A refresh token is good once only."""
    denies: bool = False
    wrong_state: bool = False
    answers: deque[Response] = field(default_factory=deque)
    """For the token endpoint, before it answers as it should."""
    code_lives: int = 900
    device: deque[str] = field(default_factory=deque)
    """Errors before the device's code is granted, such as `authorization_pending`."""
    access: dict[str, str] = field(default_factory=dict)
    """Good access tokens → user."""
    refresh: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    """Forms that came to the token endpoint."""

    def settings(self, token_file: Path, **other: object) -> OAuthSettings:
        values = {
            "client_id": CLIENT,
            "token_file": token_file,
            "authorize_url": f"{self.url}/authorize",
            "token_url": f"{self.url}/token",
            "device_url": f"{self.url}/device",
            "scopes": tuple(SCOPE.split()),
        }
        return OAuthSettings.model_validate({**values, **other})

    def lines(self, token_file: Path) -> str:
        """The same as a line of an inbox in a settings file."""
        return (
            f"oauth: {{client_id: {CLIENT}, token_file: {token_file}, authorize_url: '{self.url}/authorize', "
            f"token_url: '{self.url}/token', device_url: '{self.url}/device', scopes: [imap, offline]}}"
        )

    def grant(self, user: str | None = None) -> dict[str, object]:
        """New tokens, as the token endpoint says them."""
        access, refresh = f"access-{secrets.token_hex(12)}", f"refresh-{secrets.token_hex(12)}"
        self.access[access] = self.refresh[refresh] = user or self.owner
        return {"access_token": access, "token_type": "Bearer", "expires_in": self.lives, "refresh_token": refresh}

    def revoke(self) -> None:
        """Everything that was ever given out."""
        self.access.clear()
        self.refresh.clear()

    def application(self) -> FastAPI:
        made = FastAPI()
        for path, methods, act in (
            ("/authorize", ["GET"], self._authorize),
            ("/token", ["POST"], self._token),
            ("/device", ["POST"], self._device),
            ("/introspect", ["POST"], self._introspect),
        ):
            made.add_api_route(path, act, methods=methods, response_model=None)
        return made

    def _authorize(self, request: Request) -> Response:
        """The owner has signed in and says yes, or no."""
        asked = dict(request.query_params)
        if asked["client_id"] != CLIENT or asked["response_type"] != "code" or asked["scope"] != SCOPE:
            return Response("not such a client", 400)
        code = secrets.token_hex(8)
        self.codes[code] = asked
        state = "somebody-else's" if self.wrong_state else asked["state"]
        answer = {"error": "access_denied", "state": state} if self.denies else {"code": code, "state": state}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 302)

    async def _token(self, request: Request) -> Response:
        form = await _form(request)
        self.asked.append(form)
        if self.answers:
            return self.answers.popleft()
        if form.get("client_id") != CLIENT or form.get("client_secret", SECRET) != SECRET:
            return _refuse("invalid_client", 401)
        match form.get("grant_type"):
            case "refresh_token":
                return self._renew(form.get("refresh_token", ""))
            case "authorization_code":
                return self._redeem(form)
            case "urn:ietf:params:oauth:grant-type:device_code":
                if form.get("device_code") != "device-code-1":
                    return _refuse("invalid_grant")
                return _refuse(self.device.popleft()) if self.device else JSONResponse(self.grant())
        return _refuse("unsupported_grant_type")

    def _renew(self, token: str) -> Response:
        if (user := self.refresh.get(token)) is None:
            return _refuse("invalid_grant")
        if self.rotates:
            del self.refresh[token]
            return JSONResponse(self.grant(user))
        granted = self.grant(user)
        del self.refresh[str(granted.pop("refresh_token"))]
        return JSONResponse(granted)

    def _redeem(self, form: dict[str, str]) -> Response:
        """RFC 7636 §4.6."""
        asked = self.codes.pop(form.get("code", ""), None)
        digest = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).decode().rstrip("=")
        if asked is None or asked["redirect_uri"] != form.get("redirect_uri") or asked["code_challenge"] != digest:
            return _refuse("invalid_grant")
        return JSONResponse(self.grant())

    async def _device(self, request: Request) -> Response:
        form = await _form(request)
        if form.get("client_id") != CLIENT or form.get("scope") != SCOPE:
            return _refuse("invalid_client", 401)
        return JSONResponse(
            {
                "device_code": "device-code-1",
                "user_code": "WDJB-MJHT",
                "verification_uri": f"{self.url}/activate",
                "expires_in": self.code_lives,
                "interval": 1,
            }
        )

    async def _introspect(self, request: Request) -> Response:
        user = self.access.get((await _form(request)).get("token", ""))
        return JSONResponse({"active": user is not None, "username": user} if user else {"active": False})


def _refuse(code: str, status: int = 400) -> Response:
    return JSONResponse({"error": code, "error_description": "words that may hold anything"}, status)


async def _form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}


@contextmanager
def running_oauth() -> Iterator[OAuthServer]:
    made = OAuthServer()
    web = WebServer(made.application(), WebSettings(port=0))
    web.start()
    made.url = web.url
    try:
        yield made
    finally:
        web.stop()


@pytest.fixture
def oauth() -> Iterator[OAuthServer]:
    """One for this test alone."""
    with running_oauth() as server:
        yield server


@pytest.fixture(scope="module")
def oauth_dovecot() -> Iterator[tuple[OAuthServer, Dovecot]]:
    """A mail server that takes the access tokens of an authorization server."""
    with running_oauth() as oauth, running_dovecot(f"{oauth.url}/introspect") as dovecot:
        yield oauth, dovecot
