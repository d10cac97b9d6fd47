"""Build copies, visits and stores for these tests, with as little said as each test needs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from monitor.model import (
    Account,
    Checkpoint,
    Confidence,
    Coverage,
    CoverageKind,
    Evidence,
    FolderVisit,
    Identification,
    Message,
    NewCopy,
    ParseProblem,
    RawMessage,
    Role,
    StreamKey,
    Trust,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

POSTBIRD = Identification(
    delivery="Postbird",
    delivery_confidence=Confidence.LIKELY,
    account=Account("Postbird", "customer", "77"),
    evidence=(
        Evidence("Postbird", Role.DELIVERY, "return-path", "bounce.postbird.example", Trust.OBSERVED, 3.0, "postbird.yaml:0"),
    ),
)


def a_copy(
    uid: int,
    at: datetime = NOON,
    *,
    inbox: str = "seed-1",
    folder: str = "INBOX",
    role: str = "INBOX",
    uidvalidity: int = 1,
    stream: str | None = "news.example.org",
    organisation: str = "example.org",
    subject: str = "To all",
    message_id: str | None = None,
    fingerprints: tuple[str, ...] | None = None,
    identification: Identification = POSTBIRD,
    problems: tuple[ParseProblem, ...] = (),
    text: str | None = None,
    seen_at: datetime | None = None,
) -> NewCopy:
    """One copy; without `text` its bytes differ from every other's that differs in inbox, UID, subject or time."""
    body = text if text is not None else f"{inbox} {uid} {at.isoformat()}"
    raw = f"From: info@{stream}\r\nSubject: {subject}\r\n\r\n{body}\r\n".encode()
    return NewCopy(
        raw=RawMessage(
            inbox=inbox,
            folder=folder,
            role=role,
            uidvalidity=uidvalidity,
            uid=uid,
            delivered_at=at,
            seen_at=seen_at or at + MINUTE,
            raw=raw,
            size=len(raw),
        ),
        message=Message(
            message_id=message_id or f"{hashlib.sha256(raw).hexdigest()[:16]}@example.org",
            from_address=f"info@{stream}" if stream else None,
            from_name=None,
            from_domain=stream,
            subject=subject,
            sent_at=at,
            return_path=None,
            list_id=None,
            list_unsubscribe=(),
            delivered_to=(),
            headers=(),
            fields={},
            link_hosts=("click.example.org",),
            problems=problems,
        ),
        identification=identification,
        key=StreamKey(stream, organisation) if stream else None,
        at=at,
        send_fingerprints=(f"subject:{subject}",) if fingerprints is None else fingerprints,
    )


def a_visit(
    copies: Sequence[NewCopy] = (),
    *,
    inbox: str = "seed-1",
    folder: str = "INBOX",
    role: str = "INBOX",
    uidvalidity: int = 1,
    at: datetime = NOON + MINUTE,
    since: datetime | None = None,
    kind: CoverageKind = CoverageKind.LIVE,
) -> FolderVisit:
    """One look at one folder at `at`, which proves it readable `since` (None: proves nothing)."""
    proven = (Coverage(inbox, folder, since, at, kind),) if since else ()
    last_uid = max((c.raw.uid for c in copies), default=0)
    return FolderVisit(
        inbox=inbox,
        folder=folder,
        role=role,
        at=at,
        checkpoint=Checkpoint(folder, uidvalidity, last_uid, at, last_uid + 1),
        coverage=proven,
        messages=tuple(c.raw for c in copies),
    )
