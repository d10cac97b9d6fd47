"""Odds and spans in words that a reporter can use."""

from __future__ import annotations

from datetime import timedelta


def odds(return_period_years: float) -> str:
    """How often a silence this long happens, such as "about once in 3 years"."""
    if return_period_years >= 100:
        return "less than once in 100 years"
    if return_period_years >= 1.5:
        return f"about once in {return_period_years:.0f} years"
    if return_period_years >= 0.75:
        return "about once a year"
    times = 1.0 / max(return_period_years, 1e-9)
    if times < 10:
        return f"about {times:.0f} times a year"
    if times < 40:
        return f"about {times / 12:.0f} times a month" if times >= 18 else "about once a month"
    return "every week or more often" if times < 300 else "all the time"


def silence_odds(return_period_years: float) -> str:
    """The sentence of a gap: `A silence this long happens about once in 3 years on this list.`"""
    return f"A silence this long happens {odds(return_period_years)} on this list."


def span(length: timedelta) -> str:
    """A span with one unit, or two below three days: `45 minutes`, `7 hours`, `1 day 5 hours`, `12 days`."""
    minutes = round(length.total_seconds() / 60)
    if minutes < 120:
        return _count(minutes, "minute")
    hours = round(minutes / 60)
    if hours < 24:
        return _count(hours, "hour")
    days, rest = divmod(hours, 24)
    if days < 3 and rest:
        return f"{_count(days, 'day')} {_count(rest, 'hour')}"
    return _count(round(hours / 24), "day")


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
