"""The settings as frozen values, with their defaults; what spans several keys is checked in `checks.py`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from monitor.model import Level
from monitor.settings.oauth import OAuthSettings
from monitor.settings.paths import LocatedPath, Strict

_SPAN = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_span(text: str) -> timedelta:
    """`30s`, `5m`, `1.5h`, `7d` as a span; ValueError says what was expected."""
    fits = _SPAN.fullmatch(text.strip())
    if fits is None:
        raise ValueError(f'expected a span such as "5m", got "{text}"')
    return timedelta(**{_UNITS[fits[2]]: float(fits[1])})


def _span(value: object) -> object:
    """A bare number does not say its unit."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_span(value)
    raise ValueError(f'expected a span such as "5m", got {"a list or keys" if isinstance(value, list | dict) else value}')


def _some_time(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError('expected a span of at least "1s"')
    return value


Span = Annotated[timedelta, BeforeValidator(_span)]
SomeTime = Annotated[Span, AfterValidator(_some_time)]
"""A span of at least a second."""


class Security(StrEnum):
    TLS = "tls"
    STARTTLS = "starttls"
    PLAIN = "plain"
    """Only for a server on loopback."""


def listen_place(text: str) -> tuple[str, int] | Path:
    """Host and port on loopback, or the path of a unix socket; ValueError where it is neither."""
    if text.startswith("/"):
        return Path(text)
    host, _, port = text.rpartition(":")
    address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    if not address.is_loopback or not 0 < int(port) < 65536:
        raise ValueError(text)
    return str(address), int(port)


class InboxKind(StrEnum):
    IMAP = "imap"
    MAILDIR = "maildir"
    MBOX = "mbox"
    LISTENER = "listener"


class WatchedBy(StrEnum):
    """How new mail in an inbox is noticed."""

    POLL = "poll"
    IDLE = "idle"
    """The server tells of it at once (IMAP IDLE); a slow poll is the net, and the usual one where IDLE does not work."""
    BOTH = "both"


class InboxSettings(Strict):
    name: str
    kind: InboxKind = InboxKind.IMAP
    path: LocatedPath | None = None
    """maildir: its folder; mbox: a file, or a folder of such files."""
    listen: str | None = None
    """listener: `127.0.0.1:8024`, or the path of a unix socket."""
    protocol: Literal["lmtp", "smtp"] = "lmtp"
    host: str = ""
    user: str = ""
    """Both are there for imap, and for nothing else."""
    port: int | None = None
    security: Security = Security.TLS
    ca_file: LocatedPath | None = None
    password_file: LocatedPath | None = None
    password_env: str | None = None
    oauth: OAuthSettings | None = None
    """Instead of a password."""
    addresses: tuple[str, ...] = ()
    """Its own addresses beside `user`; `@example.org` is all of a domain."""
    receiver: str | None = None
    """Who runs the mailbox, a name from `config/receivers/`; known hosts are recognised by themselves."""
    group: Literal["quiet", "engaged"] = "quiet"
    folders: tuple[str, ...] | None = None
    """None: all folders that can hold list mail."""
    poll_every: SomeTime | None = None
    address: str | None = None
    """Where mail for it is sent, for canary mail; None: `user` is the address."""
    watch: WatchedBy | None = None
    """How new mail is noticed; None: `poll`, or `both` where `idle` says so."""
    password_expires: date | None = None
    """The day on which its password, or the token instead of it, ends."""
    last_signed_in: date | None = None
    """When a person signed in last, by web or app: some providers close mailboxes where nobody does."""
    closes_after: SomeTime | None = None
    """How long its provider leaves a mailbox open that nobody signs in to; None: what is known of it."""
    idle: bool = False
    """The older word for `watch: both`."""
    enabled: bool = True

    @property
    def watched_by(self) -> WatchedBy:
        return self.watch or (WatchedBy.BOTH if self.idle else WatchedBy.POLL)

    @property
    def mail_address(self) -> str | None:
        """The address that canary mail goes to; None where neither `address` nor `user` is one, nor any of `addresses`."""
        return self.address or next((a for a in (self.user, *self.addresses) if "@" in a[1:]), None)

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """All that is known of its addresses; those that begin with `@` are whole domains."""
        return tuple(a for a in (self.user, self.address or "", *self.addresses) if "@" in a)


class CollectSettings(Strict):
    poll_every: SomeTime = timedelta(minutes=5)
    timeout: SomeTime = timedelta(seconds=30)
    concurrency: int = Field(default=16, ge=1, le=256)
    per_host: int = Field(default=4, ge=1)
    max_message_bytes: int = Field(default=25_000_000, ge=10_000, le=2_000_000_000)
    verify_dkim: Literal["auto", "off"] = "off"
    """`auto`: verify DKIM signatures of new mail ourselves, where DNS answers, and keep the keys."""


class Pause(Strict):
    """A silence that was announced: nothing is alarmed in [start, end), UTC. Times without a zone are the list's own."""

    start: datetime
    end: datetime
    why: str = ""

    @model_validator(mode="after")
    def _is_ordered(self) -> Pause:
        if (self.start.tzinfo is None) == (self.end.tzinfo is None) and self.start >= self.end:
            raise ValueError("expected a pause whose end is after its start")
        return self


class GapSettings(Strict):
    """gap-detection knobs; a stream or an organisation may override any of them."""

    false_alarms_per_sender_year: float = Field(default=1.0, gt=0, le=366)
    false_alarms_total_year: float | None = Field(default=None, gt=0)
    levels: Literal["on", "off"] = "on"
    """`off`: neither watch nor confirmed, only alert."""
    min_sessions: int = Field(default=5, ge=3)
    thin: Span = timedelta(minutes=15)
    timezone: str = "America/New_York"
    fleet_clock: Literal["auto", "off"] = "auto"
    floor: Span = timedelta(hours=1)
    ceiling: Span | None = None
    fixed: Span | None = None
    """A fixed silence instead of the learned one, for those who must."""
    expected_pause: tuple[Pause, ...] = ()

    @field_validator("timezone")
    @classmethod
    def _exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f'expected a time zone such as "America/New_York", got "{name}"') from error
        return name

    @field_validator("expected_pause")
    @classmethod
    def _in_zone(cls, pauses: tuple[Pause, ...], info: ValidationInfo) -> tuple[Pause, ...]:
        zone = ZoneInfo(info.data.get("timezone", "UTC"))
        aware = tuple(p.model_copy(update={"start": _aware(p.start, zone), "end": _aware(p.end, zone)}) for p in pauses)
        for index, pause in enumerate(aware):
            if pause.start >= pause.end:
                raise ValueError(f"expected pauses whose end is after their start; [{index}] is not one")
        return aware

    def with_overrides(self, *overrides: Mapping[str, Any] | None) -> GapSettings:
        """These settings with the keys of each override in turn; `ValidationError` where one does not fit."""
        given = [o for o in overrides if o]
        if not given:
            return self
        values: dict[str, Any] = self.model_dump()
        for override in given:
            if "false_alarms_per_sender_year" in override:  # a budget of its own: no share of the common one
                values["false_alarms_total_year"] = None
            values.update(override)
        return GapSettings.model_validate(values)


