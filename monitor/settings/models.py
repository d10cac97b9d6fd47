"""The settings as frozen values, with their defaults; what spans several keys is checked in `checks.py`."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, PrivateAttr

from monitor.settings.alerting import AlertSettings
from monitor.settings.gaps import GapSettings, OrganisationSettings, StreamSettings
from monitor.settings.inboxes import CanarySettings, CollectSettings, InboxSettings
from monitor.settings.paths import LocatedPath, Strict
from monitor.settings.spans import SomeTime, Span


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
        """The gap settings of one stream: the defaults, its organisation's overrides, its own.

        `organisation` is what its stored mail says; where the settings give its domain to another one by now, that counts.
        """
        of_organisation, of_stream = self._gap_overrides
        known = (self._organisation_of(stream) or organisation) if of_organisation else organisation
        return self.gap.with_overrides(of_organisation.get(known), of_stream.get(stream))

    def _organisation_of(self, stream: str) -> str | None:
        """The organisation that the settings give this stream, or the domain that it is named by; None: neither."""
        if named := [s.organisation for s in self.streams if s.name == stream and s.organisation]:
            return named[0]
        below = f".{stream.rpartition('@')[2]}"
        fitting = [(len(d), o.name) for o in self.organisations for d in o.domains if below.endswith(f".{d.lower()}")]
        return max(fitting)[1] if fitting else None

    @cached_property
    def _gap_overrides(self) -> tuple[dict[str, dict[str, object]], dict[str, dict[str, object]]]:
        return {o.name: o.gap for o in self.organisations if o.gap}, {s.name: s.gap for s in self.streams if s.gap}

    def _beside(self, folder: str) -> Path | None:
        return self._file.parent / folder if self._file else None
