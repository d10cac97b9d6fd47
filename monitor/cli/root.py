"""The root of the command line: the list of commands, the settings option, and how errors end."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

import monitor
from monitor import logs
from monitor.cli.output import errors
from monitor.errors import GoneQuietError
from monitor.settings import Settings, load_settings

app = typer.Typer(
    name="gonequiet",
    help="Notices when an e-mail campaign stops mailing, says through whose infrastructure it came, and shows its evidence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

PLACES = ("config/gonequiet.yaml", "gonequiet.yaml", "/etc/gonequiet/gonequiet.yaml")

TOPICS = {
    "service": ("demo", "run", "poll"),
    "streams": ("streams", "gaps", "changes"),
    "alerts": ("alerts", "ack", "mute", "alert-test"),
    "identify": ("identify",),
    "mail": ("import",),
    "backtest": ("backtest",),
    "coverage": ("coverage", "moves"),
    "sources": ("providers", "check-config"),
    "login": ("login",),
    "keeping": ("rebuild", "db"),
}
"""File of `monitor.cli` → its commands: only what is asked for is imported, as all together takes seconds."""

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="GONEQUIET_CONFIG",
        help=f"The settings file. Without it the first of {', '.join(PLACES)} that exists.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout; times are ISO 8601 UTC.")]


def settings_path(config: Path | None) -> Path:
    """The settings file to use. GoneQuietError where there is none."""
    if config is not None:
        return config
    for place in PLACES:
        if Path(place).is_file():
            return Path(place)
    raise GoneQuietError(f"no settings file: none of {', '.join(PLACES)} exists here; name one with --config FILE")


def read_settings(config: Path | None) -> tuple[Settings, Path]:
    path = settings_path(config)
    return load_settings(path), path


def find_settings(config: Path | None) -> Settings | None:
    """The settings where there are any, for commands that also work without."""
    if config is None and not any(Path(place).is_file() for place in PLACES):
        return None
    return read_settings(config)[0]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gonequiet {monitor.__version__}")
        raise typer.Exit


@app.callback()
def root(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log details too.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    logs.set_up(verbose=verbose)


def load_commands(arguments: Sequence[str] = ()) -> None:
    """Import what holds the command that the arguments name; where they name none, or ask for help before it, all files.

    The version needs none. Each file adds its own commands to `app`, and `--help` lists them in the order of TOPICS.
    """
    named = next((word for word in arguments if word == "--help" or not word.startswith("-")), None)
    topics = [topic for topic, commands in TOPICS.items() if named in commands]
    if not topics and "--version" not in arguments:
        topics = list(TOPICS)
    for topic in topics:
        import_module(f"monitor.cli.{topic}")


def main() -> None:
    """Run the command line. Exit status: 0 it ran, 2 misuse or bad input."""
    load_commands(sys.argv[1:])
    try:
        app(prog_name="gonequiet")
    except GoneQuietError as error:
        for line in str(error).splitlines():
            errors().print(f"gonequiet: {line}", markup=False)
        sys.exit(2)
    except SystemExit as ended:
        if not isinstance(ended.__context__, BrokenPipeError):  # Typer makes exit status 1 of it
            raise
        # The reader (`| head`) has gone: nothing is left to say, not even at the interpreter's exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
