"""Import: past mail and recorded events from files into the store, with what was skipped and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from monitor.app.ingest import Reader
from monitor.collect.archive import ArchivedMessage, ArchiveProblem, read_archive
from monitor.collect.events import ArchivedEvent, read_events
from monitor.model import Identification, Message, NewCopy, RawMessage, StreamKey
from monitor.store.store import Imported, Store

Progress = Callable[[int], None]
"""Is told how many octets of the file have been read."""


@dataclass
class Summary:
    """What came of importing one file."""

    path: Path
    imported: Imported = field(default_factory=Imported)
    skipped: list[ArchiveProblem] = field(default_factory=list)


def import_mail(path: Path, name: str, store: Store, reader: Reader, now: datetime, progress: Progress) -> Summary:
    """Read an mbox, .eml, Maildir or a folder of such into the inbox `import:NAME`. Importing again adds nothing twice."""
    summary = Summary(path)

    def copies() -> Iterator[NewCopy]:
        for found in read_archive(path):
            if isinstance(found, ArchiveProblem):
                summary.skipped.append(found)
                continue
            progress(found.done)
            yield reader.read_one(_as_raw(found, name, now))

    summary.imported = store.save_imported(copies())
    return summary


def import_events(path: Path, name: str, store: Store, now: datetime, progress: Progress) -> Summary:
    """Read `sender_id,timestamp` rows: each is a copy of which only sender and time are known."""
    summary = Summary(path)

    def copies() -> Iterator[NewCopy]:
        for number, found in enumerate(read_events(path), start=1):
            if isinstance(found, ArchiveProblem):
                summary.skipped.append(found)
                continue
            progress(number)
            yield _as_copy(found, name, now)

    summary.imported = store.save_imported(copies())
    return summary


def _as_raw(found: ArchivedMessage, name: str, now: datetime) -> RawMessage:
    return RawMessage(
        inbox=f"import:{name}",
        folder=found.folder,
        role=found.role,
        uidvalidity=0,
        uid=found.position,
        delivered_at=found.delivered_at or datetime.fromtimestamp(found.source.stat().st_mtime, UTC),
        seen_at=now,
        raw=found.raw,
        size=len(found.raw),
    )


def _as_copy(event: ArchivedEvent, name: str, now: datetime) -> NewCopy:
    facts = {
        "sender_id": event.sender_id,
        "timestamp": event.at.isoformat(),
        "send_id": event.send_id,
        "provider": event.provider,
        "inbox": event.inbox,
    }
    line = json.dumps({key: value for key, value in facts.items() if value is not None}).encode()
    raw = RawMessage(f"import:{event.inbox or name}", "INBOX", "INBOX", 0, 0, event.at, now, line, len(line))
    job = event.send_id or f"{event.sender_id} {event.at.isoformat()}"
    return NewCopy(
        raw=raw,
        message=Message(
            message_id=None,
            from_address=None,
            from_name=None,
            from_domain=None,
            subject=None,
            sent_at=event.at,
            return_path=None,
            list_id=None,
            list_unsubscribe=(),
            delivered_to=(),
            headers=(),
        ),
        identification=Identification(delivery=event.provider),
        key=StreamKey(event.sender_id, event.organisation or event.sender_id),
        at=event.at,
        send_fingerprints=(f"job:{job}",),
    )
