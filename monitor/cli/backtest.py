"""The command `backtest`: what a setting would have done on past data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.text import Text

from monitor.app.replay import GroupBy, events_in_file, events_in_store, read_censor, read_coverage, settings_to_try
from monitor.cli.input import as_path
from monitor.cli.output import console, errors, json_lines, table
from monitor.cli.root import ConfigOption, JsonOption, app, find_settings, read_settings
from monitor.collect.archived import ArchiveProblem
from monitor.collect.events import read_timestamp
from monitor.detect.backtest import run
from monitor.detect.backtest_result import BacktestResult
from monitor.detect.backtest_rows import ALL_CLASSES, rows, told_after
from monitor.detect.calendar import hours_of, moment_of
from monitor.detect.events import Events
from monitor.errors import GoneQuietError
from monitor.settings import Settings
from monitor.show.backtest_chart import backtest_chart
from monitor.show.charts import svg
from monitor.words import count, plain, span

USUAL_COMPARISON = 48.0
"""Hours: what teams use who alarm after a fixed silence; compared with in the summaries unless others are asked for."""


ALARMS_SHOWN = 20
PROBLEMS_SHOWN = 20
_STOPS = ("real stops", "told after", "injected: median", "90 % within")
_LEGEND = (
    "false a year: alarms that the stream's next mail contradicted, per stream and year; the interval is what so few prove.",
    "real stops: silences of over 14 days and 20 mean gaps that were told of, and after how long. injected: stops put in at",
    "random moments, and how long each went unnoticed (– where so many were not found before the data end).",
    "An alarm that is neither false nor of a real stop is of a silence that lasts up to the end of the data and is too short.",
)


@app.command()
def backtest(
    events: Annotated[
        Path | None,
        typer.Argument(
            metavar="[EVENTS.csv]",
            help="sender_id,timestamp[,send_id,organisation,provider,inbox], - for stdin; none: stored mail.",
        ),
    ] = None,
    false_alarms_per_year: Annotated[
        list[float] | None,
        typer.Option("--false-alarms-per-year", min=0.001, max=366, help="A budget per stream to try; may be given again."),
    ] = None,
    fixed_hours: Annotated[
        list[float] | None,
        typer.Option(
            "--fixed-hours",
            min=0.1,
            max=876_600,
            help="Compare with an alarm after so many silent hours; may be given again (48).",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Report silences that begin from here on; ISO 8601, UTC if it does not say."),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Report silences that begin before, up to here.")
    ] = None,
    coverage: Annotated[
        Path | None,
        typer.Option(
            "--coverage",
            help="CSV inbox,start,end[,kind]: else all time is covered. kind: live, or retrospective if proven at its end only.",
        ),
    ] = None,
    censor: Annotated[
        Path | None,
        typer.Option(
            "--censor",
            help="CSV sender_id,censor_ts: when observation ended; else at the last event (of stored mail: the last proof).",
        ),
    ] = None,
    group_by: Annotated[GroupBy, typer.Option("--group-by", help="Replay each of these as one sender.")] = "stream",
    warm_up: Annotated[int, typer.Option("--warm-up", min=1, help="Alarms and exposure start after so many sends.")] = 5,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.svg", help="Draw the settings, and the silences that were alarms.")
    ] = None,
    levels: Annotated[bool, typer.Option("--levels", help="Alarms of levels watch and confirmed too.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay past sends through the detector and say what each setting would have done, false alarms and delay."""
    report_from = None if start is None else _hours("--from", start)
    report_to = None if end is None else _hours("--to", end)
    if report_from is not None and report_to is not None and report_from >= report_to:
        raise GoneQuietError(f"--to: expected a time after --from, got {end!r}")
    if plot is not None and plot.suffix.lower() != ".svg":
        raise GoneQuietError(f"--plot: expected a name that ends in .svg, got {str(plot)!r}")
    settings = find_settings(config) or Settings()
    problems: list[ArchiveProblem] = []
    if events is not None:
        with as_path(str(events)) as path:
            material = events_in_file(path, group_by, problems.append)
    else:
        from monitor.app.session import open_session  # a file of events needs no store, which takes a second to import

        with open_session(*read_settings(config)) as session:
            material = events_in_store(session, group_by)
    for problem in problems[:PROBLEMS_SHOWN]:
        errors().print(Text(f"gonequiet: {events}, line {problem.position}: {problem.reason}"))
    if more := problems[PROBLEMS_SHOWN:]:
        errors().print(Text(f"gonequiet: {events}: {count(len(more), 'more line')} could not be read"))
    if not material.events.times.size:
        missing = (
            f"{events}: there is no event in it"
            if events
            else "no mail is stored: import mail first, or name a CSV file of events"
        )
        raise GoneQuietError(missing)
    live, later = read_coverage(coverage) if coverage else (material.coverage, material.in_retrospect)
    if coverage and (unknown := sorted(material.events.seen_by() - live.keys() - later.keys())):
        names = ", ".join(plain(inbox) for inbox in unknown)
        errors().print(Text(f"gonequiet: {coverage}: nothing is covered of {names}; what only they get is not judged"))
    ends = read_censor(censor) if censor else material.ends
    if censor and (unknown := sorted(ends.keys() - set(material.events.streams))):
        errors().print(Text(f"gonequiet: {censor}: no event is of {_few(unknown)}; not used"))
    if censor and (later_mail := _with_mail_after(ends, material.events)):
        errors().print(Text(f"gonequiet: {censor}: {_few(later_mail)} mailed after its end there; its last mail counts"))
    result = run(
        material.events,
        settings_to_try(settings, material, false_alarms_per_year or (), fixed_hours or [USUAL_COMPARISON]),
        censor=ends,
        coverage=live,
        in_retrospect=later,
        warm_up=warm_up,
        report_from=report_from,
        report_to=report_to,
    )
    every = list(rows(result, levels=levels))
    found = [row for row in every if fixed_hours or not _is_unasked(row)]
    if as_json:
        json_lines(found)
    else:
        _show(result, found, _nothing_watched(result, warm_up, start, end))
    if plot is not None:
        _draw(plot, every)
    if problems:
        raise typer.Exit(2)


