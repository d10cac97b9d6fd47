"""The command `login`: OAuth for one seed inbox, once."""

from __future__ import annotations

import os
import sys
import time
import webbrowser
from typing import Annotated

import typer
from rich.text import Text

from monitor.app.credentials import authorization_server
from monitor.cli.output import console, errors
from monitor.cli.root import ConfigOption, app, read_settings
from monitor.collect.browser_login import log_in_by_browser
from monitor.collect.connecting import Access
from monitor.collect.device_login import log_in_by_device
from monitor.collect.oauth import AuthorizationServer, DeviceCode
from monitor.collect.tokens import TokenFile, Tokens
from monitor.errors import GoneQuietError, InboxError
from monitor.model import LOGIN_CAUSES
from monitor.settings import InboxSettings, Settings
from monitor.words import count, iso

GRAPHICAL = {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"}
"""Without one of these a browser in the terminal would open, over our own words."""


class _These:
    """The tokens of this login, for one try at the mail server."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def access_token(self, refused: str | None = None) -> str:
        return self._tokens.access_token


@app.command()
def login(
    name: Annotated[str, typer.Argument(metavar="INBOX", help="The seed inbox, as it is called in the settings.")],
    device: Annotated[
        bool, typer.Option("--device", help="Show a code to type in, in a browser anywhere: for a machine without one.")
    ] = False,
    browser: Annotated[bool, typer.Option("--browser", help="Open a browser on this machine.")] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="With --browser: where its answer comes (default: any that is free).")
    ] = 0,
    config: ConfigOption = None,
) -> None:
    """Log in to a seed inbox with OAuth, as its owner, once. The tokens are kept in `token_file` and renew themselves.

    Without --device or --browser: by code where the provider has that (Microsoft), else with a browser (Google). Run it as
    the user that the service runs as, or as root.
    """
    settings, _ = read_settings(config)
    inbox = _inbox(settings, name)
    assert inbox.oauth is not None
    if device and browser:
        raise GoneQuietError("expected --device or --browser, not both")
    server = authorization_server(inbox.name, inbox.oauth, settings.collect.timeout.total_seconds())
    if device or (not browser and server.endpoints.device is not None):
        tokens = log_in_by_device(server, lambda code: _show_code(code, inbox), time.sleep)
    else:
        tokens = log_in_by_browser(server, lambda url: _show_address(url, inbox, port), port=port)
    _keep(settings, inbox, server, tokens)


def _inbox(settings: Settings, name: str) -> InboxSettings:
    known = {inbox.name: inbox for inbox in settings.inboxes}
    by_oauth = [inbox.name for inbox in settings.inboxes if inbox.oauth is not None]
    if name not in known:
        raise GoneQuietError(f"no inbox {name!r} in the settings; with `oauth` there are: {', '.join(by_oauth) or 'none'}")
    if known[name].oauth is None:
        raise GoneQuietError(f"the inbox {name!r} logs in with a password; `oauth` in its settings would change that")
    return known[name]


def _keep(settings: Settings, inbox: InboxSettings, server: AuthorizationServer, tokens: Tokens) -> None:
    """Keep them only if the mail server takes them, or cannot be asked: the wrong account must not replace the right one."""
    assert inbox.oauth is not None
    if tokens.refresh_token is None:
        raise GoneQuietError(f"{inbox.name}: the provider gave no refresh token; see that `scopes` ask for one (offline_access)")
    told = "the mail server takes it"
    try:
        Access(inbox, _These(tokens), server.timeout, most_bytes=64_000_000).log_in().logout()
    except InboxError as error:
        if error.cause in LOGIN_CAUSES:
            raise
        told = f"whether the mail server takes it is not known yet: {error.reason}"
    TokenFile(inbox.name, inbox.oauth.token_file).save(tokens)
    console().print(Text(f"{inbox.name}: logged in; {told}. The tokens are in {inbox.oauth.token_file}."))
    if tokens.login_ends_at is not None:
        ends = f"The provider ends this login on {iso(tokens.login_ends_at)}; then it has to be made again."
        why = ' Google does so while the application is "in testing": publish it, and log in once more.'
        console().print(Text(ends + (why if inbox.oauth.provider == "google" else "")))


def _show_code(code: DeviceCode, inbox: InboxSettings) -> None:
    minutes = count(max(int(code.lives // 60), 1), "minute")
    errors().print(Text(f"In a browser, on any machine, open  {code.verification_uri}"))
    errors().print(Text(f"sign in as {inbox.user} and enter the code  {code.user_code}"))
    errors().print(Text(f"It is good for {minutes}. Waiting …"))


def _show_address(url: str, inbox: InboxSettings, port: int) -> None:
    errors().print(Text(f"In a browser on this machine, open the following address and sign in as {inbox.user}:"))
    errors().print(Text(url))
    if not port:
        errors().print(Text("On a server without one: choose --port 8026, and connect to it with ssh -L 8026:127.0.0.1:8026 …"))
    if sys.platform == "darwin" or os.environ.keys() & GRAPHICAL:
        webbrowser.open(url)
    errors().print(Text("Waiting …"))
