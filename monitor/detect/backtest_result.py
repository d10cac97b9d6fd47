"""What a backtest is asked and what it answers: settings, alarms, stops that were made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.detect.events import Events
from monitor.detect.silences import Silences
from monitor.detect.stops import InjectedStop
from monitor.settings import GapSettings

ALERT = 1
"""The level of which false alarms and delays are told; its place in an alarm's moments."""


@dataclass(frozen=True)
class Setting:
    """A named set of gap settings; `by_stream` overrides single streams."""

    name: str
    gap: GapSettings
    by_stream: Mapping[str, GapSettings] = field(default_factory=dict)

    @classmethod
    def yearly(cls, false_alarms: float) -> Setting:
        """The learned rule with a budget of so many false alarms per stream and year."""
        return cls(f"{false_alarms:g}/year", GapSettings(false_alarms_per_sender_year=false_alarms))

    @classmethod
    def fixed(cls, hours: float) -> Setting:
        """The rule most use today: an alarm after so many hours, whatever the stream."""
        return cls(f"fixed {hours:g} h", GapSettings(fixed=timedelta(hours=hours)))

    def of(self, stream: str) -> GapSettings:
        return self.by_stream.get(stream, self.gap)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm of one silence. Hours since the epoch; `resumed_at` is None where no send ended it in the data."""

    stream: str
    last: float
    alarm_at: tuple[float, float, float]
    """By level watch, alert, confirmed; NaN where it was not reached."""
    resumed_at: float | None
    rate_class: int
    return_period_years: float
    """At which an alert is due: one over the budget (NaN for a fixed silence, which knows of none)."""


@dataclass(frozen=True)
class SettingResult:
    """What one setting did."""

    setting: Setting
    streams: tuple[str, ...]
    alarms: tuple[Alarm, ...]
    injected: tuple[InjectedStop, ...]


@dataclass(frozen=True)
class BacktestResult:
    events: Events
    silences: Silences
    settings: tuple[SettingResult, ...]
