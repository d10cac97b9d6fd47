"""Moments that are given on the command line: a span from now, or a day or moment of ISO 8601 (UTC unless it says)."""

from __future__ import annotations

from datetime import UTC, datetime

from monitor.errors import GoneQuietError
from monitor.settings import parse_span


def coming_moment(text: str, now: datetime) -> datetime:
    """`12h` from now, or a moment; GoneQuietError where it is not in the future."""
    moment = _moment(text, now, "--until", sign=1)
    if moment <= now:
        raise GoneQuietError(f"--until: {text} is not in the future")
    return moment


def past_moment(option: str, text: str, now: datetime) -> datetime:
    """`7d` ago, or a moment; GoneQuietError names the option."""
    return _moment(text, now, option, sign=-1)


def _moment(text: str, now: datetime, option: str, *, sign: int) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except ValueError:
        pass
    try:
        return now + sign * parse_span(text)
    except (ValueError, OverflowError) as error:
        expected = f'expected a span such as "12h" or a moment such as 2026-12-01T09:00, got "{text}"'
        raise GoneQuietError(f"{option}: {expected}") from error
