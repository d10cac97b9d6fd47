"""Snapshot: all that pages, metrics and the terminal show, as values of one moment, and the port that brings it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from monitor.model import (
    Alert,
    AlertContext,
    Assessment,
    Confidence,
    Coverage,
    Identification,
    Notice,
    PollFailure,
    Send,
    StreamState,
)

STORAGE = "storage"
"""How a poll ended whose mail could not be kept; every FailureCause is about the inbox."""
POLL_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the poll duration's histogram, seconds."""


@dataclass(frozen=True, slots=True)
class Durations:
    """How long polls took since the start, in seconds; `counts[i]` of them ended within `POLL_BOUNDS[i]`, not cumulated."""

    counts: tuple[int, ...] = (0,) * (len(POLL_BOUNDS) + 1)
    """The last one is for everything above the highest bound."""
    seconds: float = 0.0

    def plus(self, took: timedelta) -> Durations:
        """The same with one more poll."""
        seconds = took.total_seconds()
        slot = sum(bound < seconds for bound in POLL_BOUNDS)
        counts = tuple(count + (i == slot) for i, count in enumerate(self.counts))
        return Durations(counts=counts, seconds=self.seconds + seconds)


@dataclass(frozen=True, slots=True)
class ShownProvider:
    """Through whose infrastructure a stream's last identified send came. Names are those of `config/providers/`."""

    platform: str | None = None
    delivery: str | None = None
    confidence: Confidence | None = None
    """Of the delivery, or of the platform where only that is known."""
    label: str | None = None
    """For people, with the former name: `Salesforce Marketing Cloud (formerly ExactTarget)`."""
    account: str | None = None
    """`kind:id` at the provider."""


@dataclass(frozen=True, slots=True)
class FolderHealth:
    """One monitored folder and when it was last proven readable (UTC, None: never)."""

    folder: str
    role: str
    proven_at: datetime | None


@dataclass(frozen=True, slots=True)
class CanaryHealth:
    """Our own mail to one seed inbox. Times are UTC; None: there was none."""

    sent_at: datetime | None = None
    """Of the newest one, where a server took it."""
    arrived_at: datetime | None = None
    """Of the last one that arrived, and the role of the folder where it was first seen."""
    role: str | None = None
    delays: tuple[timedelta, ...] = ()
    """From sending to delivery, of the last 24 hours."""
    totals: Mapping[str, int] = field(default_factory=dict)
    """`sent`, `failed`, and where those that arrived lay: `inbox`, `junk`, `other`; ever."""
    delay_total: timedelta = timedelta()
    """Of all that ever arrived."""


@dataclass(frozen=True, slots=True)
class InboxHealth:
    """One seed inbox by its name in the settings, never by its address."""

    inbox: str
    blind: bool
    """True once not all monitored folders were proven readable for an hour (or three of the longest poll intervals); also before
    the first proof. A poll that fails before that is `last_failure`."""
    folders: tuple[FolderHealth, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    """Proven intervals of the last two weeks, any folder, for the strip on the first page."""
    last_failure: PollFailure | None = None
    """The newest failure, None once a poll has worked again."""
    consecutive_failures: int = 0
    receiver: str | None = None
    """Who runs the mailbox, a name from `config/receivers/`."""
    group: str = "quiet"
    canary: CanaryHealth | None = None
    """None: no canary mail is sent to it."""
    unreached: bool = False
    """True while it can be read and canary mail does not arrive."""


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """An alert with the words that were stored for it."""

    alert: Alert
    title: str
    text: str
    notices: tuple[Notice, ...] = ()
    """What went to which channel about it, oldest first."""
    context: AlertContext | None = None


@dataclass(frozen=True, slots=True)
class StreamDetail:
    """What a stream's own page adds to its state."""

    last_send: Send | None = None
    identification: Identification | None = None
    """Of the last send, with its evidence."""
    is_cut: bool = False
    """True where only the beginning of that mail is kept, as it is very large or its body is yet to be read."""
    alerts: tuple[ShownAlert, ...] = ()
    """All that there ever were about it, newest first."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything at one moment. Counters only grow while the process lives; all times are aware UTC."""

    at: datetime
    """The service's clock (archive time in the demo)."""
    assessment: Assessment
    heartbeat_at: datetime
    """The scheduler's last tick, by the wall clock."""
    version: str
    inboxes: tuple[InboxHealth, ...] = ()
    alerts: tuple[ShownAlert, ...] = ()
    """Open and acknowledged ones, then those that ended in the last 14 days; newest first within each."""
    providers: Mapping[str, ShownProvider] = field(default_factory=dict)
    """Stream → provider."""
    copies: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    """(stream, delivery or `unknown`, folder role) → copies stored."""
    polls: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(inbox, `ok`, a FailureCause or STORAGE) → polls since the start."""
    durations: Durations = Durations()
    missed: int = 0
    """Jobs that the scheduler dropped, and polls that were a whole period late."""
    late: int = 0
    """Polls that began more than ten seconds after they were due."""
    problems: Mapping[str, int] = field(default_factory=dict)
    """ParseProblem.field → messages."""
    identified: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(delivery or `unknown`, Confidence or `none`) → messages."""
    alert_events: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(FindingKind, AlertEventKind) → how many."""
    notices: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(channel, `sent`, `retried` or `failed`) → how many; a channel is there from the start, with 0."""
    reload_ok: bool = True
    """False while the last try to read new settings failed and the old ones are kept."""

    @property
    def states(self) -> Sequence[StreamState]:
        return self.assessment.states


class SnapshotSource(Protocol):
    """What the pages ask for. Called from a few threads at once; each call may read the store, none may write."""

    def snapshot(self) -> Snapshot:
        """The present; may be up to a few seconds old."""
        ...

    def heartbeat(self) -> datetime | None:
        """The scheduler's last tick by the wall clock, UTC, without touching the store; None before the first."""
        ...

    def unsaved_since(self) -> datetime | None:
        """Since when, by the wall clock, no poll's result could be stored, without touching the store.

        None while the newest poll's could, and while it is one alone that could not.
        """
        ...

    def send_times(self, since: datetime) -> Mapping[str, Sequence[datetime]]:
        """Stream → times of its sends from `since` on, ascending."""
        ...

    def sends(self, stream: str, since: datetime) -> Sequence[Send]:
        """The stream's sends from `since` on, ascending by `at`."""
        ...

    def stream(self, stream: str) -> StreamDetail | None:
        """More about one stream; None: no such stream."""
        ...

    def alert(self, alert_id: int) -> ShownAlert | None:
        """One alert, however old; None: no such alert."""
        ...
