"""Dates as mail writes them (RFC 5322 §3.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

_DATE = re.compile(
    r"\s*(?:[A-Za-z]{3},)?\s*(\d{1,2}) ([A-Za-z]{3}) (\d{4}) (\d\d:\d\d:\d\d) ([+-]\d{4})(?:\s*\([^()]*\))?\s*", re.ASCII
)
_MONTHS = {
    "jan": "01",
    "feb": "02",
    "mar": "03",
    "apr": "04",
    "may": "05",
    "jun": "06",
    "jul": "07",
    "aug": "08",
    "sep": "09",
    "oct": "10",
    "nov": "11",
    "dec": "12",
}


def parse_date(value: str) -> datetime | None:
    """An RFC 5322 date as UTC, or None. The standard library raises on many forms of rubbish."""
    try:
        if usual := _DATE.fullmatch(value):
            day, month, year, time, zone = usual.groups()
            return datetime.fromisoformat(f"{year}-{_MONTHS[month.lower()]}-{day:0>2}T{time}+00:00") - _east_of_utc(zone)
        moment = parsedate_to_datetime(value[:200])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, KeyError, OverflowError, IndexError, AttributeError):
        return None


@lru_cache(maxsize=256)
def _east_of_utc(zone: str) -> timedelta:
    """How far `+0530` is ahead of UTC. Senders write impossible ones too, such as `+9000`."""
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
    return -offset if zone[0] == "-" else offset
