"""Programs in the background: start one, wait until it answers, stop it at the end."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx


@contextmanager
def running_server(command: list[str], ready: str, folder: Path) -> Iterator[None]:
    """The command in the background until it answers 200 at `ready`; stopped at the end. Its log is in the folder."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
    try:
        wait_for(lambda: answers(ready), lambda: f"{command[0]} does not answer at {ready}:\n{log.read_text()[-2000:]}")
        yield
    finally:
        process.terminate()
        process.wait(20)


def wait_for(true: Callable[[], bool], otherwise: Callable[[], str], seconds: float = 60, *, every: float = 0.1) -> None:
    """Return once it is true; AssertionError with the words of `otherwise` after so many seconds. It is asked `every` so many."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(every)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def children(pid: int) -> list[int]:
    """The processes that a process has started and that have not been waited for."""
    return [int(child) for tasks in Path(f"/proc/{pid}/task").glob("*/children") for child in tasks.read_text().split()]
