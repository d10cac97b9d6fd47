"""OAuth: what we ask of an authorization server (RFC 6749), and what its refusals mean. No token gets into an error."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import httpx

from monitor.clock import Clock
from monitor.collect.connecting import shared_context
from monitor.collect.tokens import Tokens, must_log_in
from monitor.errors import InboxError
from monitor.model import FailureCause
from monitor.settings import Endpoints, OAuthSettings

MOST_BYTES = 262_144
"""Of an answer; real ones have some 5,000."""
LONGEST_LIFE = timedelta(days=1)
"""A token that says it lives longer is renewed after this all the same; one that does not say lives an hour."""
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_CODE = re.compile(r"[a-z_]{1,40}")
_MICROSOFT_CODE = re.compile(r"\bAADSTS\d{3,9}\b")
_TOKEN = re.compile(r"[\x21-\x7e]{1,16000}")
_WAITING = frozenset({"authorization_pending", "slow_down"})
_NOT_NOW = frozenset({"temporarily_unavailable", "server_error"})
_APPLICATION = frozenset({"invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"})


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What RFC 8628 §3.2 gives: a code to poll with, and one that the owner types in anywhere else."""

    device_code: str = field(repr=False)
    user_code: str
    verification_uri: str
    lives: float
    """Seconds."""
    interval: float
    """Seconds to wait between two questions."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """The owner has not decided. `slow_down`: ask more seldom."""

    slow_down: bool


@dataclass(frozen=True)
class AuthorizationServer:
    """The one that the settings of an inbox name. Every question raises InboxError where it brings no answer."""

    inbox: str
    settings: OAuthSettings
    client_secret: str | None = field(repr=False)
    timeout: float
    """Seconds."""
    clock: Clock

    @property
    def endpoints(self) -> Endpoints:
        return self.settings.endpoints

    def refresh(self, refresh_token: str) -> Tokens:
        """Other tokens for a refresh token (RFC 6749 §6); with a new refresh token where the server rotates them."""
        return self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """The tokens for an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5)."""
        asked = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": redirect_uri}
        return self._tokens(asked)

    def device_code(self) -> DeviceCode:
        """Begin a login by code (RFC 8628 §3.1)."""
        if self.endpoints.device is None:
            raise self._error(FailureCause.SETTINGS, "there is no `device_url` to log in by code; use --browser")
        said = self._ask(self.endpoints.device, {"scope": " ".join(self.endpoints.scopes)})
        try:
            # Google's first servers, and some to this day, call it verification_url.
            place = said.get("verification_uri") or said["verification_url"]
            code, user_code = said["device_code"], said["user_code"]
            if not all(isinstance(text, str) and text.isprintable() for text in (place, code, user_code)):
                raise TypeError
            lives, interval = float(said["expires_in"]), float(said.get("interval", 5))  # type: ignore[arg-type]
        except (LookupError, TypeError, ValueError) as error:
            raise self._senseless(self.endpoints.device) from error
        return DeviceCode(str(code), str(user_code), str(place), lives, min(max(interval, 1), 60))

    def poll_device(self, code: DeviceCode) -> Tokens | NotYet:
        """Whether the owner has decided by now (RFC 8628 §3.4)."""
        said = self._ask(self.endpoints.token, {"grant_type": DEVICE_GRANT, "device_code": code.device_code}, passed=_WAITING)
        if (waiting := said.get("error")) is not None:
            return NotYet(slow_down=waiting == "slow_down")
        return self._as_tokens(said)

    def refused(self, code: object) -> InboxError:
        """What the `error` of an answer or of a redirect means (RFC 6749 §4.1.2.1 and §5.2, RFC 8628 §3.5)."""
        word = code if isinstance(code, str) and _CODE.fullmatch(code) else "no reason given"
        if word in _NOT_NOW:
            return self._error(FailureCause.NETWORK, f"the authorization server cannot now ({word})")
        if word in _APPLICATION:
            reason = f"the authorization server refuses this application ({word}); check `oauth`: client_id, its secret, scopes"
            return InboxError(self.inbox, reason, cause=FailureCause.LOGIN, retryable=False, server=self.settings.server)
        if word == "access_denied":
            return must_log_in(self.inbox, "the account's owner, or its organisation, did not allow it")
        if word == "expired_token":
            return must_log_in(self.inbox, "the code was not used in time")
        return must_log_in(self.inbox, f"the authorization server refuses the login ({word}): it has expired or was taken back")

    def _tokens(self, asked: Mapping[str, str]) -> Tokens:
        return self._as_tokens(self._ask(self.endpoints.token, asked))

    def _as_tokens(self, said: Mapping[str, object]) -> Tokens:
        access, refresh, life = said.get("access_token"), said.get("refresh_token"), said.get("expires_in", 3600)
        lives = min(_span(life) or timedelta(hours=1), LONGEST_LIFE)
        login = _span(said.get("refresh_token_expires_in"))  # Google's and Microsoft's own
        if not isinstance(access, str) or not _TOKEN.fullmatch(access) or not isinstance(refresh, str | None):
            raise self._senseless(self.endpoints.token)
        now = self.clock.now()
        return Tokens(access, now + lives, refresh, now + login if login is not None else None)

    def _ask(self, url: str, asked: Mapping[str, str], passed: frozenset[str] = frozenset()) -> Mapping[str, object]:
        """The JSON object that is answered. Of refusals those in `passed` are answers."""
        form = {"client_id": self.settings.client_id, **asked}
        if self.client_secret is not None:
            form["client_secret"] = self.client_secret
        try:
            status, text = self._post(url, form)
        except (httpx.HTTPError, OSError) as error:
            raise self._unreachable(url, error) from None  # the request, which holds secrets, hangs on it
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            said = None
        refusal = said.get("error") if isinstance(said, dict) else None
        if status == 429:
            raise self._error(FailureCause.THROTTLED, f"{_host(url)} wants to be asked less often")
        if status >= 500 or refusal in _NOT_NOW:
            raise self._error(FailureCause.NETWORK, f"{_host(url)} cannot now (HTTP {status})")
        if isinstance(said, dict) and status == 200 and refusal is None:
            return said
        if refusal is None or not isinstance(said, dict):
            raise self._senseless(url, f"HTTP {status}")
        if refusal in passed:
            return said
        refused = self.refused(refusal)
        if (code := _MICROSOFT_CODE.search(str(said.get("error_description", "")))) is not None:
            reason = f"{code[0]}: {refused.reason}"
            cause, retryable, server = refused.cause, refused.retryable, self.settings.server
            raise InboxError(self.inbox, reason, cause=cause, retryable=retryable, server=server)
        raise refused

    def _post(self, url: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        context = shared_context(self.settings.ca_file)
        with (
            httpx.Client(verify=context, timeout=self.timeout, follow_redirects=False) as client,
            client.stream("POST", url, data=form, headers={"Accept": "application/json"}) as answer,
        ):
            text = b""
            for part in answer.iter_bytes():
                text += part
                if len(text) > MOST_BYTES:
                    raise httpx.DecodingError("an answer without end")
            return answer.status_code, text

    def _unreachable(self, url: str, error: Exception) -> InboxError:
        host, origin = _host(url), _origin(error)
        match origin:
            case ssl.SSLCertVerificationError():
                reason = f"the certificate of {host} is not trusted ({origin.verify_message}); see `oauth.ca_file`"
                return self._error(FailureCause.TLS, reason)
            case ssl.SSLError():
                return self._error(FailureCause.TLS, f"{host} does not speak TLS as it should, or `oauth.ca_file` cannot be read")
            case socket.gaierror():
                return self._error(FailureCause.DNS, f"the name {host} of the authorization server cannot be resolved")
            case httpx.TimeoutException():
                return self._error(FailureCause.TIMEOUT, f"the authorization server {host} does not answer in time")
            case httpx.DecodingError():
                return self._senseless(url)
            case FileNotFoundError() | PermissionError():
                return self._error(FailureCause.SETTINGS, f"`oauth.ca_file` cannot be read ({origin.strerror})")
        why = (origin.strerror if isinstance(origin, OSError) else None) or type(origin).__name__
        return self._error(FailureCause.NETWORK, f"the authorization server {host} cannot be reached ({why})")

    def _senseless(self, url: str, detail: str = "") -> InboxError:
        more = f" ({detail})" if detail else ""
        return self._error(FailureCause.PROTOCOL, f"{_host(url)} does not answer as an authorization server should{more}")

    def _error(self, cause: FailureCause, reason: str) -> InboxError:
        """Trouble that may pass: the login stays good."""
        return InboxError(self.inbox, reason, cause=cause, server=self.settings.server)


def _span(seconds: object) -> timedelta | None:
    """A number of seconds, or its text; None for what is no believable one."""
    try:
        span = timedelta(seconds=float(seconds))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return span if timedelta(0) < span < timedelta(days=36_500) else None


def _host(url: str) -> str:
    return httpx.URL(url).host


def _origin(error: BaseException) -> BaseException:
    """The library wraps what went wrong two deep."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError | httpx.TimeoutException):
            return seen
        seen = seen.__cause__ or seen.__context__
    return error
