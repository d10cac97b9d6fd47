"""Replay: what a backtest runs on, from files or from the store, as the detector's columns."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from monitor.collect.archived import ArchiveProblem
from monitor.collect.events import YEARS, ArchivedEvent, column_name, read_events, read_timestamp
from monitor.detect.backtest_result import Setting
from monitor.detect.calendar import hours_of, moment_of
from monitor.detect.events import Event, Events
from monitor.detect.witnesses import Interval, intersect, subtract
from monitor.errors import InputError
from monitor.model import Coverage, CoverageKind
from monitor.settings import Settings

if TYPE_CHECKING:  # a file of events needs no store, which takes a second to import
    from monitor.app.session import Session

GroupBy = Literal["stream", "organisation", "provider", "inbox"]
Complain = Callable[[ArchiveProblem], None]
NOT_KNOWN = "unknown"
LONG_AGO, FAR_AHEAD = -1e9, 1e9
"""Hours since the epoch beyond all mail."""


@dataclass(frozen=True, slots=True)
class Material:
    """What is replayed, as the detector's columns."""

    events: Events
    organisations: Mapping[str, str]
    """Stream → its organisation, where that is known."""
    coverage: Mapping[str, Sequence[Interval]]
    """Inbox → when it was covered, proven as it passed; empty: all time counts."""
    in_retrospect: Mapping[str, Sequence[Interval]] = field(default_factory=dict)
    """Inbox → when it was covered, but proven at the end only, after a hole of ours."""
    ends: Mapping[str, float] = field(default_factory=dict)
    """When each stream was last observed (hours); those that are not there: at the last event of all."""


def events_in_file(path: Path, group_by: GroupBy, complain: Complain) -> Material:
    """The events of a CSV file; rows that cannot be read are complained of and left out."""
    organisations: dict[str, str] = {}
    return Material(Events.of(_read(path, group_by, complain, organisations)), organisations, {})


def events_in_store(session: Session, group_by: GroupBy) -> Material:
    """All stored sends with what was recorded of polls: holes between proofs count for nobody.

    Before the first proof of an inbox its mail came by an import, which has none; that time counts, as does the present.
    What was proven after a hole of ours counts too, but nothing was known of it before.
    A stream was observed up to the last proof of any inbox that gets it.
    """
    organisations: dict[str, str] = {}

    def stored() -> Iterator[Event]:
        for send in session.store.sends():
            organisations[send.stream] = send.organisation
            for inbox in send.inboxes:
                sender = _name(group_by, send.stream, send.organisation, send.delivery or send.platform, inbox)
                yield Event(sender, send.at, str(send.id), None, None, inbox)

    events = Events.of(stored())
    proven = session.watch().covered()
    later = _in_retrospect(session, proven)
    whole = {inbox: [(LONG_AGO, FAR_AHEAD)] for inbox in events.seen_by()}
    if not proven:
        return Material(events, organisations, {})
    until = {inbox: spans[-1][1] for inbox, spans in proven.items()}
    return Material(
        events,
        organisations,
        whole | {inbox: subtract(_open_ended(spans), later.get(inbox, ())) for inbox, spans in proven.items()},
        later,
        {s: max(until[i] for i in inboxes & until.keys()) for s, inboxes in events.inboxes.items() if inboxes & until.keys()},
    )


def _open_ended(spans: Sequence[Interval]) -> list[Interval]:
    """The same holes, and none before and after."""
    starts, ends = [LONG_AGO, *(start for start, _ in spans[1:])], [*(end for _, end in spans[:-1]), FAR_AHEAD]
    return list(zip(starts, ends, strict=True))


def _in_retrospect(session: Session, proven: Mapping[str, Sequence[Interval]]) -> dict[str, list[Interval]]:
    """What of it was proven at its end only, since the inbox was first watched live.

    Looks far apart are kept as one interval with their number: they are taken to have come evenly.
    """
    if not proven:
        return {}
    first, last = min(spans[0][0] for spans in proven.values()), max(spans[-1][1] for spans in proven.values())
    rows: dict[str, list[Coverage]] = {}
    for row in session.store.coverage():
        if row.kind is CoverageKind.RETROSPECTIVE:
            rows.setdefault(row.inbox, []).append(row)
    found: dict[str, list[Interval]] = {}
    for seen in session.store.witnessed(moment_of(first), moment_of(last), None, tuple(sorted(proven))).inboxes:
        live_from = min((s.start for s in seen.stretches if s.kind is CoverageKind.LIVE), default=None)
        for s in seen.stretches:
            if s.kind is CoverageKind.RETROSPECTIVE and live_from is not None and s.start > live_from:
                looks = max((row.polls for row in rows[seen.inbox] if row.start < s.end and row.end > s.start), default=1)
                found.setdefault(seen.inbox, []).extend(_divided(hours_of(s.start), hours_of(s.end), looks))
    return {inbox: spans for inbox, pieces in found.items() if (spans := intersect(pieces, proven[inbox]))}


def _divided(start: float, end: float, parts: int) -> list[Interval]:
    edges = [start + (end - start) * k / parts for k in range(parts)]
    return list(zip(edges, [*edges[1:], end], strict=True))


