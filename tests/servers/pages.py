"""The pages of a SnapshotSource, served by uvicorn on loopback as the service serves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from monitor.app.web import WebServer
from monitor.clock import SteppedClock
from monitor.settings import WebSettings
from monitor.show.snapshot import SnapshotSource
from monitor.show.web import create_app
from tests.show.snapshots import NOW

Serve = Callable[[SnapshotSource], str]


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """A function from a source to the address of its pages; the wall clock stands at NOW."""
    with ExitStack() as running:

        def start(source: SnapshotSource) -> str:
            server = WebServer(create_app(source, clock=SteppedClock(NOW)), WebSettings(port=0))
            server.start()
            running.callback(server.stop)
            return server.url

        yield start
