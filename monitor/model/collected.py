"""What collecting gives: copies as the server gave them, checkpoints, coverage, failures and notes about inboxes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property


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
    LOGIN_ENDED = "login_ended"
    """Of an inbox that logs in by token: its provider renews the login no more, and only its owner can make a new one."""
    THROTTLED = "throttled"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    FOLDER = "folder"
    SETTINGS = "settings"


LOGIN_CAUSES = frozenset({FailureCause.LOGIN, FailureCause.LOGIN_ENDED})
"""What is wrong is what an inbox logs in with."""


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
    server: str | None = None
    """The host that failed where it is not the inbox's mail server: the authorization server of one that logs in by token."""


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
    roles: Mapping[int, str] = field(default_factory=dict)
    """UID → role by now, of messages that may have been moved to another tab of Gmail's since they were read."""


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
