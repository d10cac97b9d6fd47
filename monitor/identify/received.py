"""Read Received fields (RFC 5321 §4.4) and find the hop where trust begins: the one our own receiver wrote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from monitor.identify.patterns import Pattern

VALUE_LIMIT = 2_000
HOPS_LIMIT = 40
"""How many hops from the top may be the receiver's own; Outlook has up to eight."""

HINTS_LIMIT = 6
"""How many public hops are looked at where nobody tells which was the border."""

_HOP = re.compile(
    r"\s*(?:from\s+([^\s()]{1,255})\s*((?:\((?:[^()]|\((?:[^()]|\([^()]*+\))*+\))*+\)\s*)*+))?"
    r"(?:[^()]{0,200}?\s)??by\s+([^\s;()]{1,255})",
    re.IGNORECASE,
)
_USUAL = re.compile(r"from ([\w.-]{1,255})\s+\(([\w.-]{0,253})\s*\[([0-9A-Fa-f.:]{3,45})\]\)\s+by ([^\s;()]{1,255})", re.ASCII)
"""`from HELO (PTR [IP]) by HOST`, as Postfix, Gmail and most others write it."""
_BRACKETED = re.compile(r"\[(?:IPv6:)?((?:\d{1,3}\.){3}\d{1,3}(?=:\d{1,5}\])|[0-9A-Fa-f.:]{3,45})(?::\d{1,5})?\]", re.IGNORECASE)
_BARE = re.compile(r"\(\s*([0-9A-Fa-f.:]{3,45})\s*\)")
_REVERSE = re.compile(r"\(\s*([A-Za-z0-9_][A-Za-z0-9._-]{0,252})\s+\[")
_COMMENTS = re.compile(r"\((?:[^()]|\((?:[^()]|\([^()]*+\))*+\))*+\)")
_GREETING = re.compile(r"\b(?:HELO|EHLO|helo=)\s*\[?([A-Za-z0-9._:-]{1,253})", re.IGNORECASE)


@dataclass(slots=True)
class Hop:
    """One Received field. Names are lower-case without a final dot.

    Not frozen, as the others that every message has several of: they are made twice as fast so, and nobody changes one.
    """

    by: str | None
    greeting: str | None
    """What the client called itself (HELO): its claim."""
    reverse_name: str | None
    """The reverse name (PTR) that the writing server looked up; None where it found or wrote none."""
    ip: str | None
    """The connecting address in its shortest form."""


def parse_received(value: str) -> Hop:
    """One unfolded Received. The forms of Postfix, Exim, sendmail, qmail, Gmail, Outlook, Yahoo and Oracle are read."""
    value = value[:VALUE_LIMIT]
    if value.startswith("by "):
        words = value[3:].split(None, 1)
        return Hop(words[0].lower().rstrip(".;") if words else None, None, None, None)
    if usual := _USUAL.match(value):
        greeting, reverse, ip, by = usual.groups()
        name = reverse.lower().rstrip(".")
        return Hop(
            by.lower().rstrip("."), greeting.lower().rstrip("."), name if name not in ("", "unknown") else None, _plain_ip(ip)
        )
    hop = _HOP.match(value)
    if hop is None:
        return Hop(None, None, None, None)
    said, notes, by = hop[1], hop[2] or "", hop[3].lower().rstrip(".")
    if said is None:
        return Hop(by, None, None, None)
    noted = _of_the_writer(notes)
    bracketed = _BRACKETED.search(noted) or _BRACKETED.match(said)
    bare = None if bracketed else _BARE.search(noted)
    ip = _plain_ip(bracketed[1] if bracketed else bare[1] if bare else said)
    reverse = _REVERSE.search(noted) if bracketed else None
    name = reverse[1].lower().rstrip(".") if reverse and "may be forged" not in noted else None
    named = _GREETING.search(notes)
    return Hop(by, (named[1] if named else said).lower().rstrip("."), None if name == "unknown" else name, ip)


def _of_the_writer(notes: str) -> str:
    """The comments from the last one on that holds an address: those before may be part of what the client called itself."""
    if notes.count("(") < 2:
        return notes
    starts = [found.start() for found in _COMMENTS.finditer(notes) if _BRACKETED.search(found[0]) or _BARE.search(found[0])]
    return notes[starts[-1] :] if starts else notes


@lru_cache(maxsize=8192)
def _plain_ip(text: str) -> str | None:
    try:
        address = ip_address(text.strip("[]").removeprefix("IPv6:"))
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


@lru_cache(maxsize=8192)
def is_private(ip: str) -> bool:
    """An address that cannot be a stranger's on the open network: private, loopback, link-local.

    The documentation ranges (RFC 5737, RFC 3849) count as public, for examples and the demo.
    """
    address = ip_address(ip)
    if address.version == 4:
        return any(address in network for network in _PRIVATE4)
    return any(address in network for network in _PRIVATE6)


