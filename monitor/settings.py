"""Settings: one YAML file becomes frozen values; every fault is named with file, line, path and what was expected."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from monitor.model import Level


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _span(value: object) -> object:
    """`30s`, `5m`, `12h`, `7d` become a timedelta."""
    if not isinstance(value, str):
        return value
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = value[:-1], value[-1:]
    if unit in units and number.replace(".", "", 1).isdigit():
        return timedelta(seconds=float(number) * units[unit])
    raise ValueError(f'expected a span such as "5m", got "{value}"')


Span = Annotated[timedelta, BeforeValidator(_span)]


class Security(StrEnum):
    TLS = "tls"
    STARTTLS = "starttls"
    PLAIN = "plain"
    """Only for a server on loopback."""


class InboxSettings(Strict):
    name: str
    host: str
    user: str
    port: int | None = None
    security: Security = Security.TLS
    ca_file: Path | None = None
    password_file: Path | None = None
    password_env: str | None = None
    receiver: str | None = None
    """Who runs the mailbox, a name from `config/receivers/`; known hosts are recognised by themselves."""
    group: Literal["quiet", "engaged"] = "quiet"
    folders: tuple[str, ...] | None = None
    """None: all folders that can hold list mail."""
    poll_every: Span | None = None
    enabled: bool = True


class CollectSettings(Strict):
    poll_every: Span = timedelta(minutes=5)
    timeout: Span = timedelta(seconds=30)
    concurrency: int = Field(default=16, ge=1, le=256)
    per_host: int = Field(default=4, ge=1)
    max_message_bytes: int = Field(default=25_000_000, ge=10_000)


class Pause(Strict):
    start: datetime
    end: datetime
    why: str = ""


class GapSettings(Strict):
    """gap-detection knobs; a stream or an organisation may override any of them."""

    false_alarms_per_sender_year: float = Field(default=1.0, gt=0, le=366)
    false_alarms_total_year: float | None = Field(default=None, gt=0)
    min_sessions: int = Field(default=5, ge=3)
    thin: Span = timedelta(minutes=15)
    timezone: str = "America/New_York"
    fleet_clock: Literal["auto", "off"] = "auto"
    floor: Span = timedelta(hours=1)
    ceiling: Span | None = None
    fixed: Span | None = None
    """A fixed silence instead of the learned one, for those who must."""
    expected_pause: tuple[Pause, ...] = ()


class StreamSettings(Strict):
    """Define, merge or rename a stream: all mail that matches one of the lists belongs to it."""

    name: str
    domains: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    list_ids: tuple[str, ...] = ()
    organisation: str | None = None
    ignore: bool = False
    gap: dict[str, object] | None = None
    """Overrides of `gap`."""


class OrganisationSettings(Strict):
    name: str
    domains: tuple[str, ...] = ()
    gap: dict[str, object] | None = None


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
    url_file: Path | None = None
    host: str | None = None
    port: int | None = None
    security: Security = Security.STARTTLS
    ca_file: Path | None = None
    user: str | None = None
    password_file: Path | None = None
    password_env: str | None = None
    sender: str | None = None
    to: tuple[str, ...] = ()
    timeout: Span = timedelta(seconds=20)


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


class WebSettings(Strict):
    host: str = "127.0.0.1"
    port: int = Field(default=8025, ge=0, le=65535)
    public_url: str | None = None


class Settings(Strict):
    data_dir: Path = Path("data")
    database: str | None = None
    """None: SQLite below `data_dir`; else a SQLAlchemy URL such as postgresql://…"""
    collect: CollectSettings = CollectSettings()
    inboxes: tuple[InboxSettings, ...] = ()
    streams: tuple[StreamSettings, ...] = ()
    organisations: tuple[OrganisationSettings, ...] = ()
    gap: GapSettings = GapSettings()
    alerts: AlertSettings = AlertSettings()
    web: WebSettings = WebSettings()
    detect_every: Span = timedelta(minutes=1)
    tick: Span = timedelta(seconds=1)
    """How often the scheduler looks for what is due, in real seconds."""
