"""The root of the command line: the list of commands, the settings option, and how errors end."""

from __future__ import annotations

import os
import sys
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


def load_commands() -> None:
    """Import the files that hold commands: each adds its own to `app`, and `--help` lists them in this order."""
    for topic in ("service", "streams", "alerts", "mail", "backtest", "coverage", "sources", "login", "keeping"):
        import_module(f"monitor.cli.{topic}")


def main() -> None:
    """Run the command line. Exit status: 0 it ran, 2 misuse or bad input."""
    load_commands()
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
