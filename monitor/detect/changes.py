"""Follow all streams' infrastructure and authentication send by send, as a running service learns of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.detect.authentication import AuthenticationFollower, Breakage
from monitor.detect.infrastructure import InfrastructureChange, InfrastructureFollower, SentThrough
from monitor.model import Confidence, Send

WAIT = timedelta(minutes=15)
"""A send is taken so long after it was first stored: further copies of it may say more."""
LOOKED_BACK = 120
"""Sends of each stream that are looked at when following begins."""
REMEMBERED = 60
"""Sends of each stream of which it is known whether they have changed since they were taken."""


def sent_through(send: Send) -> SentThrough:
    """What a stored send says; a provider that is only possible is left out."""
    return SentThrough(
        stream=send.stream,
        at=send.at,
        organisation=send.organisation,
        send=send.id,
        message_id=send.message_id,
        platform=None if send.platform_confidence is Confidence.POSSIBLE else send.platform,
        delivery=None if send.delivery_confidence is Confidence.POSSIBLE else send.delivery,
        account=send.account,
        sdids=send.sdids,
        authentication=send.authentication,
    )


class Changes:
    """Sends come in any order and any number of times; the answer is that of the whole history in order.

    Where a send comes late, or one that was taken is different now, its stream is `behind` until its history is given anew.
    """

    def __init__(self) -> None:
        self._streams: dict[str, _Followed] = defaultdict(_Followed)
        self._waiting: dict[int, Send] = {}
        self._behind: set[str] = set()

    def add_sends(self, sends: Iterable[Send]) -> None:
        """New or changed sends; one without copies has become part of another."""
        for send in sends:
            self._waiting.pop(send.id, None)
            followed = self._streams.get(send.stream)
            known = followed.taken.get(send.id) if followed else None
            if send.copies == 0:
                if known is not None:
                    self._behind.add(send.stream)
            elif known is None:
                self._waiting[send.id] = send
            elif known != hash(sent_through(send)):
                self._behind.add(send.stream)

    def settle(self, now: datetime) -> tuple[str, ...]:
        """Take the sends that have waited long enough; the streams that are behind, whose history `restart` wants."""
        ready: dict[str, list[Send]] = defaultdict(list)
        for send in self._waiting.values():
            if send.stored_at + WAIT <= now:
                ready[send.stream].append(send)
        for stream, sends in ready.items():
            followed = self._streams[stream]
            sends.sort(key=lambda s: (s.at, s.id))
            if followed.last_at is not None and sends[0].at < followed.last_at:
                self._behind.add(stream)
            if stream not in self._behind:
                followed.take(sends if followed.last_at else sends[-LOOKED_BACK:])
            for send in sends:
                del self._waiting[send.id]
        return tuple(sorted(self._behind))

    def restart(self, stream: str, sends: Iterable[Send], now: datetime) -> None:
        """Follow one stream anew from its stored sends in order of time."""
        self._behind.discard(stream)
        self._streams[stream] = followed = _Followed()
        followed.take([send for send in sends if send.stored_at + WAIT <= now][-LOOKED_BACK:])

    def changes(self, since: datetime) -> list[InfrastructureChange]:
        """Those that became sure at or after a moment, by stream."""
        return [c for _, followed in sorted(self._streams.items()) for c in followed.changes if c.found_at >= since]

    def breakages(self) -> list[Breakage]:
        """Of authentication, mended or not, by stream."""
        return [b for _, followed in sorted(self._streams.items()) for b in followed.authentication.breakages()]


@dataclass(slots=True)
class _Followed:
    """One stream: what is known of it, and the newest sends that this rests on (number → hash of what it said)."""

    infrastructure: InfrastructureFollower = field(default_factory=InfrastructureFollower)
    authentication: AuthenticationFollower = field(default_factory=AuthenticationFollower)
    changes: list[InfrastructureChange] = field(default_factory=list)
    taken: dict[int, int] = field(default_factory=dict)
    last_at: datetime | None = None

    def take(self, sends: Iterable[Send]) -> None:
        for send in sends:
            record = sent_through(send)
            self.changes += self.infrastructure.take(record)
            self.authentication.take(record)
            self.taken[send.id] = hash(record)
            self.last_at = send.at
        while len(self.taken) > REMEMBERED:
            del self.taken[next(iter(self.taken))]
