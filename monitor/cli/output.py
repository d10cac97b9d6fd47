"""Print results: JSON lines on stdout for programs, tables for people; everything else goes to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 400
"""Columns of a table that no terminal shows."""


def console() -> Console:
    """For people, on stdout."""
    return Console(soft_wrap=True, highlight=False)


def errors() -> Console:
    """For people, on stderr."""
    return Console(stderr=True, soft_wrap=True, highlight=False)


def json_lines(rows: Iterable[Mapping[str, object]]) -> None:
    """One JSON object a line."""
    for row in rows:
        sys.stdout.write(json.dumps(row, ensure_ascii=False, separators=(", ", ": ")) + "\n")
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A plain table; cell texts are data and never markup. Prints `empty` where there is no row."""
    filled = [[Text("" if cell is None else str(cell)) for cell in row] for row in rows]
    if not filled:
        console().print(Text(empty))
        return
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in filled:
        made.add_row(*row)
    # A file or a pipe has no width: there each row stays on one line.
    Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else WIDE).print(made)
