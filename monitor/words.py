"""Words for people: spans, moments and odds in plain English, and text of strangers made harmless to read."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_JOINERS = frozenset("\u200c\u200d")
"""Format characters (Cf) that stay: some scripts and emoji need them. The others are not seen, or, as direction overrides,
make a subject read as something else (Unicode UAX #9, UTS #39)."""

_UNSEEN = frozenset("\u115f\u1160\u3164\uffa0") | frozenset(map(chr, range(0xE0000, 0xE0080)))
"""The Hangul fillers and the tag characters: blank, and not all of them are in category Cf."""

_AT = r"(?:[@\uff20\ufe6b]|%(?:25)*40)"
"""The sign as it is, as other scripts write it (U+FF20, U+FE6B), and as it stands in links (RFC 3986 §2.1)."""

_HOLDS_A_SIGN = r"(?=[^\s<>,;:\"()@\uff20\ufe6b%]*+[@\uff20\ufe6b%])"
"""So that words without one are passed over at once."""

_LOCAL_PART = re.compile(rf"(?:\"[^\"]{{1,64}}\"|(?<![^\s<>,;:\"()]){_HOLDS_A_SIGN}[^\s<>,;:\"()]+){_AT}(?=[\w\[])")
"""All up to the last sign of a word, as a VERP address has the recipient's before its own (RFC 5321 §4.1.2 has the quotes)."""

_ADDRESS_ALONE = re.compile(r"[\w.+=-]++@(\w[\w.-]*+)", re.ASCII)
"""What most texts with a sign in them are: one address and nothing else, told four times as fast."""

_SCHEME = r"(\b(?i:[a-z][a-z0-9+.-]{1,20}+)://)(?:[^\s/?#<>\"@]*+@)?"
_BARE_HOST = r"(?<![\w.-])(?:[\w-]++\.)++[^\W\d_][\w-]++(?::\d++)?+(?=[/?#][^\s<>\"])"
_LINK = re.compile(rf"(?:{_SCHEME}([^\s/?#<>\"]+)|({_BARE_HOST}))([^\s<>\"]*)")
"""A link with its scheme, or a host name that a path or a query follows: mail programs make both clickable."""


def plain(text: str | None, limit: int = 200) -> str:
    """A stranger's text on one line without control, format and unseen characters, cut after `limit` characters."""
    if not text:
        return ""
    kept = "".join(map(_plain_character, text[: 4 * limit]))
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _plain_character(character: str) -> str:
    """The character, a space for what would break the line, nothing for what is not seen."""
    category = unicodedata.category(character)
    if character in _UNSEEN or (category == "Cf" and character not in _JOINERS):
        return ""
    return " " if category in ("Cc", "Zl", "Zp", "Cs") else character


def without_addresses(text: str) -> str:
    """`…@example.com` for every mail address: a subject or a bounce address may carry the seed address."""
    if alone := _ADDRESS_ALONE.fullmatch(text):
        return f"…@{alone[1]}"
    return _LOCAL_PART.sub("…@", text)


def without_links(text: str) -> str:
    """`click.example.com/…` for every web link: where people read it, a click must not unsubscribe a seed or tell it was read."""
    return _LINK.sub(lambda link: (link[2] or link[3]) + ("/…" if link[4] else ""), text)


def shortened_links(text: str) -> str:
    """`https://click.example.com/…` for every web link: what shows who wrote it, and no token of who received it."""
    return _LINK.sub(lambda link: (link[1] or "") + (link[2] or link[3]) + ("/…" if link[4] else ""), text)


def publishable(text: str | None, limit: int = 200) -> str:
    """A stranger's text as it may leave us: plain, without links and addresses, and only then cut after `limit` characters."""
    return plain(without_addresses(without_links(plain(text, 4 * limit))), limit)


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 UTC with Z, whole seconds; None stays None."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(value: datetime, now: datetime | None = None) -> str:
    """`6 Jan 2021, 18:22 UTC`; without the year where `now` is in the same one."""
    year = "" if now is not None and now.year == value.year else f" {value.year}"
    return f"{value.day} {value:%b}{year}, {value:%H:%M} UTC"


def moment_in(value: datetime, zone: ZoneInfo) -> str:
    """`6 Jan 2021, 18:22 UTC (13:22 EST)`; with the day where it differs; UTC only where the zone says the same."""
    local = value.astimezone(zone)
    if local.utcoffset() == timedelta():
        return moment(value)
    day = "" if local.date() == value.date() else f"{local.day} {local:%b}, "
    name = local.tzname() or zone.key
    return f"{moment(value)} ({day}{local:%H:%M} {name if name[:1].isalpha() else 'UTC' + name})"


def span(value: timedelta) -> str:
    """`34 hours`, `9 days`: one unit, rounded down, two units from two to four days (`2 days 5 hours`)."""
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


def odds(years: float) -> str | None:
    """A return period as `once in about 3 years`; None where it says nothing (not known, or a usual silence)."""
    if math.isnan(years) or years <= 1 / 52:
        return None
    if years > 1000:
        return "less than once in 1,000 years"
    if years >= 1.5:
        return f"once in about {years:.0f} years"
    if years >= 0.95:
        return "once in about a year"
    return f"about {max(2, round(1 / years))} times a year"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 list`, `63 lists`, `2 inboxes`; `plural` where it is not noun + s, or + es after a hissing sound."""
    if number == 1:
        return f"1 {noun}"
    hisses = noun.endswith(("s", "x", "z", "ch", "sh"))
    return f"{number:,} {plural or noun + ('es' if hisses else 's')}"


def fleet(factor: float) -> str | None:
    """How active all lists together are, where that is clearly more or less than usual; None where it is not."""
    if 0.7 < factor < 1.4:
        return None
    word = "calmer" if factor < 1 else "busier"
    return f"All lists together are {word} than usual now ({factor:.0%} of their usual mail)"
