"""Deliver: hand pending notices to their channels and mark each one after, so that a crash costs a repeat and no loss."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Protocol

import structlog

from monitor.alert.backoff import after_failure, after_success, wait_after
from monitor.alert.channels import Channel
from monitor.errors import ChannelError
from monitor.model import Notice, NoticeState

log = structlog.get_logger("gonequiet.deliver")


class Outbox(Protocol):
    """Where notices wait: the store."""

    def due_notices(self, now: datetime) -> Sequence[Notice]:
        """The pending notices whose `next_try_at` is None or not after `now`, oldest first."""
        ...

    def mark_notice(self, notice: Notice) -> None:
        """Keep its new state, tries, next try, time of sending and error."""
        ...


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one pass did, per channel, for the metrics."""

    channel: str
    sent: int = 0
    refused: int = 0
    """Refused this time, to be tried again."""
    failed: int = 0
    """Given up."""


class Courier:
    """Delivers pass by pass. Channels work side by side, each on one notice at a time; a dead one delays no other.

    A channel that refuses for the time being is left alone until its back-off is over, with all its notices in their order.
    """

    def __init__(self, outbox: Outbox, channels: Mapping[str, Channel], max_tries: int) -> None:
        self._outbox, self._channels, self._max_tries = outbox, dict(channels), max_tries
        self._resting: dict[str, tuple[int, datetime]] = {}
        self._unmarked: dict[int, Notice] = {}
        self._marking = Lock()

    def deliver_due(self, now: datetime) -> tuple[Delivered, ...]:
        """Try what is due, once; returns when all channels are through. Not to be called twice at a time."""
        queues: dict[str, list[Notice]] = defaultdict(list)
        for notice in self._outbox.due_notices(now):
            queues[notice.channel].append(notice)
        awake = {name: queue for name, queue in queues.items() if self._is_awake(name, now)}
        if not awake:
            return ()
        with ThreadPoolExecutor(max_workers=len(awake), thread_name_prefix="channel") as pool:
            return tuple(pool.map(lambda name: self._deliver(name, awake[name], now), sorted(awake)))

    def _is_awake(self, channel: str, now: datetime) -> bool:
        _, until = self._resting.get(channel, (0, now))
        return until <= now

    def _deliver(self, name: str, queue: Sequence[Notice], now: datetime) -> Delivered:
        sent = failed = 0
        # Fewest tries first: a notice that a service cannot stomach keeps none of the others back.
        for notice in sorted(queue, key=lambda n: (n.tries, n.id)):
            # Where a mark could not be kept (a full disk), the same try is marked now, and not made again at every pass.
            marked = self._unmarked.get(notice.id) or self._try(name, notice, now)
            with self._marking:
                self._unmarked[notice.id] = marked
                self._outbox.mark_notice(marked)
                del self._unmarked[notice.id]
            if marked.state is NoticeState.SENT:
                sent += 1
                self._resting.pop(name, None)
            elif marked.state is NoticeState.FAILED:
                failed += 1
            else:
                tries = self._resting.get(name, (0, now))[0] + 1
                self._resting[name] = (tries, now + wait_after(tries))
                return Delivered(name, sent, 1, failed)
        return Delivered(name, sent, 0, failed)

    def _try(self, name: str, notice: Notice, now: datetime) -> Notice:
        try:
            channel = self._channels.get(name)
            if channel is None:
                raise ChannelError(name, "no channel of this name is in the settings any more")
            channel.send(notice)
        except ChannelError as error:
            return self._refused(notice, error, now)
        except Exception as error:
            log.exception("a fault of ours while delivering; please report it", channel=name)
            return self._refused(notice, ChannelError(name, f"a fault of ours ({type(error).__name__})"), now)
        return after_success(notice, now)

    def _refused(self, notice: Notice, error: ChannelError, now: datetime) -> Notice:
        marked = after_failure(notice, error, now, self._max_tries)
        given_up = marked.next_try_at is None
        log.warning("notice not delivered", channel=error.channel, reason=error.reason, tries=marked.tries, given_up=given_up)
        return marked
