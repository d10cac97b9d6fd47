"""Secrets: passwords and secret addresses come from files or the environment, and never into an error or a log."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from monitor.errors import SettingsError
from monitor.settings.alerting import ChannelSettings
from monitor.settings.inboxes import CanarySettings, InboxSettings
from monitor.settings.oauth import OAuthSettings


def read_secret(owner: str, *, file: Path | None, env: str | None, environ: Mapping[str, str] | None = None) -> str:
    """The secret of `owner` (`inbox gmail-1`), without the file's last line end.

    SettingsError names the file or the variable that cannot be read or is empty, never what is in it.
    """
    if file is not None:
        try:
            secret = file.read_text(encoding="utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise SettingsError([f"{owner}: {file}: expected a line of UTF-8 text"]) from None
        except OSError as error:
            raise SettingsError([f"{owner}: {file}: cannot be read ({error.strerror or type(error).__name__})"]) from error
        if not secret:
            raise SettingsError([f"{owner}: {file}: is empty"])
        return secret
    if env is not None:
        secret = (os.environ if environ is None else environ).get(env, "")
        if not secret:
            raise SettingsError([f"{owner}: the environment variable {env} is not set"])
        return secret
    raise SettingsError([f"{owner}: expected password_file or password_env"])


def inbox_password(inbox: InboxSettings, environ: Mapping[str, str] | None = None) -> str:
    """The password of a seed inbox."""
    return read_secret(f"inbox {inbox.name}", file=inbox.password_file, env=inbox.password_env, environ=environ)


def client_secret(inbox: str, oauth: OAuthSettings, environ: Mapping[str, str] | None = None) -> str | None:
    """What an application proves itself with at the authorization server; None for one that has no secret (RFC 6749 §2.1)."""
    if oauth.client_secret_file is None and oauth.client_secret_env is None:
        return None
    return read_secret(f"inbox {inbox}", file=oauth.client_secret_file, env=oauth.client_secret_env, environ=environ)


def channel_password(channel: ChannelSettings, environ: Mapping[str, str] | None = None) -> str | None:
    """The password of a channel that signs in; None where it has no user."""
    if channel.user is None:
        return None
    return read_secret(f"channel {channel.name}", file=channel.password_file, env=channel.password_env, environ=environ)


def canary_password(canary: CanarySettings, environ: Mapping[str, str] | None = None) -> str | None:
    """The password of the canary account; None where it has no user."""
    if canary.user is None:
        return None
    return read_secret("canary", file=canary.password_file, env=canary.password_env, environ=environ)


def channel_url(channel: ChannelSettings, environ: Mapping[str, str] | None = None) -> str:
    """The address of a webhook or Apprise channel, which may hold a secret itself."""
    if channel.url is not None:
        return channel.url
    return read_secret(f"channel {channel.name}", file=channel.url_file, env=channel.url_env, environ=environ)
