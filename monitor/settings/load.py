"""Load the settings file, and name all its faults at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from monitor.errors import SettingsError
from monitor.settings.alerting import ChannelKind, ChannelSettings
from monitor.settings.checks import faults_in
from monitor.settings.expectations import expectation, spelled
from monitor.settings.inboxes import CanarySettings, InboxKind, InboxSettings
from monitor.settings.lines import Document, NotYamlError, Place, read_yaml
from monitor.settings.models import Settings
from monitor.settings.secrets import canary_password, channel_password, channel_url, client_secret, inbox_password


def load_settings(path: Path) -> Settings:
    """The settings in `path`. SettingsError lists every fault as `file:line: inboxes[3].poll_every: expected …`.

    Relative paths in it are meant from its folder. Secrets are not read here: an inbox or a channel whose secret is missing
    says so by itself, and the others go on.
    """
    settings, problems, _ = _read(path)
    if settings is None or problems:
        raise SettingsError(problems)
    return settings


def check_settings(
    path: Path,
    environ: Mapping[str, str] | None = None,
    *,
    knows_receiver: Callable[[str], bool] | None = None,
    knows_apprise: Callable[[str], bool] | None = None,
) -> list[str]:
    """All faults of a settings file, and every file or variable it names that cannot be read; [] where it is fine.

    `knows_receiver` says of a name whether a receiver file has it, `knows_apprise` of an address whether Apprise can use it;
    without them these are not looked at.
    """
    settings, problems, document = _read(path)
    if settings is None:
        return problems
    faults = [*_unreadable(settings, environ), *_unwritable(settings)]
    if knows_receiver:
        faults += _unknown_receivers(settings, knows_receiver)
    if knows_apprise:
        faults += _unknown_to_apprise(settings, environ, knows_apprise)
    return [f"{path}:{document.line_of(where)}: {spelled(where)}: {reason}" for where, reason in faults]


def _read(path: Path) -> tuple[Settings | None, list[str], Document]:
    empty = Document({}, {})
    try:
        document = read_yaml(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        return None, [f"{path}: expected text in UTF-8"], empty
    except OSError as error:
        return None, [f"{path}: cannot be read ({error.strerror or type(error).__name__})"], empty
    except NotYamlError as fault:
        return None, [f"{path}:{fault.line}: {fault.reason}"], empty
    if not isinstance(document.data, dict):
        return None, [f"{path}:1: expected keys with values, such as inboxes:"], empty
    data = _without_empty(document.data)
    found = list(faults_in(data))
    settings = None
    try:
        context = {"folder": path.resolve().parent, "file": path.resolve()}
        settings = Settings.model_validate(data, context=context)
    except ValidationError as error:
        found += [(fault["loc"], expectation(fault, Settings)) for fault in error.errors(include_url=False)]
    placed = sorted({(document.line_of(p), spelled(p), reason) for p, reason in found})
    return settings if not found else None, [f"{path}:{line}: {where}: {reason}" for line, where, reason in placed], document


def _without_empty(value: object) -> object:
    """The values without keys that are written down but empty: they mean the default, as if they were not there."""
    if isinstance(value, dict):
        return {key: _without_empty(inner) for key, inner in value.items() if inner is not None}
    return [_without_empty(inner) for inner in value] if isinstance(value, list) else value


def _unknown_receivers(settings: Settings, knows: Callable[[str], bool]) -> Iterable[tuple[Place, str]]:
    """An inbox with such a receiver is polled, but nothing about its mail would rise above `likely`."""
    for i, inbox in enumerate(settings.inboxes):
        if inbox.receiver is not None and not knows(inbox.receiver):
            yield ("inboxes", i, "receiver"), f'expected a name of config/receivers/ or "none", got "{inbox.receiver}"'


def _unknown_to_apprise(
    settings: Settings, environ: Mapping[str, str] | None, knows: Callable[[str], bool]
) -> Iterable[tuple[Place, str]]:
    """Such a channel would give up every notice. The address may hold a secret and is not repeated."""
    for i, channel in enumerate(settings.alerts.channels):
        if channel.kind is not ChannelKind.APPRISE:
            continue
        with suppress(SettingsError):  # it cannot be read, which is said already
            if not knows(channel_url(channel, environ)):
                used = next(key for key in ("url", "url_file", "url_env") if getattr(channel, key) is not None)
                yield ("alerts", "channels", i, used), "expected an address that Apprise knows, such as ntfys://ntfy.sh/topic"


def _unwritable(settings: Settings) -> Iterable[tuple[Place, str]]:
    """Nothing is made or written: the nearest folder that is there already says whether it could be."""
    wanted = settings.data_dir
    there = next(folder for folder in (wanted, *wanted.absolute().parents) if os.access(folder, os.F_OK))
    if not there.is_dir():
        yield ("data_dir",), f"{wanted}: cannot be a folder, as {there} is a file"
    elif not os.access(there, os.W_OK | os.X_OK):
        yield ("data_dir",), f"{wanted}: whoever runs this may not write in {there}"


def _unreadable(settings: Settings, environ: Mapping[str, str] | None) -> Iterable[tuple[Place, str]]:
    for i, inbox in enumerate(settings.inboxes):
        if inbox.enabled:
            yield from _secret_of(inbox, ("inboxes", i), environ)
            yield from _oauth_of(inbox, ("inboxes", i, "oauth"), environ)
            if inbox.path is not None and not inbox.path.exists():
                yield ("inboxes", i, "path"), f"{inbox.path}: no such file or folder"
    for i, channel in enumerate(settings.alerts.channels):
        yield from _secret_of(channel, ("alerts", "channels", i), environ)
    if settings.canary is not None:
        yield from _secret_of(settings.canary, ("canary",), environ)


def _secret_of(
    owner: InboxSettings | ChannelSettings | CanarySettings, where: Place, environ: Mapping[str, str] | None
) -> Iterable[tuple[Place, str]]:
    try:
        if isinstance(owner, InboxSettings):
            if owner.kind is InboxKind.IMAP and owner.oauth is None:
                inbox_password(owner, environ)
        elif isinstance(owner, CanarySettings):
            canary_password(owner, environ)
        else:
            channel_password(owner, environ)
            if owner.url_file is not None or owner.url_env is not None:
                channel_url(owner, environ)
    except SettingsError as error:
        used = [k for k in ("password_file", "password_env", "url_file", "url_env") if getattr(owner, k, None) is not None]
        yield (*where, *used[:1]), error.problems[0]
    if owner.ca_file is not None and not owner.ca_file.is_file():
        yield (*where, "ca_file"), f"{owner.ca_file}: no such file"


def _oauth_of(inbox: InboxSettings, where: Place, environ: Mapping[str, str] | None) -> Iterable[tuple[Place, str]]:
    oauth = inbox.oauth
    if oauth is None:
        return
    try:
        client_secret(inbox.name, oauth, environ)
    except SettingsError as error:
        used = "client_secret_file" if oauth.client_secret_file is not None else "client_secret_env"
        yield (*where, used), error.problems[0]
    if not oauth.token_file.is_file():
        yield (*where, "token_file"), f"{oauth.token_file}: no such file; log in once with: gonequiet login {inbox.name}"
    if oauth.ca_file is not None and not oauth.ca_file.is_file():
        yield (*where, "ca_file"), f"{oauth.ca_file}: no such file"
