"""Files of mail that commands are given, and what is said of those that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from monitor.cli.output import errors
from monitor.collect.archived import ArchiveProblem

FilesArgument = Annotated[
    list[str], typer.Argument(metavar="FILE...", help="mbox, .eml, Maildir, JSON Lines or a folder of them; - is stdin.")
]


def complain(problem: ArchiveProblem, name: str, path: Path) -> None:
    """Say on stderr what is wrong with a message of the file `path`, which was asked for as `name`."""
    shown = name if problem.source == path else str(problem.source)
    place = f"{shown}, message {problem.position}" if problem.position else shown
    errors().print(Text(f"gonequiet: {place}: {problem.reason}"))
