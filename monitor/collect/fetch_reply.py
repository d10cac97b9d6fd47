"""Read one untagged FETCH answer, already cut at its literals, into values (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

_FETCH = re.compile(rb"\* \d+ FETCH \(", re.I)
_UID = re.compile(rb"[ (]UID (\d{1,10})\b", re.I)
_SIZE = re.compile(rb"[ (]RFC822\.SIZE (\d{1,19})\b", re.I)
_INTERNALDATE = re.compile(
    rb'[ (]INTERNALDATE "([ \d]?\d)-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"', re.I
)  # RFC 9051 §9, date-time
_BEFORE_BODY = re.compile(rb"[ (](BODY\[[^\]]*\](?:<\d+>)?|RFC822(?:\.HEADER)?) \Z", re.I)
_QUOTED_BODY = re.compile(rb'[ (]BODY\[[^\]]*\](?:<\d+>)? "((?:[^"\\]|\\.)*)"', re.I)
_ESCAPED = re.compile(rb"\\(.)")
_MONTHS = {name: n for n, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the server gave of one message; None: it was not in the answer, or made no sense."""

    uid: int
    size: int | None = None
    internaldate: datetime | None = None
    """UTC."""
    body: bytes | None = None


def read_fetched(texts: Sequence[bytes], literals: Sequence[bytes]) -> Fetched | None:
    """One answer; `texts` are the pieces around its literals, without `{…}`. None where it is no FETCH or names no UID.

    Items may come in any order, and such that nobody asked for (FLAGS, MODSEQ) may be among them.
    """
    if not _FETCH.match(texts[0]):
        return None
    body = None
    for text, literal in zip(texts, literals, strict=False):
        if _BEFORE_BODY.search(text):
            body = literal
    around = b" ".join(texts)
    if body is None and (quoted := _QUOTED_BODY.search(around)):
        body = _ESCAPED.sub(rb"\1", quoted[1])
        around = around[: quoted.start()] + around[quoted.end() :]
    uid = _UID.search(around)
    if uid is None:
        return None
    size = _SIZE.search(around)
    return Fetched(int(uid[1]), int(size[1]) if size else None, read_internaldate(around), body)


def read_internaldate(text: bytes) -> datetime | None:
    """INTERNALDATE somewhere in an answer's text, UTC; None where it is missing or no date."""
    found = _INTERNALDATE.search(text)
    if found is None:
        return None
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
    try:
        offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
        zone = timezone(-offset if sign == b"-" else offset)
        clock = (int(hour), int(minute), min(int(second), 59))
        return datetime(int(year), _MONTHS[month.lower()], int(day), *clock, tzinfo=zone).astimezone(UTC)
    except (ValueError, LookupError, OverflowError):
        return None
