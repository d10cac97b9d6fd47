"""A backtest as rows: every alarm, then one summary for each setting and rate class, and for all classes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import gammaincinv

from monitor.detect.backtest_result import ALERT, Alarm, BacktestResult, SettingResult
from monitor.detect.bank import BUDGETS, LEVELS
from monitor.detect.calendar import HOURS_PER_YEAR, moment_of
from monitor.detect.silences import Silences
from monitor.detect.tails import CLASS_NAMES

ALL_CLASSES = "all"


def poisson_interval(count: int, exposure: float) -> tuple[float, float]:
    """The exact 95 % interval of a rate after `count` events in `exposure` (Garwood 1936); (0, inf) without exposure.

    Its bounds are chi-square quantiles with 2k and 2k + 2 degrees of freedom, halved, which are gamma quantiles.
    """
    if exposure <= 0:
        return 0.0, float("inf")
    low = gammaincinv(count, 0.025) if count else 0.0
    return float(low / exposure), float(gammaincinv(count + 1, 0.975) / exposure)


def rows(result: BacktestResult, *, levels: bool = False) -> Iterator[dict[str, object]]:
    """JSON-ready rows: `type` is `alarm` (of level alert; with `levels` all three) or `summary`."""
    for setting in result.settings:
        for alarm in setting.alarms:
            yield from _alarm_rows(setting.setting.name, alarm, levels)
    for setting in result.settings:
        for index, name in enumerate((*CLASS_NAMES, ALL_CLASSES)):
            yield summary(result.silences, setting, None if name == ALL_CLASSES else index, name)


def _alarm_rows(setting: str, alarm: Alarm, levels: bool) -> Iterator[dict[str, object]]:
    for index, level in enumerate(LEVELS):
        at = alarm.alarm_at[index]
        if not np.isfinite(at) or not (levels or index == ALERT):
            continue
        yield {
            "type": "alarm",
            "setting": setting,
            "stream": alarm.stream,
            "last_send": _iso(alarm.last),
            "alarm_at": _iso(at),
            "level": level.word,
            "return_period_years": None
            if np.isnan(alarm.return_period_years)
            else float(alarm.return_period_years / BUDGETS[index]),
            "resumed_at": None if alarm.resumed_at is None else _iso(alarm.resumed_at),
        }


def summary(silences: Silences, result: SettingResult, rate_class: int | None, name: str) -> dict[str, object]:
    """Totals at level alert. `stops` are real stops that were found; delays (hours) are those of injected stops."""
    mine = np.ones(silences.row.size, np.bool_) if rate_class is None else silences.rate_class == rate_class
    exposure = float(silences.exposure[mine].sum()) / HOURS_PER_YEAR
    stopped = {
        (int(r), float(s)) for r, s in zip(silences.row[silences.real_stop], silences.start[silences.real_stop], strict=True)
    }
    alarms = [a for a in result.alarms if np.isfinite(a.alarm_at[ALERT]) and (rate_class is None or a.rate_class == rate_class)]
    index = {stream: k for k, stream in enumerate(result.streams)}
    real = [a for a in alarms if (index[a.stream], a.last) in stopped]
    contradicted = sum(1 for a in alarms if a.resumed_at is not None) - sum(1 for a in real if a.resumed_at is not None)
    low, high = poisson_interval(contradicted, exposure)
    delays = [
        i.found_at[ALERT] - i.at if np.isfinite(i.found_at[ALERT]) else np.inf
        for i in result.injected
        if rate_class is None or i.rate_class == rate_class
    ]
    clipped = np.maximum(np.array(delays), 0.0)
    return {
        "type": "summary",
        "setting": result.setting.name,
        "class": name,
        "exposure_years": exposure,
        "alarms": len(alarms),
        "contradicted": contradicted,
        "rate": contradicted / exposure if exposure > 0 else None,
        "rate_low": low,
        "rate_high": high if np.isfinite(high) else None,
        "stops": len(real),
        "delay_hours_median": _quantile(clipped, 0.5),
        "delay_hours_p90": _quantile(clipped, 0.9),
    }


def told_after(silences: Silences, result: SettingResult, rate_class: int | None) -> float | None:
    """The median hours of silence after which the real stops that were found were told of; None where there is none."""
    stops = {
        (result.streams[int(r)], float(s))
        for r, s in zip(silences.row[silences.real_stop], silences.start[silences.real_stop], strict=True)
    }
    of_class = [a for a in result.alarms if rate_class is None or a.rate_class == rate_class]
    waits = [a.alarm_at[ALERT] - a.last for a in of_class if np.isfinite(a.alarm_at[ALERT]) and (a.stream, a.last) in stops]
    return float(np.median(waits)) if waits else None


def _quantile(values: np.ndarray, share: float) -> float | None:
    """The value below which `share` of them lie; None where there are none or where that stop was never found."""
    if not values.size:
        return None
    value = float(np.sort(values)[min(int(share * values.size), values.size - 1)])
    return value if np.isfinite(value) else None


def _iso(hours: float) -> str:
    return moment_of(hours).isoformat().replace("+00:00", "Z")