def _aware(moment: datetime, zone: ZoneInfo) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


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


class CanarySettings(Strict):
    """A mail account of ours that writes to every seed inbox, to see that mail arrives there."""

    host: str
    port: int | None = None
    security: Security = Security.STARTTLS
    ca_file: LocatedPath | None = None
    user: str | None = None
    password_file: LocatedPath | None = None
    password_env: str | None = None
    sender: str
    every: SomeTime = timedelta(hours=1)
    timeout: SomeTime = timedelta(seconds=20)

    @property
    def overdue_after(self) -> timedelta:
        """So long after it was sent a canary that has not arrived is overdue."""
        return 3 * self.every


class WebSettings(Strict):
    host: str = "127.0.0.1"
    port: int = Field(default=8025, ge=0, le=65535)
    public_url: str | None = None


class Settings(Strict):
    data_dir: LocatedPath = Field(default=Path("data"), validate_default=True)
    """Relative to the settings file's folder."""
    database: str | None = None
    """None: SQLite below `data_dir`; else a SQLAlchemy URL such as postgresql://…"""
    collect: CollectSettings = CollectSettings()
    inboxes: tuple[InboxSettings, ...] = ()
    streams: tuple[StreamSettings, ...] = ()
    organisations: tuple[OrganisationSettings, ...] = ()
    gap: GapSettings = GapSettings()
    alerts: AlertSettings = AlertSettings()
    canary: CanarySettings | None = None
    """None: no canary mail is sent."""
    web: WebSettings = WebSettings()
    detect_every: SomeTime = timedelta(minutes=1)
    tick: Span = timedelta(seconds=1)
    """How often the scheduler looks for what is due, in real seconds."""

    _file: Path | None = PrivateAttr(default=None)

    def model_post_init(self, context: Any) -> None:
        self._file = (context or {}).get("file")

    @property
    def file(self) -> Path | None:
        """The file that they came from; None for the defaults."""
        return self._file

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the database that is used."""
        return self.database or f"sqlite:///{self.data_dir / 'gonequiet.db'}"

    @property
    def originals_dir(self) -> Path:
        """Where the messages are kept byte for byte."""
        return self.data_dir / "originals"

    @property
    def canary_key_file(self) -> Path:
        """The key that signs canary mail, made at its first use."""
        return self.data_dir / "canary.key"

    @property
    def providers_dir(self) -> Path | None:
        """A user's own provider signatures, in `providers/` beside the settings file; it need not exist."""
        return self._beside("providers")

    @property
    def receivers_dir(self) -> Path | None:
        """A user's own receivers, in `receivers/` beside the settings file; it need not exist."""
        return self._beside("receivers")

    @property
    def texts_dir(self) -> Path | None:
        """A user's own alert texts, in `texts/` beside the settings file; it need not exist."""
        return self._beside("texts")

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose time stands beside UTC in texts."""
        return ZoneInfo(self.gap.timezone)

    def gap_for(self, stream: str, organisation: str) -> GapSettings:
        """The gap settings of one stream: the defaults, its organisation's overrides, its own."""
        of_organisation, of_stream = self._gap_overrides
        return self.gap.with_overrides(of_organisation.get(organisation), of_stream.get(stream))

    @cached_property
    def _gap_overrides(self) -> tuple[dict[str, dict[str, object]], dict[str, dict[str, object]]]:
        return {o.name: o.gap for o in self.organisations if o.gap}, {s.name: s.gap for s in self.streams if s.gap}

    def _beside(self, folder: str) -> Path | None:
        return self._file.parent / folder if self._file else None
