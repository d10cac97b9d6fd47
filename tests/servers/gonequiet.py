"""GoneQuiet itself as a process, and what it uses."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def service(settings: Path, log: Path) -> Iterator[subprocess.Popen[str]]:
    """`gonequiet run` once it serves; told to end at the end."""
    command = [sys.executable, "-m", "monitor", "run", "--config", str(settings)]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    with process:
        try:
            assert process.stdout is not None
            assert "watches" in process.stdout.readline(), log.read_text()[-2000:]
            yield process
        finally:
            process.terminate()
            process.wait(60)


def cpu_seconds(pid: int) -> float:
    """What a process has used of cores so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_of(pid: int) -> int:
    """Octets of a process in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
