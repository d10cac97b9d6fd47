"""Credentials: what an inbox logs in with, from its settings: a password, or tokens that renew themselves."""

from __future__ import annotations

from datetime import datetime

from monitor.clock import SystemClock
from monitor.collect.oauth import AuthorizationServer
from monitor.collect.tokens import KeptTokens, TokenFile, TokenSource
from monitor.errors import InboxError
from monitor.settings import InboxSettings, OAuthSettings, client_secret, inbox_password


def credential_of(inbox: InboxSettings, timeout: float) -> str | TokenSource:
    """SettingsError where a file or variable with a secret cannot be read. `timeout` in seconds, for each question."""
    if inbox.oauth is None:
        return inbox_password(inbox)
    server = authorization_server(inbox.name, inbox.oauth, timeout)
    return KeptTokens(inbox.name, TokenFile(inbox.name, inbox.oauth.token_file), server.refresh, server.clock)


def login_ends_at(inbox: InboxSettings) -> datetime | None:
    """When the provider ends the inbox's login by token, UTC; None where it did not say so or nobody has logged in."""
    if inbox.oauth is None:
        return None
    try:
        return TokenFile(inbox.name, inbox.oauth.token_file).read().login_ends_at
    except InboxError:  # its next poll says so
        return None


def authorization_server(inbox: str, oauth: OAuthSettings, timeout: float) -> AuthorizationServer:
    """The one where this inbox's tokens come from. Tokens end by the real clock, whatever clock a replay has."""
    return AuthorizationServer(inbox, oauth, client_secret(inbox, oauth), timeout, SystemClock())
