"""Replay: what a backtest runs on, from files or from the store, as the detector's columns."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from monitor.app.session import Session
from monitor.collect.archived import ArchiveProblem
from monitor.collect.events import ArchivedEvent, read_events, read_timestamp
from monitor.detect.backtest import Setting
from monitor.detect.calendar import hours_of
from monitor.detect.events import Event, Events
from monitor.detect.witnesses import Interval
from monitor.errors import InputError
from monitor.settings import GapSettings

GroupBy = Literal["stream", "organisation", "provider"]
Complain = Callable[[ArchiveProblem], None]
NOT_KNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Material:
    """Events to replay, and until when (hours since the epoch) which of them were observed."""

    events: Events
    censor: Mapping[str, float]
    coverage: Mapping[str, list[Interval]]


def events_in_file(path: Path, group_by: GroupBy, complain: Complain) -> Events:
    """The events of a CSV file; rows that cannot be read are complained of and left out."""
    return Events.of(_read(path, group_by, complain))


def events_in_store(session: Session, group_by: GroupBy) -> Events:
    """All stored sends."""
    return Events.of(
        Event(
            sender_id=_name(group_by, send.stream, send.organisation, send.delivery or send.platform),
            at=send.at,
            send_id=str(send.id),
        )
        for send in session.store.sends()
    )


def read_censor(path: Path) -> dict[str, float]:
    """`sender_id,censor_ts`: when observation of each ended."""
    return {row["sender_id"]: hours_of(_moment(path, n, row, "censor_ts")) for n, row in _rows(path, ("sender_id", "censor_ts"))}


def read_coverage(path: Path) -> dict[str, list[Interval]]:
    """`inbox,start,end`: when each inbox was proven readable."""
    proven: dict[str, list[Interval]] = {}
    for number, row in _rows(path, ("inbox", "start", "end")):
        start, end = _moment(path, number, row, "start"), _moment(path, number, row, "end")
        if end <= start:
            raise InputError(path, f"line {number}: end is not after start")
        proven.setdefault(row["inbox"], []).append((hours_of(start), hours_of(end)))
    return proven


def settings_to_try(gap: GapSettings, yearly: Iterable[float], fixed_hours: Iterable[float]) -> list[Setting]:
    """The learned rule at each budget, all else as in `gap`, then fixed silences for comparison."""
    learned = [Setting(f"{a:g}/year", gap.model_copy(update={"false_alarms_per_sender_year": a})) for a in yearly]
    return learned + [Setting(f"fixed {h:g} h", gap.model_copy(update={"fixed": timedelta(hours=h)})) for h in fixed_hours]


def _read(path: Path, group_by: GroupBy, complain: Complain) -> Iterable[Event]:
    for found in read_events(path):
        if isinstance(found, ArchiveProblem):
            complain(found)
        else:
            yield _event(found, group_by)


def _event(found: ArchivedEvent, group_by: GroupBy) -> Event:
    sender = _name(group_by, found.sender_id, found.organisation, found.provider)
    # Two streams of a group may use the same send_id: it is theirs only.
    send = found.send_id if group_by == "stream" or found.send_id is None else f"{found.sender_id} {found.send_id}"
    return Event(sender, found.at, send, found.organisation, found.provider, found.inbox)


def _name(group_by: GroupBy, stream: str, organisation: str | None, provider: str | None) -> str:
    return {"stream": stream, "organisation": organisation or stream, "provider": provider or NOT_KNOWN}[group_by]


def _rows(path: Path, columns: tuple[str, ...]) -> Iterable[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            if missing := [name for name in columns if name not in (rows.fieldnames or ())]:
                raise InputError(path, f"expected the columns {', '.join(columns)}; {', '.join(missing)} not there")
            for row in rows:
                yield rows.line_num, {name: (row[name] or "").strip() for name in columns}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, f"cannot be read ({getattr(error, 'strerror', None) or error})") from error


def _moment(path: Path, line: int, row: Mapping[str, str], column: str) -> datetime:
    moment = read_timestamp(row[column])
    if moment is None:
        raise InputError(path, f"line {line}: {column}: expected ISO 8601 or seconds since 1970, got {row[column]!r}")
    return moment
