"""Look every field of a message up in the index: which signals fit, in which value, and who vouches for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from monitor.collect.words import decode_words
from monitor.identify.facts import Facts
from monitor.identify.index import SignatureIndex
from monitor.identify.received import Hop, public_hops
from monitor.identify.signatures import Says, Signal
from monitor.model import Message, Trust

HITS_LIMIT = 200
HOP_LIMIT = 400
"""Characters of one Received that patterns look at."""

_URI_HOST = re.compile(r"(?:https?://|mailto:[^\s<>@?]{1,256}@)([A-Za-z0-9._-]{1,253})")


@dataclass(slots=True)
class Hit:
    """One signal that fits, with the value it fits and the trust of that value."""

    signal: Signal
    value: str
    trust: Trust
    host: str | None = None
    """The host that fits, for signals on hosts."""


def find_hits(message: Message, facts: Facts, index: SignatureIndex) -> list[Hit]:
    """All signals that fit, each once, in the order: what our receiver saw, then the fields from the top."""
    hits: dict[Signal, Hit] = {}
    _border_hits(hits, facts, index)
    _behind_a_gateway(hits, message, facts, index)
    _signature_hits(hits, facts, index)
    signed = facts.signed_fields
    headers = index.headers
    hops: list[str] = []
    border = facts.border.position if facts.border is not None else -1
    for position, (name, value) in enumerate(message.headers):
        entry = headers.get(name)
        if entry is None:
            continue
        if name == "received":
            if position > border:
                hops.append(value[:HOP_LIMIT])
            continue
        trust = Trust.SIGNED if name in signed else Trust.CLAIMED
        if "=?" in value and entry.reads_text:
            value = decode_words(value)
        if name in _IN_ANGLES:
            value = _inside(value)
        if entry.reads_values:
            for signal in entry.of_value(value):
                if signal not in hits:
                    hits[signal] = Hit(signal, value, trust)
        if entry.hosts:
            for host in _hosts(name, value):
                for signal in entry.of_host(host):
                    if signal not in hits:
                        hits[signal] = Hit(signal, value, trust, host)
        if len(hits) > HITS_LIMIT:
            break
    if hops:
        # All hops below the border in one look: a pattern of `received` cannot reach over a line.
        text = "\n".join(hops)
        for signal in headers["received"].of_value(text):
            hits.setdefault(signal, Hit(signal, text, Trust.CLAIMED))
    trust = Trust.SIGNED if signed else Trust.CLAIMED
    for host in message.link_hosts:
        for signal in index.link_host.of_name(host):
            if signal not in hits:
                hits[signal] = Hit(signal, host, trust, host)
    return list(hits.values())


_IN_ANGLES = frozenset(("message-id", "list-id"))


def _border_hits(hits: dict[Signal, Hit], facts: Facts, index: SignatureIndex) -> None:
    """The address and the names of the border hop; where that is not known, of the topmost hop that anything is known of."""
    trust = facts.hop_trust
    for hop in facts.hops:
        _hop_hits(hits, hop, trust, facts, index)
        if hits:
            if facts.relay is not None and facts.border is not None:
                facts.sending_ip = hop.ip
            break
    if facts.return_path:
        entry = index.return_path
        host = facts.return_path.rpartition("@")[2].lower()
        for signal in entry.of_value(facts.return_path):
            hits.setdefault(signal, Hit(signal, facts.return_path, facts.return_path_trust))
        for signal in entry.of_host(host):
            hits.setdefault(signal, Hit(signal, facts.return_path, facts.return_path_trust, host))


def _behind_a_gateway(hits: dict[Signal, Hit], message: Message, facts: Facts, index: SignatureIndex) -> None:
    """Where the border is a known gateway or forwarder, the hops below it are looked at too: hints of who sent before."""
    if facts.relay is not None or not any(signal.says is Says.RELAY for signal in hits):
        return
    through = next(hit for hit in hits.values() if hit.signal.says is Says.RELAY)
    facts.relay = f"passed on by {through.signal.provider}: {through.signal.field} is {through.host or 'its own form'}"
    if facts.border is not None:
        for hop in public_hops(message.headers, facts.border.position + 1):
            before = len(hits)
            _hop_hits(hits, hop, Trust.CLAIMED, facts, index)
            if len(hits) > before:
                break


def _hop_hits(hits: dict[Signal, Hit], hop: Hop, trust: Trust, facts: Facts, index: SignatureIndex) -> None:
    if hop.ip is not None:
        for signal in index.networks.of_address(hop.ip):
            hits.setdefault(signal, Hit(signal, hop.ip, trust))
    looked_up = hop.reverse_name if facts.receiver is None or facts.receiver.reverse_names else None
    host = looked_up or hop.greeting
    if host:
        for signal in index.received_host.of_name(host):
            hits.setdefault(signal, Hit(signal, host, trust if looked_up else Trust.CLAIMED, host))


def _signature_hits(hits: dict[Signal, Hit], facts: Facts, index: SignatureIndex) -> None:
    domains, selectors = index.dkim_domain, index.dkim_selector
    # Good signatures first: where two fit the same signal, the good one is the evidence.
    for signature, good in sorted(facts.signatures, key=_bad) if len(facts.signatures) > 1 else facts.signatures:
        trust = Trust.SIGNED if good else Trust.CLAIMED
        for signal in domains.of_name(signature.sdid):
            hits.setdefault(signal, Hit(signal, signature.sdid, trust, signature.sdid))
        for signal in selectors.of_name(signature.selector):
            hits.setdefault(signal, Hit(signal, signature.selector, trust))


def _bad(entry: tuple[object, bool]) -> bool:
    return not entry[1]


def _hosts(name: str, value: str) -> list[str]:
    """Host names in a field: of URIs in List-* fields, else what follows the last `@`, else the value itself."""
    if name.startswith("list-") and name != "list-id":
        return [host.lower().rstrip(".") for host in _URI_HOST.findall(value[:8000])]
    return [_inside(value[:2000]).rpartition("@")[2].strip().strip(">").lower().rstrip(".")]


def _inside(value: str) -> str:
    """What stands in the last <…>, else the value."""
    start, end = value.rfind("<"), value.rfind(">")
    return value[start + 1 : end] if 0 <= start < end else value
