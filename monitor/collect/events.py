"""Events: read recorded sends from a CSV file, `sender_id,timestamp` and what may stand beside them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitor.collect.archived import ArchiveProblem
from monitor.errors import InputError

REQUIRED = ("sender_id", "timestamp")
OPTIONAL = ("send_id", "organisation", "provider", "inbox")
LONGEST = 500
"""Characters of a value."""


@dataclass(frozen=True, slots=True)
class ArchivedEvent:
    """One row: `sender_id` mailed at `at` (UTC). Rows with one `send_id` are copies of one send."""

    sender_id: str
    at: datetime
    send_id: str | None = None
    organisation: str | None = None
    provider: str | None = None
    inbox: str | None = None
    done: int = 0
    """Octets of an archive that have been read with it, for progress; 0 where rows are counted instead."""
    position: int = 0
    """Its line."""


def read_events(path: Path) -> Iterator[ArchivedEvent | ArchiveProblem]:
    """Row by row; one that cannot be read is a problem with its line. InputError: the file is no such table."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            rows = csv.DictReader(stream)
            missing = [name for name in REQUIRED if name not in (rows.fieldnames or ())]
            if missing:
                names = ", ".join((*REQUIRED, *OPTIONAL))
                raise InputError(
                    path, f"expected a first line that names the columns ({names}); {' and '.join(missing)} not there"
                )
            while True:
                try:
                    row = next(rows)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield ArchiveProblem(path, rows.line_num, f"is no line of CSV ({error})")
                    continue
                yield event_of(path, rows.line_num, row)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror or error})") from error


def read_timestamp(text: str) -> datetime | None:
    """ISO 8601 (without an offset it is UTC), or seconds or milliseconds since the epoch; None where it is neither."""
    try:
        number = float(text)
    except ValueError:
        pass
    else:
        try:
            return datetime.fromtimestamp(number / 1000 if abs(number) > 1e11 else number, UTC)
        except (ValueError, OverflowError, OSError):
            return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def event_of(path: Path, line: int, row: Mapping[str, str | None], done: int = 0) -> ArchivedEvent | ArchiveProblem:
    """The event of one row or record; `line` is its number."""
    values = {name: ((row.get(name) or "").strip()[:LONGEST] or None) for name in (*REQUIRED, *OPTIONAL)}
    sender, timestamp = values["sender_id"], values["timestamp"]
    at = read_timestamp(timestamp) if timestamp else None
    if sender is None:
        return ArchiveProblem(path, line, "has no sender_id")
    if at is None:
        return ArchiveProblem(path, line, f"has no time that can be read (ISO 8601 or seconds since 1970): {timestamp!r}")
    return ArchivedEvent(sender, at, values["send_id"], values["organisation"], values["provider"], values["inbox"], done, line)
