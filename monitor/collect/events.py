"""Events: read recorded sends from a CSV file, `sender_id,timestamp` and what may stand beside them.

Plain tuples, as files of a million rows are read.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from monitor.collect.archived import ArchiveProblem
from monitor.errors import InputError

REQUIRED = ("sender_id", "timestamp")
OPTIONAL = ("send_id", "organisation", "provider", "inbox")
ALSO_CALLED = {"sender_id": "domain", "timestamp": "date", "send_id": "message_id"}
"""As in the public archive dwillis/political-emails; taken where the column itself is not there."""
_NOWHERE = (None,) * len(OPTIONAL)
LONGEST = 500
"""Characters of a value."""
YEARS = range(1900, 2200)
"""Of which mail may be; any other year is a mistake or a mark for `not known`, and no replay could get through to it."""


class ArchivedEvent(NamedTuple):
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
    source: Path | None = None
    """The file of an archive that it stands in; None where that is the one that was asked for."""


def read_events(path: Path) -> Iterator[ArchivedEvent | ArchiveProblem]:
    """Row by row; one that cannot be read is a problem with its line. InputError: the file is no such table."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            rows = csv.reader(stream)
            try:
                places = _places(path, next(rows, []))
            except csv.Error as error:
                raise InputError(path, f"is no CSV file ({error})") from error
            while True:
                try:
                    for row in rows:
                        if row:
                            yield _event(path, rows.line_num, row, places)
                    return
                except csv.Error as error:
                    yield ArchiveProblem(path, rows.line_num, f"is no line of CSV ({error})")
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror or error})") from error


def read_timestamp(text: str) -> datetime | None:
    """ISO 8601 (without an offset it is UTC), or seconds or milliseconds since the epoch; None where it is neither."""
    if text[4:5] != "-":  # no year: quicker than to try both
        try:
            number = float(text)
            return datetime.fromtimestamp(number / 1000 if abs(number) > 1e11 else number, UTC)
        except (ValueError, OverflowError, OSError):
            pass
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is UTC:
            return moment
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def column_name(heading: str) -> str:
    """As programs that export tables write it: space around it and capitals do not matter."""
    return heading.strip().lower()


def _places(path: Path, header: list[str]) -> tuple[int | None, ...]:
    """Where in a row each column of REQUIRED and OPTIONAL stands; None: nowhere."""
    names = {column_name(name): place for place, name in reversed(list(enumerate(header)))}
    places = {name: names.get(name, names.get(ALSO_CALLED.get(name, ""))) for name in (*REQUIRED, *OPTIONAL)}
    if missing := [name for name in REQUIRED if places[name] is None]:
        columns = ", ".join((*REQUIRED, *OPTIONAL))
        raise InputError(path, f"expected a first line that names the columns ({columns}); {' and '.join(missing)} not there")
    return tuple(places.values())


def event_of(path: Path, line: int, row: Mapping[str, str | None], done: int = 0) -> ArchivedEvent | ArchiveProblem:
    """The event of one row or record; `line` is its number."""
    found = _event(path, line, [row.get(name) for name in (*REQUIRED, *OPTIONAL)], range(len((*REQUIRED, *OPTIONAL))), done)
    return found._replace(source=path) if isinstance(found, ArchivedEvent) else found


def _event(
    path: Path, line: int, row: Sequence[str | None], places: Sequence[int | None], done: int = 0
) -> ArchivedEvent | ArchiveProblem:
    """`places`: where in the row each column of REQUIRED and OPTIONAL stands."""
    sender, timestamp = _value(row, places[0]), _value(row, places[1])
    if sender is None:
        return ArchiveProblem(path, line, "has no sender_id")
    if timestamp is None:
        return ArchiveProblem(path, line, "has no timestamp")
    at = read_timestamp(timestamp)
    if at is None:
        return ArchiveProblem(path, line, f"has no time that can be read (ISO 8601 or seconds since 1970): {timestamp!r}")
    if at.year not in YEARS:
        return ArchiveProblem(path, line, f"has a time of which no mail can be: {timestamp!r}")
    if places[2:] == _NOWHERE:
        return ArchivedEvent(sender, at, None, None, None, None, done, line)
    send, organisation, provider, inbox = [_value(row, place) for place in places[2:]]
    return ArchivedEvent(sender, at, send, organisation, provider, inbox, done, line)


def _value(row: Sequence[str | None], place: int | None) -> str | None:
    if place is None or place >= len(row):
        return None
    return (row[place] or "").strip()[:LONGEST] or None
