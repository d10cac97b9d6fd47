"""What identifying gives: a parsed message, whose infrastructure sent it, and the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from monitor.model.collected import ParseProblem


class Trust(StrEnum):
    """Who says so: our receiver, a passing DKIM signature, or only the sender."""

    OBSERVED = "observed"
    SIGNED = "signed"
    CLAIMED = "claimed"


class Confidence(StrEnum):
    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Role(StrEnum):
    """What a provider does for the sender; `both` is platform and delivery in one house."""

    PLATFORM = "platform"
    DELIVERY = "delivery"
    BOTH = "both"


@dataclass(slots=True, unsafe_hash=True)
class Evidence:
    """One fact that speaks for a provider, with the header it was read from.

    Not frozen, and yet nobody changes one: every message has seven, and freezing makes each take three times as long.
    """

    provider: str
    role: Role
    field: str
    """Lower-case header name or derived field (`received-host`, `dkim-d` …)."""
    value: str
    """The deciding value, bounded in length, recipient tokens redacted."""
    trust: Trust
    weight: float
    signature: str
    """Which rule matched, as `file:index`."""


@dataclass(frozen=True, slots=True)
class Account:
    """The sender's customer number at a provider, such as (`Salesforce Marketing Cloud`, `mid`, `10966798`)."""

    provider: str
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class DkimProof:
    """What we found when we verified one DKIM signature ourselves (RFC 6376), and the key, which DNS may forget."""

    sdid: str
    selector: str
    result: str
    """`pass`, `fail`, `temperror` (DNS gave no answer, or we came too late) or `permerror`."""
    key: str | None
    """The TXT record of the public key as it was found."""
    checked_at: datetime


class Alignment(StrEnum):
    """Whether an authenticated domain is the author's (RFC 7489 §3.1)."""

    STRICT = "strict"
    """The very domain of From."""
    RELAXED = "relaxed"
    """The same organisational domain."""


class Authenticated(NamedTuple):
    """One result of SPF, of one DKIM signature, or of DMARC."""

    method: str
    """`spf`, `dkim` or `dmarc`."""
    result: str
    """The receiver's or our own word; `not noted` for a signature that nobody told of."""
    domain: str | None
    """The envelope's, the signature's (SDID) or the author's; lower-case."""
    selector: str | None
    """Of the key; None for SPF and DMARC."""
    aligned: Alignment | None
    """None: not the author's domain; of DMARC always."""


@dataclass(slots=True, unsafe_hash=True)
class Identification:
    """Whose infrastructure sent a message, how sure that is, and why. Not frozen, for the reason told at `Evidence`."""

    platform: str | None = None
    delivery: str | None = None
    account: Account | None = None
    receiver: str | None = None
    sending_ip: str | None = None
    sdids: tuple[str, ...] = ()
    platform_confidence: Confidence | None = None
    delivery_confidence: Confidence | None = None
    account_confidence: Confidence | None = None
    evidence: tuple[Evidence, ...] = ()
    conflicts: tuple[str, ...] = ()
    job: str | None = None
    """`provider:number` of the mailing, where headers carry it."""
    authentication: tuple[tuple[str, str], ...] = ()
    """(method, result) as our receiver noted them: `spf`, `dkim` (pass if one is good), `dmarc`; () if it noted none."""
    authenticated: tuple[Authenticated, ...] = ()
    """The same in detail: SPF, every signature from the top, DMARC; () if nobody noted anything."""
    dkim: tuple[DkimProof, ...] = ()
    """Our own verification at receipt; () where it is off or came too late."""


@dataclass(slots=True, unsafe_hash=True)
class Message:
    """One parsed message. `None` means that the message does not say; nothing here is trusted by itself.

    Not frozen, for the reason told at `Evidence`.
    """

    message_id: str | None
    """Without angle brackets."""
    from_address: str | None
    from_name: str | None
    from_domain: str | None
    """Lower-case, IDNA A-labels."""
    subject: str | None
    sent_at: datetime | None
    """`Date:`, the sender's claim, UTC."""
    return_path: str | None
    list_id: str | None
    list_unsubscribe: tuple[str, ...]
    """The URIs, http(s) and mailto, in order."""
    delivered_to: tuple[str, ...]
    """Delivered-To, X-Original-To and Envelope-To addresses, top first."""
    headers: tuple[tuple[str, str], ...]
    """(lower-case name, unfolded value) top to bottom, undecoded, 8-bit bytes as latin-1."""
    fields: Mapping[str, Sequence[str]] = field(repr=False, compare=False)
    """The same by name: all values of each from the top."""
    link_hosts: tuple[str, ...] = ()
    """Hosts of links in the body, most frequent first, bounded."""
    body_fingerprint: str | None = None
    """A digest of the text without recipient-specific parts; equal for copies of one send."""
    problems: tuple[ParseProblem, ...] = ()
