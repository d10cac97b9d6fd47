"""The header section of a message: cut off the body, then into fields, which are found by name (RFC 5322).

It is split at line ends that no blank follows. The standard library's parsers were measured against that on real
mail: `policy.default` raises on some, compat32 drops all fields below a line without a colon, both are slower.
"""

from __future__ import annotations

import re

from monitor.model import ParseProblem

HEADER_LIMIT = 2_000_000
"""Octets of the header section that are read; the largest that a big provider takes is below 1 MB."""
FIELD_LIMIT = 65_536
"""Characters of one field that are kept."""
FIELDS_LIMIT = 10_000

_NAME = re.compile(r"[!-9;-~]{1,200}")
_KNOWN_NAMES: dict[str, str] = {}
_KNOWN_NAMES_LIMIT = 5_000
"""Field names as written → lower-case, so that each is checked once; a sender's inventions do not fill it without end."""
_FIELD_END = re.compile(r"\n(?![ \t])")
_HEAD_END = re.compile(rb"\n\r?\n")


def split_header(raw: bytes, problems: list[ParseProblem]) -> tuple[str, bytes]:
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


def header_fields(head: str, problems: list[ParseProblem]) -> tuple[tuple[str, str], ...]:
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


def by_name(headers: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
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
