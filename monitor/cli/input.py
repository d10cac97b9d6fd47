"""Files that commands read; `-` is what stdin gives."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from monitor.errors import InputError

STDIN = "-"


@contextmanager
def as_path(name: str) -> Iterator[Path]:
    """The file of that name; for `-` and for a pipe a temporary one with all that it gives, whose faults are told of `name`."""
    path = Path(name)
    if name != STDIN and not path.is_fifo():
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="gonequiet-stdin-") as spool:
        with nullcontext(sys.stdin.buffer) if name == STDIN else path.open("rb") as source:
            shutil.copyfileobj(source, spool)
        spool.flush()
        try:
            yield Path(spool.name)
        except InputError as error:
            raise InputError(name, error.reason) from error
