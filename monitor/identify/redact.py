"""Take recipients and their tokens out of values that are shown as evidence."""

from __future__ import annotations

import re
from collections.abc import Sequence

VALUE_LIMIT = 160
"""Characters of one value that are shown."""

_LOCAL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+*=?^~|-"
_BOUNCE_SUBSCRIBER = re.compile(r"(_(?:HTML|TEXT)-)\d+")
_TOKEN = re.compile(r"[A-Za-z0-9+/=_~%-]{24,}+")


def redact(value: str, recipients: Sequence[str] = ()) -> str:
    """A value fit to show: local parts of addresses, subscriber numbers and long tokens become `…`; bounded."""
    if len(value) <= 24 and "@" not in value:
        for recipient in recipients:
            if recipient in value:
                value = value.replace(recipient, "…")
        return value
    if len(value) > VALUE_LIMIT * 4:
        value = value[: VALUE_LIMIT * 4]
    if "@" in value:
        value = _without_local_parts(value)
    if "_HTML-" in value or "_TEXT-" in value:
        value = _BOUNCE_SUBSCRIBER.sub(r"\1…", value)
    if len(value) > 24:
        value = _TOKEN.sub(_shortened, value)
    for recipient in recipients:
        if recipient in value:
            value = value.replace(recipient, "…")
    return value if len(value) <= VALUE_LIMIT else value[: VALUE_LIMIT - 1] + "…"


def _without_local_parts(value: str) -> str:
    """What stands directly before an `@` and a name becomes `…`."""
    parts = value.split("@")
    for number in range(len(parts) - 1):
        kept = parts[number].rstrip(_LOCAL)
        if len(kept) < len(parts[number]) and parts[number + 1][:1].isalnum():
            parts[number] = kept + "…"
    return "@".join(parts)


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
