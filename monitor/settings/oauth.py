"""How an inbox logs in by OAuth: the keys of `oauth`, and what is known of the providers that many use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from monitor.settings.paths import LocatedPath, Strict


class OAuthSettings(Strict):
    """`gonequiet login INBOX` asks the account's owner once; from then on the refresh token is enough (RFC 6749 §6)."""

    provider: Literal["google", "microsoft"] | None = None
    """None: the addresses stand here."""
    tenant: str = "common"
    """Microsoft only: the organisation whose application it is, by name or number."""
    client_id: str
    client_secret_file: LocatedPath | None = None
    client_secret_env: str | None = None
    token_file: LocatedPath
    """Where the tokens are kept, for us to write: they change by themselves."""
    authorize_url: str | None = None
    token_url: str | None = None
    device_url: str | None = None
    scopes: tuple[str, ...] | None = None
    ca_file: LocatedPath | None = None
    """Whom to trust at these addresses beside the system's authorities."""

    @property
    def server(self) -> str:
        """The host that gives the tokens, such as `oauth2.googleapis.com`: inboxes that share it may all fail with it."""
        return urlsplit(self.endpoints.token).hostname or ""

    @property
    def endpoints(self) -> Endpoints:
        """Where to ask and for what: the provider's, but for what these settings name themselves."""
        known = _KNOWN[self.provider](self.tenant) if self.provider is not None else _OWN
        return Endpoints(
            authorize=self.authorize_url or known.authorize,
            token=self.token_url or known.token,
            device=self.device_url or known.device,
            scopes=self.scopes or known.scopes,
            redirect_host=known.redirect_host,
            extra=known.extra,
        )


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The addresses of an authorization server (RFC 6749 §3, RFC 8628 §3.1). None: it has no such flow for mail."""

    authorize: str | None
    token: str
    device: str | None
    scopes: tuple[str, ...]
    redirect_host: str = "127.0.0.1"
    """RFC 8252 §7.3 wants the number; Microsoft takes any port with `localhost` only."""
    extra: tuple[tuple[str, str], ...] = ()
    """What must stand in the browser's address beside the standard's parameters."""


def _google(_tenant: str) -> Endpoints:
    """https://developers.google.com/identity/protocols/oauth2/native-app; its device flow gives no access to mail.

    A refresh token comes only with `access_type=offline`, and a second time only with `prompt=consent`.
    """
    return Endpoints(
        authorize="https://accounts.google.com/o/oauth2/v2/auth",
        token="https://oauth2.googleapis.com/token",  # noqa: S106  an address
        device=None,
        scopes=("https://mail.google.com/",),
        extra=(("access_type", "offline"), ("prompt", "consent")),
    )


def _microsoft(tenant: str) -> Endpoints:
    """https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth"""
    top = f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0"
    return Endpoints(
        authorize=f"{top}/authorize",
        token=f"{top}/token",
        device=f"{top}/devicecode",
        scopes=("https://outlook.office.com/IMAP.AccessAsUser.All", "offline_access"),
        redirect_host="localhost",
    )


_KNOWN = {"google": _google, "microsoft": _microsoft}
_OWN = Endpoints(authorize=None, token="", device=None, scopes=())
