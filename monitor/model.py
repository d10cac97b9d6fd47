"""The nouns that travel along the line collect → identify → store → detect → alert → show.

All datetimes are aware and UTC; spans are `timedelta`; nothing here reads a clock, a file or a socket,
and this file imports nothing of ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from functools import cached_property

# ---------------------------------------------------------------------------------------------- collect


@dataclass(frozen=True, slots=True)
class ParseProblem:
    """One oddity of a message that was kept all the same, such as `ParseProblem("date", "no such month")`."""

    field: str
    detail: str


@dataclass(frozen=True)
class RawMessage:
    """One copy as the server gave it: (inbox, folder, UIDVALIDITY, UID) and the bytes (RFC 9051 §2.3.1)."""

    inbox: str
    folder: str
    role: str
    """`INBOX`, `JUNK`, `TAB:promotions`, `ALL`, `ARCHIVE`, `TRASH` or `OTHER` (RFC 6154, Gmail labels)."""
    uidvalidity: int
    uid: int
    delivered_at: datetime
    """INTERNALDATE, UTC."""
    seen_at: datetime
    """Our first look at it, UTC."""
    raw: bytes
    size: int
    """RFC822.SIZE in octets; larger than `len(raw)` where `truncated`."""
    truncated: bool = False
    awaits_body: bool = False
    """True where only the headers were read so far, as a large backlog came in; the rest follows."""

    @cached_property
    def sha256(self) -> str:
        """Lower-case hex digest of the bytes we hold."""
        return hashlib.sha256(self.raw).hexdigest()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far one folder has been read. A UID means nothing under another UIDVALIDITY (RFC 9051 §2.3.1.1)."""

    folder: str
    uidvalidity: int
    last_uid: int
    proven_at: datetime
    """The last moment at which the folder was proven readable, UTC."""
    uidnext: int | None = None
    highestmodseq: int | None = None
    messages: int | None = None
    """How many the server said that there were; None until the folder has been read to its end."""
    state: str | None = None
    """What a folder without numbers (Maildir, mbox) is compared with at the next look; None over IMAP."""


UidRange = tuple[int, int]
"""First and last UID, both included."""


class CoverageKind(StrEnum):
    """How an interval was proven; what is in no interval is unknown, and unknown is not silence."""

    LIVE = "live"
    RETROSPECTIVE = "retrospective"


@dataclass(frozen=True, slots=True)
class Coverage:
    """A half-open interval [start, end) over which one folder of one inbox was proven readable, UTC."""

    inbox: str
    folder: str
    start: datetime
    end: datetime
    kind: CoverageKind = CoverageKind.LIVE
    polls: int = 1
    """How many successful polls prove it."""


class FailureCause(StrEnum):
    """Why a poll saw nothing, for metrics and for the operator."""

    NETWORK = "network"
    DNS = "dns"
    TLS = "tls"
    LOGIN = "login"
    THROTTLED = "throttled"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    FOLDER = "folder"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class PollFailure:
    """One poll of an inbox (folder None) or of one folder that failed at `at`, UTC."""

    inbox: str
    folder: str | None
    at: datetime
    cause: FailureCause
    detail: str
    """One line that names what to mend; holds no password and no address."""
    retryable: bool = True


@dataclass(frozen=True, slots=True)
class Quota:
    """How full a mailbox is (RFC 9208): of its resources the one that is nearest to its limit."""

    resource: str
    """`STORAGE` (in KiB) or `MESSAGE`."""
    used: int
    limit: int

    @property
    def share(self) -> float:
        return self.used / self.limit if self.limit > 0 else 0.0


@dataclass(frozen=True, slots=True)
class InboxNote:
    """What a server says of a seed inbox itself: asked once an hour, and at each login."""

    inbox: str
    at: datetime
    quota: Quota | None = None
    """None: the server does not say."""
    alert: str | None = None
    """What it wants its owner to read ([ALERT] at login, RFC 9051 §7.1): one line, without addresses."""
    full_since: datetime | None = None
    """When it was first seen nearly full; kept by the store while it is so."""
    alert_since: datetime | None = None
    """The same of its alert."""


@dataclass(frozen=True, slots=True)
class ArchiveMark:
    """How far an archive has been read: octets of the whole of it, and the position of the last message in its file."""

    done: int = 0
    position: int = 0


@dataclass(frozen=True, slots=True)
class Canary:
    """One canary mail: ours, to one seed inbox, to see that mail arrives there. Stored before it is sent, marked after."""

    inbox: str
    token: str
    """What it is recognised by, without its signature."""
    made_at: datetime
    sent_at: datetime | None = None
    """When the canary account's server was given it and took it, UTC."""
    tries: int = 0
    error: str | None = None
    """Why the last try failed; about the canary account, not about the inbox."""
    given_up: bool = False
    """The server will not take it however often it is tried."""
    arrived_at: datetime | None = None
    """INTERNALDATE, UTC."""
    role: str | None = None
    """The role of the folder where it was first seen."""


@dataclass(frozen=True, slots=True)
class MissingCanaries:
    """Canaries in a row, to one inbox, that were sent and have not arrived; the ones before and after them did, if any."""

    inbox: str
    first_sent_at: datetime
    number: int
    good_before: datetime | None
    """When the last one that arrived before them was sent, UTC."""
    good_after: datetime | None
    """When the first one that arrived after them was sent; None: none has arrived since."""
    arrived_after: datetime | None
    """When that one arrived."""


@dataclass(frozen=True, slots=True)
class FolderVisit:
    """What one look at one folder brought: stored in one transaction, or not at all."""

    inbox: str
    folder: str
    role: str
    at: datetime
    checkpoint: Checkpoint
    coverage: tuple[Coverage, ...] = ()
    messages: tuple[RawMessage, ...] = ()
    restarted: bool = False
    """True where UIDVALIDITY changed and the folder was read anew."""
    vanished: tuple[UidRange, ...] | None = None
    """UIDs under which nothing lies any more, of this UIDVALIDITY; UIDs that never were may be among them.
    None: not looked for. Under any other UIDVALIDITY nothing lies then either."""


@dataclass(frozen=True, slots=True)
class Bodies:
    """The whole of messages whose headers were stored before; stored in one transaction."""

    inbox: str
    folder: str
    uidvalidity: int
    messages: tuple[RawMessage, ...]
    missing: tuple[int, ...] = ()
    """UIDs that were asked for and not given: of these the headers are all there will be."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """Messages of one folder whose headers alone are stored, newest first."""

    uidvalidity: int
    uids: tuple[int, ...]


# ---------------------------------------------------------------------------------------------- identify


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
    """`pass`, `fail`, `temperror` (DNS gave no answer) or `permerror`."""
    key: str | None
    """The TXT record of the public key as it was found."""
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Identification:
    """Whose infrastructure sent a message, how sure that is, and why."""

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
    dkim: tuple[DkimProof, ...] = ()
    """Our own verification at receipt; () where it is off or came too late."""


@dataclass(frozen=True)
class Message:
    """One parsed message. `None` means that the message does not say; nothing here is trusted by itself."""

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


# ---------------------------------------------------------------------------------------------- store, detect


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
    """When the silence had lasted one mean gap, or will have."""
    alarm_due_at: datetime | None = None
    """When level `alert` is reached if nothing arrives and all stays covered, or was reached; None while learning."""
    delay_by_day: timedelta | None = None
    """From a stop within the day (8 to 20 h in the stream's zone) to its alert, on average at this setting."""
    delay_by_night: timedelta | None = None


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


# ---------------------------------------------------------------------------------------------- alert


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
