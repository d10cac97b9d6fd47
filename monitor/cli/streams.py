"""Commands on what is known now: `streams`, `gaps` and `changes`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from monitor.app.second_look import SecondLook
from monitor.app.session import open_session
from monitor.cli.output import console, json_lines, table
from monitor.cli.root import ConfigOption, JsonOption, app, read_settings
from monitor.clock import SystemClock
from monitor.detect.changes import sent_through
from monitor.detect.infrastructure import Regime, find_changes
from monitor.errors import GoneQuietError
from monitor.model import StreamPhase
from monitor.show import views
from monitor.show.rollups import By, Share, change_json, rollup_json, rollup_rows
from monitor.show.words import fleet
from monitor.words import count, iso, plain, span

NO_STREAM = "No stream is known yet. Poll an inbox (`gonequiet poll`) or import mail (`gonequiet import FILE`)."
NO_GAP = "No gap is open. `gonequiet gaps --all` shows every stream."

_ASIDE = ("alert at (UTC)", "told after", "learned from", "through")


@app.command()
def streams(
    by: Annotated[By | None, typer.Option("--by", help="Put together what comes through one of them.")] = None,
    days: Annotated[int, typer.Option("--days", min=1, help="With --by: how far back.")] = 90,
    addresses: Annotated[
        bool, typer.Option("--addresses", help="Which of your own addresses each writes to. Not for publication.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the streams: who mails, how often, when last, and through whom."""
    if by is not None and addresses:
        raise GoneQuietError("expected --by or --addresses, not both")
    if by is not None:
        _rolled_up(by, timedelta(days=days), config, as_json)
        return
    if addresses:
        _by_address(config, as_json)
        return
    with open_session(*read_settings(config)) as session:
        rows = views.stream_rows(session.snapshots(SystemClock().now()).snapshot())
    if as_json:
        json_lines(rows)
        return
    table(
        ("stream", "state", "last mail (UTC)", "silent for", "a day", "through", "sure"),
        (
            (
                row["stream"],
                row["state"],
                row["last_send"],
                _silent_for(row),
                _a_day(row),
                row["provider"],
                row["confidence"],
            )
            for row in rows
        ),
        empty=NO_STREAM,
    )


def _by_address(config: Path | None, as_json: bool) -> None:
    with open_session(*read_settings(config)) as session:
        found = session.store.subscriptions()
    if as_json:
        json_lines(
            {
                "stream": one.stream,
                "inbox": one.inbox,
                "address": one.address,
                "first_mail": iso(one.first_at),
                "last_mail": iso(one.last_at),
                "mails": one.copies,
            }
            for one in found
        )
        return
    table(
        ("stream", "inbox", "address", "first mail (UTC)", "last mail (UTC)", "mails"),
        (
            (plain(one.stream, 80), one.inbox, plain(one.address or "", 254), iso(one.first_at), iso(one.last_at), one.copies)
            for one in found
        ),
        empty=NO_STREAM,
    )


