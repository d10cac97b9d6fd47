"""Who wrote a message: name, address and domain of the first author in its From (RFC 5322 §3.6.2)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from monitor.collect.words import decode_words
from monitor.model import ParseProblem

USUAL_AUTHOR = 200
"""Characters of a From up to which what it says is remembered."""
AUTHOR_LIMIT = 4_000
"""Characters of From that are read: each may begin an address of 512, so that one of 60,000 took 0.15 seconds."""

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_ANGLE = re.compile(r"<[ \t]*([^<>\s]{1,512})[ \t]*>")
_ADDRESS = re.compile(r"[^\s<>(),;:\"\\]{1,256}@[^\s<>(),;:\"\\@]{1,256}")
_HOSTNAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?")
_USUAL_AUTHOR = re.compile(
    r"(?:\"([^\"\\<>@]{0,200})\"|([^\"\\<>@(),:;]{0,200}?))[ \t]*<([\w.+=-]{1,250}@[a-zA-Z0-9][a-zA-Z0-9.-]{0,200}[a-zA-Z0-9])>",
    re.ASCII,
)
"""`"Name" <local@domain>`, as nearly all mail has it."""


class Author(NamedTuple):
    name: str | None
    address: str | None
    domain: str | None


def author_of(value: str | None, problems: list[ParseProblem]) -> Author:
    """Name, address and domain in lower case (as A-labels); what is not there or not usable is None and said in `problems`."""
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
