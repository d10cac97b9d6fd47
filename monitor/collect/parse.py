"""Turn the bytes of one message into a `Message`: never raises, keeps what is odd and says so in `problems`.

The header is split at line ends that no blank follows. The standard library's parsers were measured against that on real
mail: `policy.default` raises on some, compat32 drops all fields below a line without a colon, both are slower.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple

from monitor.collect.body import fingerprint, link_hosts, text_parts
from monitor.collect.words import decode_words, words_fault
from monitor.model import Message, ParseProblem

HEADER_LIMIT = 2_000_000
"""Octets of the header section that are read; the largest that a big provider takes is below 1 MB."""
FIELD_LIMIT = 65_536
"""Characters of one field that are kept."""
FIELDS_LIMIT = 10_000
USUAL_AUTHOR = 200
"""Characters of a From up to which what it says is remembered."""
AUTHOR_LIMIT = 4_000
"""Characters of From that are read: each may begin an address of 512, so that one of 60,000 took 0.15 seconds."""

_NAME = re.compile(r"[!-9;-~]{1,200}")
_KNOWN_NAMES: dict[str, str] = {}
_KNOWN_NAMES_LIMIT = 5_000
"""Field names as written → lower-case, so that each is checked once; a sender's inventions do not fill it without end."""
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_ANGLE = re.compile(r"<[ \t]*([^<>\s]{1,512})[ \t]*>")
_ADDRESS = re.compile(r"[^\s<>(),;:\"\\]{1,256}@[^\s<>(),;:\"\\@]{1,256}")
_HOSTNAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?")
_FIELD_END = re.compile(r"\n(?![ \t])")
_URI = re.compile(r"<([^<>]{1,8000})>")
_HEAD_END = re.compile(rb"\n\r?\n")
_USUAL_AUTHOR = re.compile(
    r"(?:\"([^\"\\<>@]{0,200})\"|([^\"\\<>@(),:;]{0,200}?))[ \t]*<([\w.+=-]{1,250}@[a-zA-Z0-9][a-zA-Z0-9.-]{0,200}[a-zA-Z0-9])>",
    re.ASCII,
)
"""`"Name" <local@domain>`, as nearly all mail has it."""
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
_DELIVERED_TO = frozenset(("delivered-to", "x-original-to", "envelope-to"))
_TOLERATED = timedelta(hours=24)
_NONE = (None,)
"""The values of a name that does not occur."""


class Author(NamedTuple):
    name: str | None
    address: str | None
    domain: str | None


def parse_message(raw: bytes, received_at: datetime | None = None) -> Message:
    """Read one message (RFC 5322, RFC 2045). An mbox `From ` line or blank lines at the top are skipped.

    `received_at` (aware, INTERNALDATE) is what a `Date:` in the future is measured against; without it the stamp of the
    topmost Received that has one serves. A naive or `-0000` date counts as UTC.
    """
    problems: list[ParseProblem] = []
    head, body = _split(raw, problems)
    headers = _fields(head, problems)
    fields = _by_name(headers)
    first = fields.get

    author = _author(first("from", _NONE)[0], problems)
    if len(first("from", _NONE)) > 1:
        problems.append(ParseProblem("from", "more than one From; the topmost counts"))
    date = first("date", _NONE)[0]
    sent_at = _sent_at(date, problems)
    if sent_at is not None and _is_future(sent_at, date or "", received_at, first("received", ())):
        problems.append(ParseProblem("date", "lies in the future: more than a day after the message was received"))
    message_id = _message_id(first("message-id", _NONE)[0], problems)
    subject = first("subject", _NONE)[0]
    if subject and (fault := words_fault(subject)):
        problems.append(ParseProblem("mime", f"the subject has {fault}"))
    parts = _parts(fields, body, problems)
    return Message(
        message_id=message_id,
        from_address=author.address,
        from_name=author.name,
        from_domain=author.domain,
        subject=None if subject is None else decode_words(subject),
        sent_at=sent_at,
        return_path=_angle(fields["return-path"][0]) if "return-path" in fields else None,
        list_id=_list_id(first("list-id", _NONE)[0]),
        list_unsubscribe=_uris(first("list-unsubscribe", _NONE)[0]),
        delivered_to=()
        if fields.keys().isdisjoint(_DELIVERED_TO)
        else tuple([_angle(value) for name, value in headers if name in _DELIVERED_TO]),
        headers=headers,
        fields=fields,
        link_hosts=link_hosts(parts) if parts else (),
        body_fingerprint=fingerprint(parts) if parts else None,
        problems=tuple(problems),
    )


