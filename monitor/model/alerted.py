"""What alerting keeps: alerts, what happened to them, and the notices that receivers get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.model.found import Finding, FindingKind, Level
from monitor.model.identified import Confidence, Evidence
from monitor.model.stored import Send


class AlertState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    RETRACTED = "retracted"
    """Late mail showed that the silence had not been there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A finding's life. One is open per key; a parent (a service, an inbox) keeps its children quiet."""

    id: int
    key: str
    kind: FindingKind
    subject: str
    level: Level
    state: AlertState
    since: datetime
    found_at: datetime
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    resumed_at: datetime | None = None
    """The send that ended the gap, UTC."""
    acknowledged_by: str | None = None
    muted_until: datetime | None = None
    comment: str | None = None
    parent: str | None = None
    organisation: str | None = None
    finding: Finding | None = None
    """The newest finding behind it."""
    told: tuple[str, ...] = ()
    """The channels that were told of it; only they hear of its end."""


class AlertEventKind(StrEnum):
    OPENED = "opened"
    RAISED = "raised"
    """Its level rose."""
    RESOLVED = "resolved"
    CORRECTED = "corrected"
    TEST = "test"


class NoticeState(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    """Given up after the last try; shown and counted, never dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message about an alert to one channel: stored before it is sent, marked after."""

    id: int
    alert_id: int | None
    event: AlertEventKind
    channel: str
    key: str
    """Idempotency key, the same at every repeat, so that the receiver can recognise one."""
    title: str
    text: str
    html: str | None
    payload: Mapping[str, object]
    created_at: datetime
    state: NoticeState = NoticeState.PENDING
    tries: int = 0
    next_try_at: datetime | None = None
    sent_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """A notice that the lifecycle asks for; stored once per (alert, event, level, channel), which `key` spells."""

    channel: str
    event: AlertEventKind
    key: str
    title: str
    text: str
    html: str | None
    payload: Mapping[str, object]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChange:
    """One step of an alert's life: the alert as it is from now on and the notices that tell of it."""

    alert: Alert
    """With id 0 for a new one; the store gives it its number."""
    event: AlertEventKind | None = None
    """None where nothing is told, such as a newer finding behind the same alert."""
    notices: tuple[NewNotice, ...] = ()
    by_hand: bool = False
    """True for what an operator says (acknowledged, muted, why): the detector's side of the alert is left as it is stored,
    and the other way round, so that the two may write at the same instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertContext:
    """What the store knows around an alert, for a text that says only what was seen."""

    last_send: Send | None = None
    last_evidence: tuple[Evidence, ...] = ()
    provider_label: str | None = None
    """Provider with its former name, e.g. `Salesforce Marketing Cloud (formerly ExactTarget)`."""
    provider_aliases: tuple[str, ...] = ()
    confidence: Confidence | None = None
    polls_since: int = 0
    """Successful polls of the stream's inboxes since the last send."""
    covered_since: timedelta | None = None
    inboxes: tuple[str, ...] = ()
    others_sends: int = 0
    """Sends of other streams that reached the same inboxes since the last send."""
    others_streams: int = 0
    others_last_at: datetime | None = None
    same_organisation: tuple[Send, ...] = field(default=())
    """Sends of the same organisation's other streams since the last send."""
    shared_link_hosts: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Of these, by id: the hosts of their links that the last send links to as well."""
