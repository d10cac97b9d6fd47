"""A real Prometheus on loopback, from the distribution's package, with settings of the test's choice."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers.process import free_port, running_server

MISSING = "Prometheus is not installed; as root on Debian or Ubuntu: apt-get install prometheus"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running server."""

    url: str

    def get(self, path: str, **parameters: str) -> Any:
        """The `data` of an answer of the HTTP API; AssertionError with its error otherwise."""
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=20).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query."""
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found


@pytest.fixture(scope="session")
def promtool() -> str:
    """The path of promtool."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip(MISSING)
    return found


@pytest.fixture(scope="module")
def start_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Prometheus]]:
    """A function that starts a server on the given settings file and waits until it is ready."""
    if shutil.which("prometheus") is None:
        pytest.skip(MISSING)
    with ExitStack() as running:
        yield lambda settings: running.enter_context(_running(settings, tmp_path_factory.mktemp("prometheus")))


@contextmanager
def _running(settings: Path, folder: Path) -> Iterator[Prometheus]:
    address = f"127.0.0.1:{free_port()}"
    arguments = (
        f"--config.file={settings}",
        f"--web.listen-address={address}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--log.level=warn",
    )
    with running_server(["prometheus", *arguments], f"http://{address}/-/ready", folder):
        yield Prometheus(f"http://{address}")