def _split(raw: bytes, problems: list[ParseProblem]) -> tuple[str, bytes]:
    """Header section and body. 8-bit bytes become latin-1, which loses nothing."""
    if not raw or raw.isspace():
        problems.append(ParseProblem("message", "empty"))
        return "", b""
    start = 0
    while raw[start : start + 1] in (b"\n", b"\r"):
        start += 1
    if raw.startswith(b"From ", start):
        line_end = raw.find(b"\n", start)
        start = line_end + 1 if line_end >= 0 else len(raw)
    if raw[start : start + 1] == b"\n" or raw.startswith(b"\r\n", start):
        problems.append(ParseProblem("header", "no fields at all"))
        return "", raw[start:]
    if end := _HEAD_END.search(raw, start):
        head, body = raw[start : end.start()], raw[end.end() :]
    else:
        problems.append(ParseProblem("header", "no blank line ends it"))
        head, body = raw[start:], b""
    if len(head) > HEADER_LIMIT:
        problems.append(ParseProblem("header", f"longer than {HEADER_LIMIT} octets, the rest is not read"))
        head = head[:HEADER_LIMIT]
    return head.decode("latin-1"), body


def _fields(head: str, problems: list[ParseProblem]) -> tuple[tuple[str, str], ...]:
    """(lower-case name, unfolded value) in order; lines that are no field are counted and left out.

    Unfolding takes the line end and leaves the blank (RFC 5322 §2.2.3).
    """
    out: list[tuple[str, str]] = []
    stray = 0
    long = len(head) > FIELD_LIMIT
    known, keep = _KNOWN_NAMES.get, out.append
    if not long and head.isascii() and (usual := _usual_fields(head)) is not None:
        return usual
    for line in head.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", "\t").split("\n"):
        written, colon, value = line.partition(":")
        name = known(written) or _field_name(written)
        if name is None or not colon:
            stray += not line.isspace() and line != ""
            continue
        if long and len(value) > FIELD_LIMIT:
            # The sender chose the name: it is no label for the metrics.
            problems.append(ParseProblem("header", f"{name[:60]} is longer than {FIELD_LIMIT} characters, the rest is not read"))
            value = value.strip()[:FIELD_LIMIT]
        keep((name, value.strip()))
    if stray:
        problems.append(ParseProblem("header", f"lines that are no field: {stray}"))
    if len(out) > FIELDS_LIMIT:
        problems.append(ParseProblem("header", f"more than {FIELDS_LIMIT} fields, the rest is not read"))
        del out[FIELDS_LIMIT:]
    if not head.isascii():
        problems.append(ParseProblem("header", "raw 8-bit bytes"))
    return tuple(out)


def _usual_fields(head: str) -> tuple[tuple[str, str], ...] | None:
    """The fields where each is whole and has a name met before; None for anything else. Three times as fast."""
    names = _KNOWN_NAMES
    lines = _FIELD_END.split(head)
    crlf = "\r" in head
    try:
        found = [
            (
                names[written],
                ((value.replace("\r\n", "") if crlf else value).replace("\n", "") if "\n" in value else value).strip(),
            )
            for line in lines
            for written, colon, value in [line.partition(":")]
            if colon
        ]
    except KeyError:
        return None
    return tuple(found) if len(found) == len(lines) <= FIELDS_LIMIT else None


