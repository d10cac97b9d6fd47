"""Words for people: spans, moments, rates and odds in plain English, and text of strangers made harmless to read."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Direction marks and overrides: they can make a subject read as something else (Unicode UAX #9)."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a notice: its heading (empty: none), paragraphs and items."""

    heading: str
    paragraphs: tuple[str, ...]
    items: tuple[str, ...]


def plain(text: str | None, limit: int = 200) -> str:
    """A stranger's text on one line without control characters and direction overrides, cut after `limit` characters."""
    if not text:
        return ""
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text[: 4 * limit] if c not in _BIDI)
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def letter(text: str) -> list[Block]:
    """A notice's plain text in blocks: paragraphs, `- ` items, and a first line in capitals as the block's heading."""
    blocks = []
    for lines in (block.splitlines() for block in re.split(r"\n\s*\n", text.strip())):
        heading = lines[0].capitalize() if len(lines) > 1 and lines[0].isupper() else None
        rest = lines[1:] if heading else lines
        items = tuple(plain(line[2:], 2000) for line in rest if line.startswith("- "))
        paragraphs = tuple(plain(line, 2000) for line in rest if line.strip() and not line.startswith("- "))
        blocks.append(Block(plain(heading), paragraphs, items))
    return blocks


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 UTC with Z, whole seconds; None stays None."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(value: datetime, now: datetime | None = None) -> str:
    """`6 Jan 2021, 18:22 UTC`; without the year where `now` is in the same one."""
    year = "" if now is not None and now.year == value.year else f" {value.year}"
    return f"{value.day} {value:%b}{year}, {value:%H:%M} UTC"


def span(value: timedelta) -> str:
    """`34 hours`, `9 days`: one unit, rounded down, two units from one to three days (`2 days 5 hours`)."""
    minutes = int(max(value, timedelta()).total_seconds() // 60)
    hours, days = minutes // 60, minutes // 1440
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return count(minutes, "minute")
    if hours < 48:
        return count(hours, "hour")
    if days < 4 and hours % 24:
        return f"{count(days, 'day')} {count(hours % 24, 'hour')}"
    if days < 60:
        return count(days, "day")
    return count(days // 30, "month") if days < 730 else count(days // 365, "year")


def rate(per_day: float) -> str:
    """`about 9 a day`, `about 3 a week`, `about 2 a month`; `less than one a month` below that."""
    for times, unit in ((per_day, "day"), (per_day * 7, "week"), (per_day * 30.4, "month")):
        if times >= 0.95:
            shown = f"{times:.1f}".rstrip("0").rstrip(".") if times < 2 else f"{times:.0f}"
            return f"about {shown} a {unit}"
    return "less than one a month" if per_day > 0 else "not known yet"


def odds(years: float) -> str:
    """What a return period means: `a silence this long is expected once in about 3 years`."""
    if years <= 0 or math.isnan(years):
        return "how rare a silence like this is, is not known yet"
    if years > 1000:
        return "a silence this long is expected less than once in 1,000 years"
    if years >= 0.95:
        shown = f"{years:.0f} years" if years >= 1.5 else "a year"
        return f"a silence this long is expected once in about {shown}"
    if 1 / years <= 52:
        return f"a silence this long is expected about {max(2, round(1 / years))} times a year"
    return "a silence this long is usual here"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 list`, `63 lists`, `1,204 lists`; `plural` where it is not noun + s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"
