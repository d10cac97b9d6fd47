"""Serve the pages from a thread of the service's process."""

from __future__ import annotations

import socket
import threading
import time

import structlog
import uvicorn
from fastapi import FastAPI

from monitor.errors import GoneQuietError
from monitor.settings import WebSettings

log = structlog.get_logger("gonequiet.web")

PATIENCE_SECONDS = 10.0


class WebServer:
    """Uvicorn in a thread. The port is taken at once, so that a used one is told before anything else starts."""

    def __init__(self, application: FastAPI, settings: WebSettings) -> None:
        self._socket = _listen(settings)
        host, port = self._socket.getsockname()[:2]
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  compared, not bound
        self.url = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
        self._server = uvicorn.Server(uvicorn.Config(application, log_config=None, access_log=False, lifespan="off"))
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    def start(self) -> None:
        """Return once it answers. GoneQuietError if it does not."""
        self._thread.start()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise GoneQuietError(f"the web server at {self.url} did not start")
            time.sleep(0.01)

    def _run(self) -> None:
        """Until `stop`; an end before it is told, as nothing else may notice."""
        try:
            self._server.run(sockets=[self._socket])
        finally:
            if not self._server.should_exit:
                log.error("the web server has ended: there are no pages and no metrics until a restart", page=self.url)

    def stop(self) -> None:
        """Also of use where it was never started."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(PATIENCE_SECONDS)
        self._socket.close()


def _listen(settings: WebSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((settings.host, settings.port))
    except OSError as error:
        opened.close()
        raise GoneQuietError(
            f"web.host/web.port: cannot listen on {settings.host}:{settings.port} ({error.strerror}); choose another web.port"
        ) from error
    return opened