def _by_name(headers: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    """The values of each name from the top."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        if name in found:
            found[name].append(value)
        else:
            found[name] = [value]
    return found


def _field_name(written: str) -> str | None:
    """The name in lower case, blanks before the colon taken off (obsolete syntax); None for what cannot be a name."""
    name = written.rstrip(" \t")
    if not _NAME.fullmatch(name):
        return None
    if len(_KNOWN_NAMES) < _KNOWN_NAMES_LIMIT:
        _KNOWN_NAMES[written] = name.lower()
    return name.lower()


def _author(value: str | None, problems: list[ParseProblem]) -> Author:
    if not value:
        problems.append(ParseProblem("from", "missing" if value is None else "empty"))
        return Author(None, None, None)
    author = _known_author(value) if len(value) <= USUAL_AUTHOR else _author_in(value[:AUTHOR_LIMIT])
    if author.domain is None:
        problems.append(ParseProblem("from", "no usable address"))
    return author


def _author_in(value: str) -> Author:
    if usual := _USUAL_AUTHOR.fullmatch(value):
        quoted, bare, address = usual.groups()
        address = address.lower()
        return Author(decode_words(quoted or bare or "").strip() or None, address, address.rpartition("@")[2])
    author = _first_author(value)
    if author.address is None and "=?" in value:
        author = _first_author(decode_words(value))
    return author


_known_author = lru_cache(maxsize=4096)(_author_in)
"""Most mail of a sender has one From."""


def _first_author(value: str) -> Author:
    """The first address of a From and its name; quoted strings and encoded words in the name cannot pass for the address."""
    plain = _QUOTED.sub(lambda quoted: " " * len(quoted[0]), value) if '"' in value else value
    angle = _ANGLE.search(plain)
    if angle is not None and "@" in angle[1]:
        name, address = value[: angle.start()], angle[1]
    else:
        bare = _ADDRESS.search(plain)
        if bare is None:
            return Author(decode_words(value.strip().strip('"')).strip() or None, None, None)
        name, address = value[: bare.start()], bare[0]
    shown = name.strip().strip(",").strip()
    if shown[:1] == '"' and shown[-1:] == '"':
        shown = re.sub(r"\\(.)", r"\1", shown[1:-1])
    return Author(decode_words(shown).strip() or None, *_normalised(address))


def _normalised(address: str) -> tuple[str | None, str | None]:
    """Address and domain in lower case, the domain as A-labels (RFC 5890); (None, None) where the domain cannot exist."""
    local, _, domain = decode_words(address).rpartition("@")
    domain = domain.lower().strip(".")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return None, None
    if not local or len(domain) > 253 or not _HOSTNAME.fullmatch(domain):
        return None, None
    return f"{local.lower()}@{domain}", domain


def _sent_at(value: str | None, problems: list[ParseProblem]) -> datetime | None:
    if not value:
        problems.append(ParseProblem("date", "missing" if value is None else "empty"))
        return None
    moment = parse_date(value)
    if moment is None:
        problems.append(ParseProblem("date", "not a date"))
    return moment


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


def _is_future(sent_at: datetime, written: str, received_at: datetime | None, hops: Sequence[str]) -> bool:
    """More than a day after it was received, by the server or else by the topmost Received with a time."""
    if received_at is None:
        for value in hops:
            stamp = value[-80:].rpartition(";")
            if not stamp[1]:
                continue
            if written[:16] in stamp[2]:  # the same day, as with nearly all mail: nothing to work out
                return False
            received_at = parse_date(stamp[2].strip())
            break
    return received_at is not None and sent_at > received_at + _TOLERATED


def _message_id(value: str | None, problems: list[ParseProblem]) -> str | None:
    if not value:
        problems.append(ParseProblem("message-id", "missing" if value is None else "empty"))
        return None
    return _angle(decode_words(value) if "=?" in value else value)[:998] or None


def _angle(value: str) -> str:
    """What stands in <…>, else the value itself."""
    start, end = value.find("<"), value.rfind(">")
    return (value[start + 1 : end] if 0 <= start < end else value).strip()


def _list_id(value: str | None) -> str | None:
    """The identifier without its description, lower-case (RFC 2919)."""
    return (_angle(value).lower() or None) if value else None


def _uris(value: str | None) -> tuple[str, ...]:
    """The URIs of a List-Unsubscribe (RFC 2369), blank space inside removed; some senders encode the whole (RFC 2047)."""
    if not value:
        return ()
    text = decode_words(value) if "=?" in value else value
    found = _URI.findall(text) or text.split(",")
    return tuple([uri for item in found if (uri := "".join(item.split()))])


def _parts(fields: Mapping[str, Sequence[str]], body: bytes, problems: list[ParseProblem]) -> list[tuple[str, str]]:
    if not body:
        return []
    faults: list[str] = []
    try:
        return text_parts(fields.get("content-type", [""])[0], fields.get("content-transfer-encoding", [""])[0], body, faults)
    except ValueError as error:
        problems.append(ParseProblem("body", f"cannot be decoded: {error}"[:120]))
        return []
    finally:
        problems.extend(ParseProblem("mime", fault) for fault in dict.fromkeys(faults))
