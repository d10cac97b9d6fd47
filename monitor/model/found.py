"""What detecting gives: findings, their levels and the state of each stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum


class Level(IntEnum):
    """How sure an alarm is: `watch` comes twelve times as often as `alert`, `confirmed` a tenth as often."""

    WATCH = 1
    ALERT = 2
    CONFIRMED = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class FindingKind(StrEnum):
    GAP = "gap"
    GROUP_GAP = "group_gap"
    PARTIAL_GROUP_GAP = "partial_group_gap"
    SEED_SILENT = "seed_silent"
    INBOX_BLIND = "inbox_blind"
    CANARY_OVERDUE = "canary_overdue"
    """Polls work, but our own canary mail does not arrive."""
    CANARY_UNSENT = "canary_unsent"
    """The canary account cannot send."""
    MAILBOX_FULL = "mailbox_full"
    """A seed inbox is nearly full, or full."""
    PASSWORD_EXPIRES = "password_expires"  # noqa: S105  a kind, not a password
    INBOX_CLOSES = "inbox_closes"
    """Its provider closes mailboxes that nobody signs in to."""
    VOLUME_DROP = "volume_drop"
    PLACEMENT_SHIFT = "placement_shift"
    PROVIDER_CHANGE = "provider_change"
    AUTHENTICATION_BROKEN = "authentication_broken"


ABOUT_US = frozenset(
    {
        FindingKind.INBOX_BLIND,
        FindingKind.CANARY_OVERDUE,
        FindingKind.CANARY_UNSENT,
        FindingKind.MAILBOX_FULL,
        FindingKind.PASSWORD_EXPIRES,
        FindingKind.INBOX_CLOSES,
    }
)
"""What is about a seed inbox or our own mail: no stream was silent."""


class StreamPhase(StrEnum):
    LEARNING = "learning"
    REGULAR = "regular"
    WATCH = "watch"
    SILENT = "silent"
    BLIND = "blind"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class GapFacts:
    """Why a silence is improbable, in numbers that a page and an alert can put into words."""

    last_send_at: datetime
    silence: timedelta
    covered: timedelta
    """The part of the silence over which a witness was proven readable."""
    return_period_years: float
    """0 where it is not known, as of a stream with too few sends."""
    expected_sends: float
    """How many sends the rhythm would have brought over the covered silence."""
    sends_learned: int
    first_send_at: datetime
    usual_pause: timedelta
    """The median of the pauses between sends."""
    longest_pause: timedelta
    """The longest completed pause known."""
    fleet_factor: float = 1.0
    """How active all other streams are against their expectation (1 is as usual)."""
    next_expected_at: datetime | None = None
    """When the silence had lasted one mean gap, or will have; declared pauses do not count."""
    alarm_due_at: datetime | None = None
    """When level `alert` is reached if nothing arrives, all stays covered, others mail as now and no month ends meanwhile (tails
    and feedback are renewed then); or when it was reached. None while learning."""
    delay_by_day: timedelta | None = None
    """From a stop within the day (8 to 20 h in the stream's zone) to its alert, on average at this setting."""
    delay_by_night: timedelta | None = None
    by_limit: bool = False
    """An alarm only because the settings want one after so long a silence (`fixed`, `ceiling`): by its rhythm it is not as rare
    as the budget asks."""
    held_back: bool = False
    """As rare as the budget asks, and no alarm only because the settings want none yet (`floor`, `fixed`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What detect says at one `now`. `key` is the identity of the alert that it opens or keeps open."""

    kind: FindingKind
    key: str
    """`gap:victory.donaldtrump.com`, `inbox_blind:gmail-1`, `group_gap:delivery:SendGrid` …"""
    subject: str
    """The stream, inbox or group that it is about."""
    level: Level
    since: datetime
    """When the state began, UTC: for a gap the last send."""
    found_at: datetime
    """When the finding became true, UTC; earlier than now where it was back-dated."""
    organisation: str | None = None
    members: tuple[str, ...] = ()
    """The streams that a group finding names; their own alerts stay quiet."""
    unsure: tuple[str, ...] = ()
    """Those of `members` that may as well be in an ordinary pause: it is too early to tell."""
    resumed: tuple[str, ...] = ()
    """Streams that an open alert has named and that have mailed since: they are among its `members` no more."""
    gap: GapFacts | None = None
    note: str = ""
    """One claim-safe sentence with what is particular here."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """One stream at one `now`, for pages, metrics and `gonequiet gaps --all`."""

    stream: str
    organisation: str
    phase: StreamPhase
    last_send_at: datetime
    sends: int
    expected_sends_per_day: float
    return_period_years: float
    alarm_due_at: datetime | None
    """When an alarm at level `alert` would open if nothing arrived and all stayed covered; None while learning."""
    next_expected_at: datetime | None
    inboxes: tuple[str, ...]
    gap: GapFacts | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """All that detect says at one `now`."""

    at: datetime
    findings: tuple[Finding, ...]
    states: Sequence[StreamState]
    """Of every stream, by name; made only when somebody looks."""
