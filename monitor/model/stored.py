"""What the store keeps of messages: streams, copies, subscriptions and sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from monitor.model.collected import RawMessage
from monitor.model.identified import Confidence, Identification, Message


@dataclass(frozen=True, slots=True)
class StreamKey:
    """The stream a message belongs to and the organisation that groups streams."""

    stream: str
    organisation: str


@dataclass(frozen=True, slots=True)
class NewCopy:
    """A copy on its way into the store: the raw bytes, what they say, and who sent them."""

    raw: RawMessage
    message: Message
    identification: Identification
    key: StreamKey | None
    """None where the message has no usable From: it is kept, but belongs to no stream."""
    at: datetime
    """When it was sent, for rhythm: `Date:` clipped to [delivered_at − 24 h, delivered_at], UTC."""
    send_fingerprints: tuple[str, ...]
    """Strongest first: `job:…` (campaign or job id), `subject:…`, `body:…`; equal over the copies of one send."""
    canary: str | None = None
    """The token of our own canary mail, which belongs to no stream; None for all other mail."""
    address: str | None = field(default=None, repr=False)
    """To which of our addresses it came, as far as the message says; never shown in public."""
    document: str | None = field(default=None, repr=False)
    """The identification as the store keeps it, where it was written beforehand; `identification` is without evidence then."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """That a stream writes to one of our addresses, as seen; for the operator only."""

    stream: str
    inbox: str
    address: str | None = field(repr=False)
    """None where its mail does not say."""
    first_at: datetime
    """Delivery of the first message that we hold, UTC."""
    last_at: datetime
    copies: int


@dataclass(frozen=True, slots=True)
class Send:
    """One mailing of a campaign: all copies over all seed inboxes of what was sent once."""

    id: int
    stream: str
    organisation: str
    at: datetime
    """The earliest copy's time, UTC."""
    stored_at: datetime
    """When we first stored a copy of it, UTC (later than `at` after an outage of ours)."""
    inboxes: tuple[str, ...]
    copies: int
    placements: Mapping[str, int]
    """Folder role → copies."""
    subject: str | None = None
    message_id: str | None = None
    platform: str | None = None
    delivery: str | None = None
    account: str | None = None
    """`kind:id` of the account at the provider."""
    platform_confidence: Confidence | None = None
    delivery_confidence: Confidence | None = None
    sdids: tuple[str, ...] = ()
    """The domains that signed it with DKIM (RFC 6376 d=), good or not."""
    authentication: tuple[tuple[str, str], ...] = ()
    """(method, result) as our receivers noted them; of several copies the one that passed counts."""
