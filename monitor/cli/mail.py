"""The command `import`: past mail or events, into the store."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from monitor.app.importing import Summary, import_events, import_mail
from monitor.app.session import Session, open_session
from monitor.cli.archives import FilesArgument, complain
from monitor.cli.input import as_path
from monitor.cli.output import console, errors, json_lines
from monitor.cli.root import ConfigOption, JsonOption, app, read_settings
from monitor.clock import SystemClock
from monitor.collect.archive import archive_size
from monitor.words import count, span

RATE_FROM = 1000
"""Messages of an import from which on its speed says something."""


@app.command(name="import")
def import_command(
    files: FilesArgument,
    name: Annotated[
        str, typer.Option("--name", help="The archive's name: its mail is kept as that of inbox import:NAME.")
    ] = "archive",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read past mail or events into the store: mbox (Google Takeout too), .eml, Maildir, JSON Lines, CSV (sender_id,timestamp).

    Twice is as once. An import that was interrupted goes on where it stopped when it is given again.
    """
    settings, path = read_settings(config)
    skipped = False
    with open_session(settings, path) as session:
        for file in files:
            summary, took = _import(file, name, session)
            skipped = skipped or bool(summary.reasons)
            if as_json:
                json_lines([import_row(summary, file, took)])
            else:
                console().print(Text(import_words(summary, file, took)))
    if skipped:
        raise typer.Exit(2)


def import_row(summary: Summary, file: str, took: timedelta) -> dict[str, object]:
    """One import as JSON; `skipped` is reason → how many."""
    done = summary.imported
    return {
        "file": file,
        "new_messages": done.new_copies,
        "new_sends": done.new_sends,
        "streams": len(done.streams),
        "known": done.known,
        "skipped": sum(summary.reasons.values()),
        "reasons": dict(summary.reasons.most_common()),
        "resumed_at_bytes": summary.resumed_at,
        "seconds": round(took.total_seconds(), 3),
    }


def import_words(summary: Summary, file: str, took: timedelta) -> str:
    """One import in a few lines."""
    done = summary.imported
    read = done.new_copies + done.known
    lines = [
        f"{file}: {count(done.new_copies, 'new message')} in {count(done.new_sends, 'mailing')} "
        f"of {count(len(done.streams), 'stream')}, {done.known:,} known already, {sum(summary.reasons.values()):,} skipped"
    ]
    if summary.resumed_at:
        lines.append(f"  went on after the first {summary.resumed_at / 1e6:,.1f} MB, which an interrupted import had read")
        lines.append("  (what that one skipped is told if you import once more; nothing is stored twice)")
    if read >= RATE_FROM:
        lines.append(f"  {span(took)}, {read / max(took.total_seconds(), 0.001):,.0f} messages a second")
    lines += [f"  skipped: {number:,} × {reason}" for reason, number in summary.reasons.most_common()]
    return "\n".join(lines)


def _import(name: str, archive: str, session: Session) -> tuple[Summary, timedelta]:
    now, begun = SystemClock().now(), monotonic()
    with as_path(name) as path, _progress() as bar:
        if path.suffix.lower() == ".csv":
            task = bar.add_task(path.name, total=_lines(path))
            summary = import_events(path, archive, session.store, now, lambda done: bar.update(task, completed=done))
        else:
            task = bar.add_task(path.name, total=archive_size(path))
            summary = import_mail(
                path, archive, session.store, session.reader, now, lambda done: bar.update(task, completed=done)
            )
        for problem in summary.skipped:
            complain(problem, name, path)
        if (more := sum(summary.reasons.values()) - len(summary.skipped)) > 0:
            errors().print(Text(f"gonequiet: {name}: {more:,} more were skipped"))
    return summary, timedelta(seconds=monotonic() - begun)


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=errors(), disable=not sys.stderr.isatty())


def _lines(path: Path) -> int:
    try:
        with path.open("rb") as stream:
            return sum(1 for _ in stream)
    except OSError:
        return 0
