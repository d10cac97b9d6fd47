"""Verify DKIM signatures ourselves (RFC 6376) and keep the public key, which is gone from DNS when somebody asks later.

The one file that knows dkimpy. Looking a key up is left to the caller, so that this stays free of the network.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import dkim

from monitor.identify.ed25519 import NACL

SIGNATURES_LIMIT = 5
SIZE_LIMIT = 25_000_000
KEY_LIMIT = 4_096
"""Characters of a key record; a 4096-bit RSA key has about 740."""

KeyLookup = Callable[[str], str | None]
"""Name such as `s1._domainkey.example.org` → its TXT record, None where there is none; raises OSError if DNS gives no answer."""

_QUIET = logging.getLogger("dkimpy")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False
dkim.nacl = NACL


@dataclass(frozen=True, slots=True)
class DkimVerdict:
    """What became of one signature."""

    sdid: str
    selector: str
    result: str
    """`pass`, `fail`, `temperror` (DNS gave no answer, or we came too late) or `permerror` (no signature or key to be read)."""
    key: str | None
    """The TXT record that held the public key, as it was found."""
    detail: str = ""


def check_signatures(raw: bytes, lookup: KeyLookup, delivered_at: datetime | None = None) -> tuple[DkimVerdict, ...]:
    """Every signature of a message as it was received, from the top, at most five. Never raises.

    One that expired (x=) after `delivered_at` was good in its time and is a `temperror`: we looked too late.
    """
    if len(raw) > SIZE_LIMIT:
        return ()
    try:
        message = dkim.DKIM(raw, logger=_QUIET)
        signatures = [value for name, value in message.headers if name.lower() == b"dkim-signature"]
    except (dkim.DKIMException, ValueError, IndexError):
        return ()
    return tuple(
        _check(message, number, _tags(value), lookup, delivered_at) for number, value in enumerate(signatures[:SIGNATURES_LIMIT])
    )


def _check(
    message: dkim.DKIM, number: int, tags: dict[str, str], lookup: KeyLookup, delivered_at: datetime | None
) -> DkimVerdict:
    sdid, selector = tags.get("d", ""), tags.get("s", "")
    found: list[str] = []
    silent: list[str] = []

    def txt(name: bytes, timeout: int = 5) -> bytes | None:
        try:
            record = lookup(name.decode("ascii", "replace").rstrip("."))
        except OSError as error:
            silent.append(str(error))
            return None
        if record is None or len(record) > KEY_LIMIT:
            return None
        found.append(record)
        return record.encode("utf-8", "replace")

    try:
        good = bool(message.verify(idx=number, dnsfunc=txt))
    except (dkim.DKIMException, ValueError, KeyError, IndexError, TypeError) as error:
        if "body hash mismatch" in str(error):
            # dkimpy says so before it asks for the key, which is to be kept all the same.
            txt(f"{selector}._domainkey.{sdid}".encode("ascii", "replace"))
            return DkimVerdict(sdid, selector, "fail", found[0] if found else None, "the body was changed")
        if "x= value is past" in str(error):
            late = delivered_at is not None and int(tags["x"]) >= delivered_at.timestamp()
            return DkimVerdict(sdid, selector, "temperror" if late else "fail", None, "it has expired")
        result = "temperror" if silent else "permerror"
        return DkimVerdict(sdid, selector, result, found[0] if found else None, str(error)[:200])
    key = found[0] if found else None
    if good:
        return DkimVerdict(sdid, selector, "pass", key)
    if silent:
        return DkimVerdict(sdid, selector, "temperror", None, silent[0][:200])
    return DkimVerdict(sdid, selector, "fail" if key else "permerror", key, "" if key else "no key in DNS")


def _tags(value: bytes) -> dict[str, str]:
    parts = (part.partition("=") for part in value.decode("latin-1").split(";"))
    return {name.strip(): "".join(text.split()).lower() for name, _, text in parts}
