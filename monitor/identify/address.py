"""Address: to which of our own addresses a message was delivered, from what our own mail server wrote (pure).

Plus-addresses and catch-all domains give each list an address of its own in one inbox. Who a list writes to is private: it goes
into the store and into the operator's hands, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

NOTED = frozenset({"delivered-to", "x-original-to", "envelope-to"})
"""What mail servers note at delivery: qmail, Postfix and Gmail; Postfix, before aliases; Exim."""
_SHAPE = re.compile(r"<?([^\s<>@,;\"]{1,64}@[^\s<>@,;\"]{1,255})>?")


class OwnAddresses:
    """The addresses of one inbox: `seed@example.org` with every `seed+tag@example.org`, and `@example.org` for all of a domain.

    With none, whatever the mail server noted is ours.
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        lower = [address.lower() for address in addresses if "@" in address]
        self._domains = frozenset(address[1:] for address in lower if address.startswith("@"))
        self._plain = frozenset(address for address in lower if not address.startswith("@"))

    def __contains__(self, address: str) -> bool:
        local, _, domain = address.rpartition("@")
        if not self._domains and not self._plain:
            return True
        return domain in self._domains or f"{local.partition('+')[0]}@{domain}" in self._plain or address in self._plain

    def is_plain(self, address: str) -> bool:
        """Whether it is one that the settings spell out, which tells nothing of who writes to it."""
        return address in self._plain


def our_address(headers: Sequence[tuple[str, str]], own: OwnAddresses) -> str | None:
    """The address in lower case, or None where the message does not say.

    Each server on the way writes above what it got, and begins with what it notes, then Received. So the topmost server that
    notes an address of ours is believed; a field that the sender wrote lies below all of them. Of several that it notes
    (before and after an alias) the one that tells more counts.
    """
    noted: list[str] = []
    for name, value in headers:
        if name in NOTED:
            found = _SHAPE.fullmatch(value.strip())
            if found is not None and (address := found[1].lower()) in own:
                noted.append(address)
        elif name == "received" and noted:
            break
    return next((address for address in noted if not own.is_plain(address)), noted[0] if noted else None)
