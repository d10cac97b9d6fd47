"""When a silence is told, and what a stream and an organisation are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationInfo, field_validator, model_validator

from monitor.settings.paths import Strict
from monitor.settings.spans import Span


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
    false_alarms_total_year: float | None = Field(default=None, gt=0, allow_inf_nan=False)
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