@app.command()
def gaps(
    everything: Annotated[bool, typer.Option("--all", help="Every stream with its state, not only the silent ones.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List open gaps: silences too long for the stream's own rhythm, counted over covered time only."""
    with open_session(*read_settings(config)) as session:
        snapshot = session.snapshots(SystemClock().now()).snapshot()
    rows = views.gap_rows(snapshot, everything=everything)
    if as_json:
        json_lines(rows)
        return
    table(
        (*("subject", "level", "last mail (UTC)", "silent for", "expected", "sends missed", "how rare"), *_ASIDE),
        (
            (
                row["subject"],
                row["level"] or row["state"],
                row["last_send"],
                _silent_for(row),
                row["next_expected"],
                _missed(row),
                row["odds"] or ("usual, by the settings" if row["by_limit"] else None),
                row["alarm_due"],
                _delay(row),
                _learned(row),
                row["provider"],
            )
            for row in rows
        ),
        empty=NO_STREAM if everything else NO_GAP,
    )
    if not everything and (ended := sum(s.phase is StreamPhase.ENDED for s in snapshot.states)):
        are = "is" if ended == 1 else "are"
        console().print(
            Text(f"{count(ended, 'stream')} {are} ended: silent since before we began to look, or after too few sends (--all).")
        )
    if rows:
        factor = next((f for row in rows if isinstance(f := row["fleet_factor"], float)), 1.0)
        console().print(Text(f"\n{fleet(factor)}"))
        console().print(
            Text("alert at: if nothing arrives and the others mail as now; told after: a stop by day and by night, on average.")
        )


def _rolled_up(by: By, back: timedelta, config: Path | None, as_json: bool) -> None:
    now = SystemClock().now()
    with open_session(*read_settings(config)) as session:
        rows = rollup_rows(session.store.sends(since=now - back, until=now), by)
    if as_json:
        json_lines(rollup_json(row) for row in rows)
        return
    # An account is a number at a house: without the house nobody knows whose it is.
    columns = {By.PROVIDER: ("streams",), By.ACCOUNT: ("through", "streams"), By.ORGANISATION: ("through",)}[by]
    table(
        (by.value, "mails", "share", "first (UTC)", "last (UTC)", *columns),
        (
            (
                plain(row.name, 80),
                row.sends,
                f"{row.share:.0%}",
                iso(row.first_at),
                iso(row.last_at),
                *(", ".join(map(_shared, row.providers) if column == "through" else row.streams) for column in columns),
            )
            for row in rows
        ),
        empty=NO_STREAM,
    )


def _shared(share: Share) -> str:
    return f"{plain(share.provider, 60)} {share.share:.0%}"


@app.command()
def changes(
    stream: Annotated[str | None, typer.Argument(metavar="[STREAM]", help="Of this stream only.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List moves to other platforms, delivery services, accounts and signing domains, in all that is stored."""
    with open_session(*read_settings(config)) as session:
        sends = map(sent_through, session.store.sends(stream=stream))
        look = SecondLook(session.store, session.reader)
        found = [change for change in find_changes(sends) if look.holds(change)]
    if as_json:
        json_lines(change_json(change) for change in found)
        return
    table(
        ("stream", "what", "before", "until (UTC)", "after", "since (UTC)"),
        (
            (c.stream, c.aspect.value, _told(c.before), iso(c.before.last.at), _told(c.after), iso(c.after.first.at))
            for c in found
        ),
        empty="No stream was seen to move.",
    )


def _told(regime: Regime) -> str:
    return f"{plain(regime.value, 80)} ({regime.share:.0%} of {count(regime.sends, 'mail')})"


def _silent_for(row: views.Row) -> str:
    seconds = row["silence_seconds"]
    return span(timedelta(seconds=seconds)) if isinstance(seconds, int) else ""


def _a_day(row: views.Row) -> str:
    """Empty while too few sends are known to speak of a rhythm."""
    sends = row["expected_sends_per_day"]
    return f"{sends:.2g}" if isinstance(sends, int | float) and row["return_period_years"] is not None else ""


def _missed(row: views.Row) -> str:
    sends = row["expected_sends"]
    return f"{sends:.1f}" if isinstance(sends, float) else ""


def _delay(row: views.Row) -> str:
    """`11 hours / 16 hours`."""
    day, night = row["expected_delay_day_seconds"], row["expected_delay_night_seconds"]
    if not isinstance(day, int) or not isinstance(night, int):
        return ""
    return f"{span(timedelta(seconds=day))} / {span(timedelta(seconds=night))}"


def _learned(row: views.Row) -> str:
    """`48 mails since 2026-01-05`."""
    sends = row["sends_learned"]
    return f"{count(sends, 'mail')} since {str(row['first_send'])[:10]}" if isinstance(sends, int) else ""
