"""Take recipients and their tokens out of values that are shown as evidence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from monitor.words import shortened_links, without_addresses

VALUE_LIMIT = 160
"""Characters of one value that are shown."""

_HARMLESS_LENGTH = 24
"""Characters of a value that is too short to hold a token."""
_MAIL_QUERY = re.compile(r"(mailto:[^\s<>\"?]*)\?[^\s<>\"]+", re.IGNORECASE)
_BOUNCE_SUBSCRIBER = re.compile(r"(_(?:HTML|TEXT)-)\d+")
_TOKEN = re.compile(r"[A-Za-z0-9+/=_~%-]{24,}+")


def redact(value: str, recipients: Sequence[str] = ()) -> str:
    """A value fit to show, bounded: of links the scheme and the host stay, of addresses the domain.

    Subscriber numbers and long tokens become `…` too. Account numbers are read before, from the value as it came.
    """
    if len(value) > VALUE_LIMIT * 4:
        value = value[: VALUE_LIMIT * 4]
    # Most values need none of this: each is tried only where the characters stand that it cannot be without.
    if "://" in value or ("." in value and ("/" in value or "?" in value or "#" in value)):
        value = shortened_links(value)
    if "?" in value:
        value = _MAIL_QUERY.sub(r"\1?…", value)
    if "@" in value or "%" in value or not value.isascii():
        value = without_addresses(value)
    if "_HTML-" in value or "_TEXT-" in value:
        value = _BOUNCE_SUBSCRIBER.sub(r"\1…", value)
    if len(value) > _HARMLESS_LENGTH:
        value = _TOKEN.sub(_shortened, value)
    for recipient in recipients:
        if recipient in value:
            value = value.replace(recipient, "…")
    return value if len(value) <= VALUE_LIMIT else value[: VALUE_LIMIT - 1] + "…"


def _shortened(token: re.Match[str]) -> str:
    """A run that holds a digit is a token, not a word."""
    text = token[0]
    return text if text.isalpha() else text[:4] + "…"


def recipients_of(addresses: Sequence[str]) -> tuple[str, ...]:
    """The forms in which a recipient may stand in tokens: the address, its VERP form and its local part."""
    forms: list[str] = []
    for address in addresses:
        local, at, domain = address.partition("@")
        if at and local:
            forms += [address, f"{local}={domain}"]
            if len(local) > 3:
                forms.append(local)
    return tuple(forms)
