"""What comes out of an archive: messages, and what was skipped with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

LARGEST = 100_000_000
"""Octets of a message; what is larger is no mail."""


@dataclass(frozen=True, slots=True)
class ArchivedMessage:
    """One message of an archive."""

    raw: bytes
    """As it lies there; of an mbox without its `From ` line and with `>From ` as it was."""
    source: Path
    position: int
    """Its number within the file, from 1."""
    folder: str
    role: str
    """As a `RawMessage` has them: from the Maildir folder, or Gmail's labels in a Takeout."""
    delivered_at: datetime | None
    """UTC; None where the archive does not say."""
    done: int
    """Octets of the whole archive that have been read with this message, for progress."""


@dataclass(frozen=True, slots=True)
class ArchiveProblem:
    """Something that was skipped, and why."""

    source: Path
    position: int | None
    reason: str
