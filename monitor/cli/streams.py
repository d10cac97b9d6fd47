"""Commands on what is known now: `streams` and `gaps`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from monitor.app.session import open_session
from monitor.cli.output import json_lines, table
from monitor.cli.root import ConfigOption, JsonOption, app, read_settings
from monitor.clock import SystemClock
from monitor.show import views
from monitor.words import span

NO_STREAM = "No stream is known yet. Poll an inbox (`gonequiet poll`) or import mail (`gonequiet import FILE`)."
NO_GAP = "No stream is silent for longer than its rhythm allows. `gonequiet gaps --all` shows every stream."


@app.command()
def streams(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the streams: who mails, how often, when last, and through whom."""
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
                row["expected_sends_per_day"],
                row["provider"],
                row["confidence"],
            )
            for row in rows
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
        rows = views.gap_rows(session.snapshots(SystemClock().now()).snapshot(), everything=everything)
    if as_json:
        json_lines(rows)
        return
    table(
        ("subject", "level", "last mail (UTC)", "silent for", "once in (years)", "alarm due (UTC)", "through"),
        (
            (
                row["subject"],
                row["level"] or row["state"],
                row["last_send"],
                _silent_for(row),
                row["return_period_years"],
                row["alarm_due"],
                row["provider"],
            )
            for row in rows
        ),
        empty=NO_STREAM if everything else NO_GAP,
    )


def _silent_for(row: views.Row) -> str:
    seconds = row["silence_seconds"]
    return span(timedelta(seconds=seconds)) if isinstance(seconds, int) else ""
