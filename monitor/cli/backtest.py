"""The command `backtest`: what a setting would have done on past data."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from monitor.app.replay import GroupBy, Material, events_in_file, events_in_store, read_censor, read_coverage, settings_to_try
from monitor.app.session import open_session
from monitor.cli.output import console, errors, json_lines, table
from monitor.cli.root import ConfigOption, JsonOption, app, find_settings, read_settings
from monitor.collect.archived import ArchiveProblem
from monitor.detect.backtest import run
from monitor.detect.backtest_rows import rows
from monitor.detect.calendar import hours_of
from monitor.errors import GoneQuietError
from monitor.settings import GapSettings

USUAL_COMPARISON = 48.0
"""Hours: what teams use who alarm after a fixed silence; compared with in the summaries unless others are asked for."""


@app.command()
def backtest(
    events: Annotated[
        Path | None,
        typer.Argument(
            metavar="[EVENTS.csv]", help="sender_id,timestamp[,send_id,organisation,provider,inbox]; none: stored mail."
        ),
    ] = None,
    false_alarms_per_year: Annotated[
        list[float] | None,
        typer.Option("--false-alarms-per-year", min=0.001, max=366, help="A budget per stream to try; may be given again."),
    ] = None,
    fixed_hours: Annotated[
        list[float] | None,
        typer.Option("--fixed-hours", min=0.1, help="Compare with an alarm after so many silent hours; may be given again (48)."),
    ] = None,
    start: Annotated[datetime | None, typer.Option("--from", help="Report silences that begin from here on (UTC).")] = None,
    end: Annotated[datetime | None, typer.Option("--to", help="Report silences that begin before (UTC).")] = None,
    coverage: Annotated[Path | None, typer.Option("--coverage", help="CSV inbox,start,end: else all time is covered.")] = None,
    censor: Annotated[
        Path | None, typer.Option("--censor", help="CSV sender_id,censor_ts: when observation ended, else at the last event.")
    ] = None,
    group_by: Annotated[GroupBy, typer.Option("--group-by", help="Replay each of these as one sender.")] = "stream",
    warm_up: Annotated[int, typer.Option("--warm-up", min=1, help="Alarms and exposure start after so many sends.")] = 5,
    levels: Annotated[bool, typer.Option("--levels", help="Alarms of levels watch and confirmed too.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay past sends through the detector and say what each setting would have done, false alarms and delay."""
    settings = find_settings(config)
    gap = settings.gap if settings else GapSettings()
    problems: list[ArchiveProblem] = []
    if events is not None:
        replayed = events_in_file(events, group_by, problems.append)
    else:
        with open_session(*read_settings(config)) as session:
            replayed = events_in_store(session, group_by)
    for problem in problems:
        errors().print(Text(f"gonequiet: {problem.source}, line {problem.position}: {problem.reason}"))
    if not replayed.times.size:
        raise GoneQuietError("there is no event to replay; import mail first, or name a CSV file of events")
    material = Material(replayed, read_censor(censor) if censor else {}, read_coverage(coverage) if coverage else {})
    budgets = false_alarms_per_year or [gap.false_alarms_per_sender_year]
    result = run(
        material.events,
        settings_to_try(gap, budgets, fixed_hours or [USUAL_COMPARISON]),
        censor=material.censor,
        coverage=material.coverage,
        warm_up=warm_up,
        report_from=None if start is None else hours_of(start.replace(tzinfo=UTC)),
        report_to=None if end is None else hours_of(end.replace(tzinfo=UTC)),
    )
    found = [row for row in rows(result, levels=levels) if fixed_hours or not _is_unasked(row)]
    if as_json:
        json_lines(found)
    else:
        _show(found)
    if problems:
        raise typer.Exit(2)


def _is_unasked(row: dict[str, object]) -> bool:
    """Single alarms of the fixed rule that stands there for comparison only."""
    return row["type"] == "alarm" and str(row["setting"]).startswith("fixed")


def _show(found: list[dict[str, object]]) -> None:
    table(
        ("setting", "class", "years watched", "alarms", "false a year", "95 % interval", "real stops", "median delay"),
        (
            (
                row["setting"],
                row["class"],
                _number(row["exposure_years"], 1),
                row["alarms"],
                _number(row["rate"], 2),
                f"{_number(row['rate_low'], 2)} to {_number(row['rate_high'], 2)}",
                row["stops"],
                f"{_number(row['delay_hours_median'], 0)} h" if row["delay_hours_median"] is not None else "not found",
            )
            for row in found
            if row["type"] == "summary" and row["exposure_years"]
        ),
        empty="No silence was watched: every stream has fewer sends than the warm-up.",
    )
    console().print(Text("\nfalse a year: alarms that the sender's next mail contradicted, per stream and year; delay: of stops"))
    console().print(Text("put in at random moments. Single alarms: --json."))


def _number(value: object, digits: int) -> str:
    return f"{value:.{digits}f}" if isinstance(value, int | float) else "–"
