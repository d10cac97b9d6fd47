"""Turn raw messages into copies that the store can keep: parse, identify, find the stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from monitor.collect.canary import token_in
from monitor.collect.parse import parse_message
from monitor.identify.address import OwnAddresses, our_address
from monitor.identify.match import Identifier
from monitor.identify.send_key import send_fingerprints
from monitor.identify.stream import stream_of
from monitor.model import DkimProof, Identification, Message, NewCopy, ParseProblem, RawMessage
from monitor.settings import Settings

ANY_ADDRESS = OwnAddresses(())
LONGEST_TRANSIT = timedelta(hours=24)


def placed_at(sent_at: datetime | None, delivered_at: datetime) -> datetime:
    """When a message was sent, for rhythm: the sender's `Date:` where it is believable, UTC.

    A Date after delivery or more than a day before it is clipped, so that a wrong clock cannot move a gap far.
    """
    if sent_at is None:
        return delivered_at
    return min(max(sent_at, delivered_at - LONGEST_TRANSIT), delivered_at)


@dataclass(frozen=True)
class Reader:
    """Reads raw messages with one set of signatures and one set of stream rules."""

    identifier: Identifier
    settings: Settings
    verify: Callable[[RawMessage], tuple[DkimProof, ...]] | None = None
    """Our own DKIM verification of mail that comes in; None: off."""
    canary_key: bytes | None = None
    """What our own canary mail is signed with; None: there never was any."""

    def read(self, messages: Sequence[RawMessage]) -> list[NewCopy]:
        return [self.read_one(raw) for raw in messages]

    def read_one(self, raw: RawMessage, dkim: tuple[DkimProof, ...] | None = None) -> NewCopy:
        """`dkim` is what was verified when the message came in; None: it comes in now."""
        if dkim is None:
            dkim = self.proofs(raw)
        message = parse_message(raw.raw, raw.delivered_at)
        if raw.truncated and not raw.awaits_body:
            said = f"larger than collect.max_message_bytes: of {raw.size:,} octets the first {len(raw.raw):,} are kept"
            message = replace(message, problems=(*message.problems, ParseProblem("size", said)))
        identification = self.identify(message, raw.inbox, dkim)
        canary = token_in(message.headers, self.canary_key)
        return NewCopy(
            raw=raw,
            message=message,
            identification=identification,
            key=stream_of(message, self.settings.streams, self.settings.organisations) if canary is None else None,
            at=placed_at(message.sent_at, raw.delivered_at),
            send_fingerprints=send_fingerprints(message, identification),
            canary=canary,
            address=our_address(message.headers, self._own(raw.inbox)),
        )

    def proofs(self, raw: RawMessage) -> tuple[DkimProof, ...]:
        """What we verify ourselves of a message that comes in now."""
        return self.verify(raw) if self.verify is not None else ()

    def identify(self, message: Message, inbox: str, dkim: tuple[DkimProof, ...]) -> Identification:
        """Whose infrastructure sent a message that came into this inbox."""
        return self.identifier.identify(message, self._receivers.get(inbox), dkim)

    def _own(self, inbox: str) -> OwnAddresses:
        return self._addresses.get(inbox, ANY_ADDRESS)

    @cached_property
    def _addresses(self) -> dict[str, OwnAddresses]:
        return {inbox.name: OwnAddresses(inbox.own_addresses) for inbox in self.settings.inboxes}

    @cached_property
    def _receivers(self) -> dict[str, str | None]:
        """By inbox the receiver that the settings name, else the one that runs its IMAP host."""
        known = self.identifier.receiver_of_host
        return {i.name: i.receiver or (known(i.host) if i.host else None) for i in self.settings.inboxes}
