"""Where alerts go: channels, and the routes that lead there."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Literal

from pydantic import Field

from monitor.model import Level
from monitor.settings.paths import LocatedPath, Strict
from monitor.settings.security import Security
from monitor.settings.spans import SomeTime


class ChannelKind(StrEnum):
    SMTP = "smtp"
    WEBHOOK = "webhook"
    APPRISE = "apprise"
    LOG = "log"


class ChannelSettings(Strict):
    name: str
    kind: ChannelKind
    url: str | None = None
    """webhook: https://…; apprise: any Apprise URL (or `url_env`, `url_file`, as it may hold a secret)."""
    url_env: str | None = None
    url_file: LocatedPath | None = None
    host: str | None = None
    port: int | None = None
    security: Security = Security.STARTTLS
    ca_file: LocatedPath | None = None
    user: str | None = None
    password_file: LocatedPath | None = None
    password_env: str | None = None
    sender: str | None = None
    to: tuple[str, ...] = ()
    timeout: SomeTime = timedelta(seconds=20)


class RouteSettings(Strict):
    channels: tuple[str, ...]
    level: Literal["watch", "alert", "confirmed"] = "alert"
    kinds: tuple[str, ...] | None = None
    organisations: tuple[str, ...] | None = None
    again_when_raised: bool = False
    """Tell channels that know of an alert again when its level rises."""

    @property
    def least(self) -> Level:
        return Level[self.level.upper()]


class AlertSettings(Strict):
    open_at: Literal["watch", "alert", "confirmed"] = "alert"
    """The level at which a finding becomes an alert."""
    channels: tuple[ChannelSettings, ...] = (ChannelSettings(name="log", kind=ChannelKind.LOG),)
    routes: tuple[RouteSettings, ...] = (RouteSettings(channels=("log",)),)
    max_tries: int = Field(default=12, ge=1)

    @property
    def opening(self) -> Level:
        return Level[self.open_at.upper()]
