"""The command `identify`: whose infrastructure sent a message, and why."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from monitor.app.knowledge import load_identifier
from monitor.cli.archives import FilesArgument, complain
from monitor.cli.input import as_path
from monitor.cli.output import console, json_lines
from monitor.cli.root import ConfigOption, JsonOption, app, find_settings
from monitor.collect.archive import read_archive
from monitor.collect.archived import ArchiveProblem
from monitor.collect.events import ArchivedEvent
from monitor.collect.parse import parse_message
from monitor.errors import GoneQuietError
from monitor.identify.render import as_json as identified_json
from monitor.identify.render import explain


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
        with as_path(name) as path:
            for found in read_archive(path):
                if isinstance(found, ArchivedEvent):
                    found = ArchiveProblem(path, found.position, "is an event, not a message: it shows no infrastructure")
                if isinstance(found, ArchiveProblem):
                    problems += 1
                    complain(found, name, path)
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
