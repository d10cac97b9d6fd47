"""Commands on what could be seen: `coverage` and `moves`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import typer

from monitor.app.session import open_session
from monitor.cli.moments import past_moment
from monitor.cli.output import json_lines, table
from monitor.cli.root import ConfigOption, JsonOption, app, read_settings
from monitor.clock import SystemClock
from monitor.errors import GoneQuietError
from monitor.model import CoverageKind
from monitor.store.covered import Stretch, holes
from monitor.store.health import FailureRun
from monitor.store.store import Store
from monitor.store.witnessed import InboxWitness, Witnessed
from monitor.words import count, iso, plain, span

NOTHING = "No inbox was ever polled, or none gets this stream. `gonequiet streams` lists the streams."
FromOption = Annotated[str, typer.Option("--from", help="A span such as 7d (ago) or a moment such as 2026-12-01T09:00 (UTC).")]
ToOption = Annotated[str | None, typer.Option("--to", help="The same; the present if left out.")]
InboxOption = Annotated[str | None, typer.Option("--inbox", help="Of this inbox only.")]
StreamArgument = Annotated[str | None, typer.Argument(metavar="[STREAM]", help="Of this stream only.")]


@app.command()
def coverage(
    stream: StreamArgument = None,
    since: FromOption = "7d",
    until: ToOption = None,
    inbox: InboxOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say when inboxes could be read, who saw a stream, and why the rest of the time is unknown."""
    start, end = _between(since, until)
    with open_session(*read_settings(config)) as session:
        if stream is not None and session.store.last_send(stream) is None:
            raise GoneQuietError(f"no mail of {plain(stream)} is known; `gonequiet streams` lists the streams")
        _known_inbox(session.store, inbox)
        found = session.store.witnessed(start, end, stream, None if inbox is None else (inbox,))
    if as_json:
        json_lines(coverage_json(found, stream))
        return
    rows = [(w.inbox, w.sends if stream else None, w.stretches, w.failures) for w in found.inboxes]
    if stream is not None and found.inboxes:
        rows.append(("any of them", None, found.stretches, ()))
    table(
        ("inbox", "mails", "covered", "live", "in retrospect", "unknown", "why"),
        (_row(name, sends, stretches, failures, start, end) for name, sends, stretches, failures in rows),
        empty=NOTHING,
    )


@app.command()
def moves(
    stream: StreamArgument = None,
    since: FromOption = "7d",
    until: ToOption = None,
    inbox: InboxOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List mail that left a folder after it was read: moved to Junk or back, relabelled, tidied away, deleted."""
    start, end = _between(since, until)
    with open_session(*read_settings(config)) as session:
        _known_inbox(session.store, inbox)
        places = session.store.moves(start, end, stream, inbox)
    if as_json:
        json_lines(
            {
                "inbox": place.inbox,
                "stream": place.stream,
                "subject": place.subject,
                "sha256": place.sha256,
                "folder": place.folder,
                "placement": place.role,
                "seen_at": iso(place.seen_at),
                "gone_at": iso(place.gone_at),
            }
            for place in places
        )
        return
    table(
        ("inbox", "stream", "subject", "folder", "placement", "seen (UTC)", "gone (UTC)"),
        (
            (p.inbox, plain(p.stream, 80), plain(p.subject, 60), plain(p.folder, 60), p.role, iso(p.seen_at), iso(p.gone_at))
            for p in places
        ),
        empty="No mail was seen to leave a folder in that time.",
    )


def coverage_json(found: Witnessed, stream: str | None) -> Iterator[dict[str, object]]:
    """One object an inbox, and for a stream first one with `inbox` null: what any of its inboxes covered."""
    if stream is not None:
        yield _json(None, stream, found, found.stretches, None)
    for witness in found.inboxes:
        yield _json(witness.inbox, stream, found, witness.stretches, witness)


def _json(
    inbox: str | None, stream: str | None, found: Witnessed, stretches: Sequence[Stretch], witness: InboxWitness | None
) -> dict[str, object]:
    return {
        "stream": stream,
        "inbox": inbox,
        "from": iso(found.start),
        "to": iso(found.end),
        "sends": witness.sends if witness and stream else None,
        "last_send": iso(witness.last_at) if witness else None,
        "covered_seconds": _seconds(stretches),
        "live_seconds": _seconds(s for s in stretches if s.kind is CoverageKind.LIVE),
        "covered": [{"from": iso(s.start), "to": iso(s.end), "kind": s.kind.value} for s in stretches],
        "unknown": [{"from": iso(a), "to": iso(b)} for a, b in holes(stretches, found.start, found.end)],
        "failures": [
            {
                "folder": run.folder,
                "cause": run.cause.value,
                "from": iso(run.first_at),
                "to": iso(run.last_at),
                "times": run.times,
                "detail": run.detail,
            }
            for run in (witness.failures if witness else ())
        ],
    }


def _row(
    name: str, sends: int | None, stretches: Sequence[Stretch], failures: Sequence[FailureRun], start: datetime, end: datetime
) -> tuple[object, ...]:
    live = _seconds(s for s in stretches if s.kind is CoverageKind.LIVE)
    covered = _seconds(stretches)
    whole = round((end - start).total_seconds())
    why = ", ".join(f"{cause} ({count(times, 'time')})" for cause, times in sorted(_by_cause(failures).items()))
    spans = map(_time, (live, covered - live, whole - covered))
    return name, sends, f"{covered / max(whole, 1):.1%}", *spans, why


def _by_cause(failures: Sequence[FailureRun]) -> dict[str, int]:
    times: dict[str, int] = {}
    for run in failures:
        times[run.cause.value] = times.get(run.cause.value, 0) + run.times
    return times


def _time(seconds: int) -> str:
    return span(timedelta(seconds=seconds)) if seconds > 0 else ""


def _seconds(stretches: Sequence[Stretch] | Iterator[Stretch]) -> int:
    return round(sum((s.end - s.start).total_seconds() for s in stretches))


def _between(since: str, until: str | None) -> tuple[datetime, datetime]:
    now = SystemClock().now()
    start = past_moment("--from", since, now)
    end = past_moment("--to", until, now) if until is not None else now
    if start >= end:
        raise GoneQuietError(f"--from: expected a moment before --to, got {iso(start)} and {iso(end)}")
    return start, end


def _known_inbox(store: Store, inbox: str | None) -> None:
    if inbox is not None and inbox not in store.inbox_health():
        raise GoneQuietError(f"--inbox: no inbox {plain(inbox)} was ever polled")
