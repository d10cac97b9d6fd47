"""Commands that read mail from files: `identify` and `import`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from monitor.app.importing import Summary, import_events, import_mail
from monitor.app.knowledge import load_identifier
from monitor.app.session import Session, open_session
from monitor.cli.output import console, errors, json_lines
from monitor.cli.root import ConfigOption, JsonOption, app, find_settings, read_settings
from monitor.clock import SystemClock
from monitor.collect.archive import ArchiveProblem, archive_size, read_archive
from monitor.collect.parse import parse_message
from monitor.errors import GoneQuietError
from monitor.identify.render import as_json as identified_json
from monitor.identify.render import explain
from monitor.words import count

FilesArgument = Annotated[
    list[str], typer.Argument(metavar="FILE...", help="mbox, .eml, Maildir or a folder of them; - is stdin.")
]


@app.command()
def identify(
    files: FilesArgument,
    receiver: Annotated[
        str | None,
        typer.Option("--receiver", help="Who received the mail, such as Gmail; else the topmost header fields must tell."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whose infrastructure sent each message, how sure that is, and why."""
    identifier = load_identifier(find_settings(config))
    if receiver is not None and not identifier.knows_receiver(receiver):
        raise GoneQuietError(f"--receiver: {receiver!r} is not known; there are: {', '.join(identifier.receiver_names())}")
    problems = 0
    for name in files:
        with _as_path(name) as path:
            for found in read_archive(path):
                if isinstance(found, ArchiveProblem):
                    problems += 1
                    _complain(found, name, path)
                    continue
                message = parse_message(found.raw, found.delivered_at)
                identified = identifier.identify(message, receiver)
                shown = name if found.source == path else str(found.source)
                if as_json:
                    json_lines([identified_json(identified, shown, found.position - 1, message)])
                else:
                    console().print(Text(explain(identified, message, identifier.provider)))
    if problems:
        raise typer.Exit(2)


@app.command(name="import")
def import_command(
    files: FilesArgument,
    name: Annotated[
        str, typer.Option("--name", help="The archive's name: its mail is kept as that of inbox import:NAME.")
    ] = "archive",
    config: ConfigOption = None,
) -> None:
    """Read past mail (mbox, .eml, Maildir) or events (CSV: sender_id,timestamp) into the store. Twice is as once."""
    settings, path = read_settings(config)
    with open_session(settings, path) as session:
        summaries = [_import(file, name, session) for file in files]
    for summary in summaries:
        done = summary.imported
        console().print(
            Text(
                f"{summary.path}: {count(done.new_copies, 'new message')} in {count(done.new_sends, 'mailing')} "
                f"of {count(len(done.streams), 'stream')}, "
                f"{done.known} known already, {len(summary.skipped)} skipped"
            )
        )
    if any(summary.skipped for summary in summaries):
        raise typer.Exit(2)


def _import(name: str, archive: str, session: Session) -> Summary:
    now = SystemClock().now()
    with _as_path(name) as path, _progress() as bar:
        if path.suffix.lower() == ".csv":
            task = bar.add_task(path.name, total=_lines(path))
            summary = import_events(path, archive, session.store, now, lambda done: bar.update(task, completed=done))
        else:
            task = bar.add_task(path.name, total=archive_size(path))
            summary = import_mail(
                path, archive, session.store, session.reader, now, lambda done: bar.update(task, completed=done)
            )
        for problem in summary.skipped:
            _complain(problem, name, path)
    return summary


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


def _complain(problem: ArchiveProblem, name: str, path: Path) -> None:
    shown = name if problem.source == path else str(problem.source)
    place = f"{shown}, message {problem.position}" if problem.position else shown
    errors().print(Text(f"gonequiet: {place}: {problem.reason}"))


@contextmanager
def _as_path(name: str) -> Iterator[Path]:
    """The file of that name; for `-` a temporary one with all that stdin gives."""
    if name != "-":
        yield Path(name)
        return
    with tempfile.NamedTemporaryFile(prefix="gonequiet-stdin-") as spool:
        shutil.copyfileobj(sys.stdin.buffer, spool)
        spool.flush()
        yield Path(spool.name)
