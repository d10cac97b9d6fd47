"""Files that commands read; `-` is what stdin gives."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STDIN = "-"


@contextmanager
def as_path(name: str) -> Iterator[Path]:
    """The file of that name; for `-` a temporary one with all that stdin gives."""
    if name != STDIN:
        yield Path(name)
        return
    with tempfile.NamedTemporaryFile(prefix="gonequiet-stdin-") as spool:
        shutil.copyfileobj(sys.stdin.buffer, spool)
        spool.flush()
        yield Path(spool.name)
