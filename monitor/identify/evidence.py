"""Look every field of a message up in the index: which signals fit, in which value, and who vouches for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from monitor.collect.words import decode_words
from monitor.identify.facts import Facts
from monitor.identify.index import Fitting, SignatureIndex
from monitor.identify.received import Hop, public_hops
from monitor.identify.signatures import AccountRule, Says, Signal
from monitor.model import Message, Trust

HITS_LIMIT = 200
HOP_LIMIT = 400
"""Characters of one Received that patterns look at."""

_SIGNED, _CLAIMED, _RELAY = Trust.SIGNED, Trust.CLAIMED, Says.RELAY
"""A global is read ten times as fast as the member of an enum (CPython 3.11)."""
_URI_HOST = re.compile(r"(?:https?://|mailto:[^\s<>@?]{1,256}@)([A-Za-z0-9._-]{1,253})")


@dataclass(slots=True)
class Hit:
    """One signal that fits, with the value it fits and the trust of that value."""

    signal: Signal
    value: str
    trust: Trust
    host: str | None = None
    """The host that fits, for signals on hosts."""


@dataclass(slots=True)
class Found:
    """All that fits in one message."""

    hits: dict[Signal, Hit] = field(default_factory=dict)
    """Each signal once, in the order: what our receiver saw, then the fields from the top."""
    numbers: list[tuple[AccountRule, str, Trust]] = field(default_factory=list)
    """Where an account's number stands, and who vouches for that value."""

    def add(self, fitting: Iterable[Fitting], value: str, trust: Trust, host: str | None = None) -> None:
        hits = self.hits
        for one in fitting:
            if isinstance(one, AccountRule):
                self.numbers.append((one, value, trust))
            elif one not in hits:
                hits[one] = Hit(one, value, trust, host)


def find_hits(message: Message, facts: Facts, index: SignatureIndex) -> Found:
    """Look at all that our receiver saw, then at all fields."""
    found = Found()
    _border_hits(found, facts, index)
    _behind_a_gateway(found, message, facts, index)
    _signature_hits(found, facts, index)
    signed = facts.signed_fields
    headers = index.headers
    for name, values in message.fields.items():
        entry = headers.get(name)
        if entry is None or name == "received":
            continue
        # Signers cover the lowest field of a name (RFC 6376 §5.4.2): one that was added above it later is nobody's.
        trust = _SIGNED if name in signed and len(values) == 1 else _CLAIMED
        for value in values:
            if "=?" in value and entry.reads_text:
                value = decode_words(value)
            if name in _IN_ANGLES:
                value = _inside(value)
            if entry.reads_values and (fitting := entry.of_value(value)):
                found.add(fitting, value, trust)
            if entry.hosts:
                for host in _uri_hosts(value) if name in _URI_FIELDS else (_host(value),):
                    if signals := entry.of_host(host):
                        found.add(signals, value, trust, host)
            if len(found.hits) > HITS_LIMIT:
                break
    hops = message.fields.get("received", ())[facts.border.hops if facts.border is not None else 0 :]
    if hops and "received" in headers:
        # All hops below the border in one look: a pattern of `received` cannot reach over a line.
        text = "\n".join([hop[:HOP_LIMIT] for hop in hops])
        if fitting := headers["received"].of_value(text):
            found.add(fitting, text, _CLAIMED)
    trust = _SIGNED if facts.body_signed else _CLAIMED
    for host in message.link_hosts:
        found.add(index.link_host.of_name(host), host, trust, host)
    return found


_BORDER_FIELDS = ("received-host", "sender-ip")
_SPF_FAILS = frozenset(("fail", "softfail", "neutral"))
_IN_ANGLES = frozenset(("message-id", "list-id"))
_URI_FIELDS = frozenset(("list-unsubscribe", "list-help", "list-url"))


def _border_hits(found: Found, facts: Facts, index: SignatureIndex) -> None:
    """The address and the names of the border hop; where that is not known, of the topmost hop that anything is known of."""
    trust = facts.hop_trust
    for hop in facts.hops:
        _hop_hits(found, hop, trust, facts, index)
        if found.hits:
            if facts.relay is not None and facts.border is not None:
                facts.sending_ip = hop.ip
            break
    if facts.return_path:
        entry = index.return_path
        host = facts.return_path.rpartition("@")[2].lower()
        if fitting := entry.of_value(facts.return_path):
            found.add(fitting, facts.return_path, facts.return_path_trust)
        if signals := entry.of_host(host):
            found.add(signals, facts.return_path, facts.return_path_trust, host)


def _behind_a_gateway(found: Found, message: Message, facts: Facts, index: SignatureIndex) -> None:
    """Where the border passes on what others sent, the hops below it are looked at too: hints of who sent before.

    It is a known gateway or forwarder, or nobody known, from where SPF fails and a signature is good all the same.
    """
    if facts.relay is not None:
        return
    if any(signal.says is _RELAY for signal in found.hits):
        through = next(hit for hit in found.hits.values() if hit.signal.says is _RELAY)
        facts.relay = f"passed on by {through.signal.provider}: {through.signal.field} is {through.host or 'its own form'}"
    elif _passed_on_without_a_word(found, facts):
        facts.relay = "perhaps passed on without a word: SPF fails, and yet a signature is good"
    else:
        return
    if facts.border is not None:
        for hop in public_hops(message.headers, facts.border.position + 1):
            before = len(found.hits)
            _hop_hits(found, hop, _CLAIMED, facts, index)
            if len(found.hits) > before:
                break


def _passed_on_without_a_word(found: Found, facts: Facts) -> bool:
    if facts.spf is None or facts.spf.result not in _SPF_FAILS or not any(good for _, good in facts.signatures):
        return False
    return not any(signal.field in _BORDER_FIELDS for signal in found.hits)


def _hop_hits(found: Found, hop: Hop, trust: Trust, facts: Facts, index: SignatureIndex) -> None:
    if hop.ip is not None:
        found.add(index.networks.of_address(hop.ip), hop.ip, trust)
    looked_up = hop.reverse_name if facts.receiver is None or facts.receiver.reverse_names else None
    host = looked_up or hop.greeting
    if host:
        found.add(index.received_host.of_name(host), host, trust if looked_up else _CLAIMED, host)


def _signature_hits(found: Found, facts: Facts, index: SignatureIndex) -> None:
    # Good signatures first: where two fit the same signal, the good one is the evidence.
    for signature, good in sorted(facts.signatures, key=_bad) if len(facts.signatures) > 1 else facts.signatures:
        trust = _SIGNED if good else _CLAIMED
        if fitting := index.dkim_domain.of_name(signature.sdid):
            found.add(fitting, signature.sdid, trust, signature.sdid)
        if fitting := index.dkim_selector.of_name(signature.selector):
            found.add(fitting, signature.selector, trust)


def _bad(entry: tuple[object, bool]) -> bool:
    return not entry[1]


def _uri_hosts(value: str) -> list[str]:
    """The hosts of the URIs in a List-* field (RFC 2369)."""
    return [host.lower().rstrip(".") for host in _URI_HOST.findall(value[:8000])]


def _host(value: str) -> str:
    """What follows the last `@` of an address, else the value itself."""
    return value[:2000].rpartition("@")[2].partition(">")[0].strip().lower().rstrip(".")


def _inside(value: str) -> str:
    """What stands in the last <…>, else the value."""
    start, end = value.rfind("<"), value.rfind(">")
    return value[start + 1 : end] if 0 <= start < end else value
