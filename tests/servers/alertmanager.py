"""A real Alertmanager on loopback, from the distribution's package."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers.process import free_port, running_server

MISSING = "Alertmanager is not installed; as root on Debian or Ubuntu: apt-get install prometheus-alertmanager"


@pytest.fixture(scope="session")
def amtool() -> str:
    """The path of amtool."""
    found = shutil.which("amtool")
    if found is None:
        pytest.skip(MISSING)
    return found


@pytest.fixture(scope="module")
def start_alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], str]]:
    """A function that starts a server on the given settings file and returns its `host:port`."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        pytest.skip(MISSING)
    with ExitStack() as running:

        def start(settings: Path) -> str:
            folder, address = tmp_path_factory.mktemp("alertmanager"), f"127.0.0.1:{free_port()}"
            arguments = (
                f"--config.file={settings}",
                f"--web.listen-address={address}",
                f"--storage.path={folder}",
                "--cluster.listen-address=",
                "--log.level=warn",
            )
            running.enter_context(running_server([program, *arguments], f"http://{address}/-/ready", folder))
            return address

        yield start