def read_censor(path: Path) -> dict[str, float]:
    """`sender_id,censor_ts`: when observation of each ended."""
    ends: dict[str, float] = {}
    for number, row in _rows(path, ("sender_id", "censor_ts")):
        moment = _moment(path, number, row, "censor_ts")
        if moment.year not in YEARS:
            expected = f"expected a year from {YEARS.start} to {YEARS.stop - 1}, got {row['censor_ts']!r}"
            raise InputError(path, f"line {number}: censor_ts: {expected}")
        ends[row["sender_id"]] = hours_of(moment)
    return ends


def read_coverage(path: Path) -> tuple[dict[str, list[Interval]], dict[str, list[Interval]]]:
    """`inbox,start,end[,kind]`: when each inbox was proven readable, live (as where there is no kind) and in retrospect."""
    proven: dict[CoverageKind, dict[str, list[Interval]]] = {kind: {} for kind in CoverageKind}
    for number, row in _rows(path, ("inbox", "start", "end"), ("kind",)):
        start, end = _moment(path, number, row, "start"), _moment(path, number, row, "end")
        if end <= start:
            raise InputError(path, f"line {number}: end is not after start")
        proven[_kind(path, number, row["kind"])].setdefault(row["inbox"], []).append((hours_of(start), hours_of(end)))
    if not any(proven.values()):
        raise InputError(path, "there is no interval in it: nothing would be covered")
    return proven[CoverageKind.LIVE], proven[CoverageKind.RETROSPECTIVE]


def _kind(path: Path, line: int, word: str) -> CoverageKind:
    try:
        return CoverageKind(word.lower() or CoverageKind.LIVE)
    except ValueError:
        raise InputError(path, f"line {line}: kind: expected {' or '.join(CoverageKind)}, got {word!r}") from None


def settings_to_try(
    settings: Settings, material: Material, yearly: Iterable[float], fixed_hours: Iterable[float]
) -> list[Setting]:
    """The learned rule at each budget (none: as in the settings), all else as in the settings, then fixed silences."""
    gap = settings.gap
    total = gap.false_alarms_total_year
    budgets = list(dict.fromkeys(yearly))
    if not budgets and total is not None:
        learned = [_setting(f"{total:g}/year together", settings, material, {})]
    else:
        budgets = budgets or [gap.false_alarms_per_sender_year]
        keys = ("false_alarms_per_sender_year", "false_alarms_total_year")
        learned = [_setting(f"{a:g}/year", settings, material, dict(zip(keys, (a, None), strict=True))) for a in budgets]
    return learned + [
        _setting(f"fixed {h:g} h", settings, material, {"fixed": timedelta(hours=h)}) for h in dict.fromkeys(fixed_hours)
    ]


def _setting(name: str, settings: Settings, material: Material, tried: Mapping[str, object]) -> Setting:
    own = {s: settings.gap_for(s, material.organisations.get(s, "")) for s in material.events.streams}
    by_stream = {stream: gap.model_copy(update=tried) for stream, gap in own.items() if gap is not settings.gap}
    return Setting(name, settings.gap.model_copy(update=tried), by_stream)


def _read(path: Path, group_by: GroupBy, complain: Complain, organisations: dict[str, str]) -> Iterable[ArchivedEvent]:
    is_empty, is_grouped = True, group_by == "stream"
    for found in read_events(path):
        if isinstance(found, ArchiveProblem):
            complain(found)
            continue
        if found.organisation is not None:
            organisations[found.sender_id] = found.organisation
        if group_by != "stream":
            # Two streams of a group may use the same send_id: it is theirs only.
            send = None if found.send_id is None else f"{found.sender_id} {found.send_id}"
            sender = _name(group_by, found.sender_id, found.organisation, found.provider, found.inbox)
            is_empty, is_grouped = False, is_grouped or getattr(found, group_by) is not None
            found = found._replace(sender_id=sender, send_id=send)
        yield found
    if not is_empty and not is_grouped:
        raise InputError(path, f"--group-by {group_by}: no row names its {group_by}")


def _name(group_by: GroupBy, stream: str, organisation: str | None, provider: str | None, inbox: str | None) -> str:
    if group_by == "stream":
        return stream
    if group_by == "organisation":
        return organisation or stream
    return (provider if group_by == "provider" else inbox) or NOT_KNOWN


def _rows(path: Path, columns: tuple[str, ...], optional: tuple[str, ...] = ()) -> Iterable[tuple[int, dict[str, str]]]:
    """The numbered rows, with empty words in columns that are `optional` and not there."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            rows.fieldnames = [column_name(name) for name in rows.fieldnames or ()]
            if missing := [name for name in columns if name not in rows.fieldnames]:
                raise InputError(path, f"expected the columns {', '.join(columns)}; {', '.join(missing)} not there")
            for row in rows:
                yield rows.line_num, {name: (row.get(name) or "").strip() for name in (*columns, *optional)}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, f"cannot be read ({getattr(error, 'strerror', None) or error})") from error


def _moment(path: Path, line: int, row: Mapping[str, str], column: str) -> datetime:
    moment = read_timestamp(row[column])
    if moment is None:
        raise InputError(path, f"line {line}: {column}: expected ISO 8601 or seconds since 1970, got {row[column]!r}")
    return moment