def _with_mail_after(ends: Mapping[str, float], events: Events) -> list[str]:
    """The streams that mailed after observation of them ended, as is said."""
    last = np.full(len(events.streams), -np.inf)
    np.maximum.at(last, events.rows, events.times)
    return [stream for stream, at in zip(events.streams, last.tolist(), strict=True) if at > ends.get(stream, np.inf)]


def _few(names: list[str], most: int = 5) -> str:
    shown = ", ".join(plain(name, 80) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def _hours(option: str, text: str) -> float:
    moment = None if _is_bare_date(text) else read_timestamp(text)
    if moment is None:
        raise GoneQuietError(f"{option}: expected a time such as 2021-01-06 or 2021-01-06T18:00Z, got {text!r}")
    return hours_of(moment)


def _is_bare_date(text: str) -> bool:
    """A year or a day without hyphens (`2021`, `20210106`), which would be read as seconds since 1970."""
    return text.isdecimal() and (len(text) == 4 or (len(text) == 8 and text[:2] in ("19", "20")))


def _draw(path: Path, every: list[dict[str, object]]) -> None:
    try:
        path.write_text(svg(backtest_chart(every)), encoding="utf-8")
    except OSError as error:
        raise GoneQuietError(f"--plot: {path}: cannot be written ({error.strerror or error})") from error


def _is_unasked(row: dict[str, object]) -> bool:
    """Single alarms of the fixed rule that stands there for comparison only."""
    return row["type"] == "alarm" and str(row["setting"]).startswith("fixed")


def _nothing_watched(result: BacktestResult, warm_up: int, start: str | None, end: str | None) -> str:
    """Why there is no summary to show, as far as what was asked for can be the reason."""
    first, last = (moment_of(float(result.events.times[k])) for k in (0, -1))
    asked = [f"after the first {count(warm_up, 'send')} of a stream"]
    asked += [f"from {start} on"] * (start is not None) + [f"before {end}"] * (end is not None)
    return (
        f"No silence was watched: counted are those that begin {', '.join(asked)}, in covered time. "
        f"The events are from {first:%Y-%m-%d} to {last:%Y-%m-%d}."
    )


def _show(result: BacktestResult, found: list[dict[str, object]], nothing: str) -> None:
    table(
        (*("setting", "class", "years watched", "alarms", "false a year", "95 % interval"), *_STOPS),
        (
            (
                row["setting"],
                row["class"],
                _number(row["exposure_years"], 1),
                row["alarms"],
                _number(row["rate"], 2),
                f"{_number(row['rate_low'], 2)} to {_number(row['rate_high'], 2)}",
                row["stops"],
                _told(told_after(result.silences, setting, index)),
                _told(row["delay_hours_median"]),
                _told(row["delay_hours_p90"]),
            )
            for setting in result.settings
            for index, row in _summaries(found, setting.setting.name)
        ),
        empty=nothing,
    )
    _show_alarms([row for row in found if row["type"] == "alarm"])
    for line in (*_LEGEND, *_of_limits(result)):
        console().print(Text(line))


def _of_limits(result: BacktestResult) -> list[str]:
    """That lists with a fixed silence or a ceiling of their own are counted, whose alarms no number of false ones bounds."""
    learned = result.settings[0].setting
    limits = {stream: learned.of(stream) for stream in result.events.streams}
    bound = [stream for stream, gap in limits.items() if gap.fixed is not None or gap.ceiling is not None]
    if not bound:
        return []
    return [f"By the settings a fixed silence or a ceiling alarms of {_few(bound)}: counted too, and not held to so many a year."]


def _summaries(found: list[dict[str, object]], setting: str) -> Iterator[tuple[int | None, dict[str, object]]]:
    """Those with something watched, each with its class's number (None: all classes)."""
    mine = [row for row in found if row["type"] == "summary" and row["setting"] == setting]
    for index, row in enumerate(mine):
        if row["exposure_years"]:
            yield (None if row["class"] == ALL_CLASSES else index), row


def _show_alarms(alarms: list[dict[str, object]]) -> None:
    console().print()
    newest = sorted(alarms, key=lambda row: str(row["alarm_at"]))[-ALARMS_SHOWN:]
    table(
        ("setting", "stream", "level", "last send (UTC)", "alarm (UTC)", "mail again (UTC)"),
        (
            (
                row["setting"],
                plain(str(row["stream"]), 80),
                row["level"],
                *(_minute(row[k]) for k in ("last_send", "alarm_at", "resumed_at")),
            )
            for row in newest
        ),
        empty="No alarm.",
    )
    if len(alarms) > len(newest):
        console().print(Text(f"The newest {len(newest)} of {count(len(alarms), 'alarm')}; all of them: --json."))
    console().print()


def _minute(moment: object) -> str:
    return str(moment)[:16].replace("T", " ") if moment else ""


def _told(hours: object) -> str:
    return span(timedelta(hours=hours)) if isinstance(hours, float) else "–"


def _number(value: object, digits: int) -> str:
    return f"{value:.{digits}f}" if isinstance(value, int | float) else "–"
