"""Commands on what GoneQuiet knows and how it is set: `providers` and `check-config`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from monitor.alert.channels.apprise import is_known
from monitor.alert.text_files import load_texts
from monitor.app.knowledge import load_identifier, load_provider_files
from monitor.cli.output import console, errors, json_lines, table
from monitor.cli.root import ConfigOption, JsonOption, app, find_settings, settings_path
from monitor.errors import GoneQuietError, SettingsError
from monitor.identify.catalogue import describe, find_providers, provider_json, provider_row
from monitor.settings import check_settings, load_settings
from monitor.words import count


@app.command()
def providers(
    name: Annotated[str | None, typer.Argument(help="A provider's name, former name, or a part of one.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the providers that can be identified, or show one with its signs and their sources."""
    found = find_providers(load_provider_files(find_settings(config)), name)
    if not found:
        raise GoneQuietError(f"no provider is called {name!r}; `gonequiet providers` lists them")
    if as_json:
        json_lines(provider_json(provider) for provider in found)
    elif len(found) == 1 and name:
        console().print(Text(describe(found[0])))
    else:
        table(("provider", "runs", "company", "also called", "seen"), map(provider_row, found), empty="")


@app.command(name="check-config")
def check_config(config: ConfigOption = None) -> None:
    """Check the settings, and the provider, receiver and text files beside them, without starting anything."""
    path = settings_path(config)
    problems: list[str] = []
    try:
        settings = load_settings(path)
        load_texts(settings.texts_dir)
        identifier = load_identifier(settings)
    except SettingsError as error:
        problems += error.problems
    else:
        problems += check_settings(path, knows_receiver=identifier.knows_receiver, knows_apprise=is_known)
    for problem in problems:
        errors().print(Text(problem))
    if problems:
        raise typer.Exit(2)
    console().print(
        Text(
            f"{path}: fine; {count(len(settings.inboxes), 'seed inbox')}, {count(len(settings.alerts.channels), 'alert channel')}"
        )
    )