@lru_cache(maxsize=1024)
def is_documentation(ip: str) -> bool:
    """An address that stands for one in examples (RFC 5737, RFC 3849): nobody connected from it, so it contradicts nobody."""
    address = ip_address(ip)
    return any(address in network for network in _DOCUMENTATION if network.version == address.version)


_PRIVATE4 = [
    ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10")
]
# 2002:a00::/24 is 6to4 of 10.0.0.0/8: the names of Gmail's inner hosts.
_PRIVATE6 = [ip_network(text) for text in ("::1/128", "fe80::/10", "fc00::/7", "2002:a00::/24")]
_DOCUMENTATION = [ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whose mailbox it is and how that house writes its hops (`config/receivers/`)."""

    name: str
    aliases: tuple[str, ...]
    imap_hosts: tuple[str, ...]
    """Suffixes of IMAP host names that tell this receiver."""
    automatic: bool
    """Whether a file's topmost Received may tell it; False for software that anybody runs."""
    by: tuple[str, ...]
    """Suffixes of the hosts whose Received we believe; empty: the host that wrote the topmost one and its neighbours."""
    inner_by: tuple[str, ...]
    """How else the host of the topmost hop may begin: `2002:a` are Gmail's inner hosts, 6to4 addresses of 10.0.0.0/8."""
    top: tuple[Pattern, ...]
    """How the topmost hop reads where no name in it tells the house: `by 10.1.2.3 with SMTP id …` at Gmail until 2017."""
    inner_networks: tuple[IPv4Network | IPv6Network, ...]
    """Public addresses of inner hops."""
    inner_hosts: tuple[str, ...]
    """Suffixes of the names that inner hops have; both must fit."""
    reverse_names: bool
    """Whether it looks the reverse name up; False where the name in `from` is only the client's greeting."""
    authserv_ids: tuple[str, ...]
    """Suffixes of its authserv-ids (RFC 8601 §2.5); `none` where it writes none, `by` for the host that wrote the hop."""
    auth_results: str
    """Where its Authentication-Results stand: `above` the border hop, `below` (`below-several` fields), or `none`."""
    file: str
    closes_after_days: int | None = None
    """A mailbox that nobody signs in to is closed after so long, as its operator says; None: not known, or never."""

    def owns(self, by: str | None, top: str | None) -> bool:
        """Whether a hop was written by this receiver's own server."""
        if by is None:
            return False
        if "." not in by or _is_private_name(by):
            return True  # the name of an inner host, such as Fastmail's `sloti33d1t06` and Yahoo's 10.x
        if self.by:
            return is_under(by, self.by)
        return top is not None and (by == top or _neighbours(by, top))

    def is_inner(self, hop: Hop) -> bool:
        """Whether the client of a hop was one of the receiver's own servers."""
        if hop.ip is None or is_private(hop.ip):
            return True
        if not self.inner_networks or not is_under(hop.greeting or "", self.inner_hosts):
            return False
        address = ip_address(hop.ip)
        return any(address in network for network in self.inner_networks if network.version == address.version)


@lru_cache(maxsize=8192)
def is_under(host: str, suffixes: tuple[str, ...]) -> bool:
    """Whether a host is one of the domains or below one, on label borders."""
    return host in suffixes or (host.endswith(suffixes) and any(host.endswith("." + suffix) for suffix in suffixes))


def _neighbours(one: str, other: str) -> bool:
    return one.count(".") >= 2 and other.count(".") >= 2 and one.split(".", 1)[1] == other.split(".", 1)[1]


def _is_private_name(by: str) -> bool:
    ip = _plain_ip(by)
    return ip is not None and is_private(ip)


class Border(NamedTuple):
    """Where trust begins."""

    position: int
    """Index of the border's Received in `Message.headers`."""
    hop: Hop
    hops: int
    """How many Received fields stand above and including it: all of the receiver's own."""


def find_border(headers: Sequence[tuple[str, str]], receiver: Receiver, topmost: Hop | None = None) -> Border | None:
    """The first hop from the top that a stranger's server made to the receiver; None where the chain does not fit.

    Every hop above it must be the receiver's own, so nothing that a sender wrote can pass for it. `topmost` is the first
    Received, where the caller has read it.
    """
    top: str | None = None
    hops = 0
    for position, (name, value) in enumerate(headers):
        if name != "received":
            continue
        hop = topmost if topmost is not None and hops == 0 else parse_received(value)
        top = top or hop.by
        hops += 1
        if hops > HOPS_LIMIT or not receiver.owns(hop.by, top):
            return None
        if not receiver.is_inner(hop):
            return Border(position, hop, hops)
    return None


def public_hops(headers: Sequence[tuple[str, str]], start: int = 0) -> list[Hop]:
    """The hops from a public address at or after `start`, from the top, whoever wrote them: hints, no facts."""
    found: list[Hop] = []
    for position in range(start, len(headers)):
        name, value = headers[position]
        if name == "received":
            hop = parse_received(value)
            if hop.ip is not None and not is_private(hop.ip):
                found.append(hop)
                if len(found) >= HINTS_LIMIT:
                    break
    return found
