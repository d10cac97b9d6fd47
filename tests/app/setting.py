"""A settings file for tests of the service, as an operator would write it, and words about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from monitor.settings import InboxSettings
from tests.servers.dovecot import PASSWORD
from tests.servers.process import wait_for


def write_settings(folder: Path, *inboxes: InboxSettings, more: str = "", port: int = 0, every: str = "1s") -> Path:
    """`gonequiet.yaml` in the folder, with these inboxes, a page on any free port, quick ticks, and the lines of `more`."""
    (folder / "password").write_text(PASSWORD, encoding="ascii")
    lines = [
        "data_dir: data",
        "tick: 0.05s",
        "detect_every: 1s",
        f"web: {{port: {port}}}",
        f"collect: {{poll_every: {every}, timeout: 5s, verify_dkim: off}}",
    ]
    lines += ["inboxes:"] if inboxes else []
    for inbox in inboxes:
        lines += [
            f"  - name: {inbox.name}",
            f"    host: {inbox.host}",
            f"    port: {inbox.port}",
            f"    user: {inbox.user}",
            f"    security: {inbox.security.value}",
            f"    ca_file: {inbox.ca_file}",
            "    password_file: password",
        ]
    path = folder / "gonequiet.yaml"
    path.write_text("\n".join([*lines, more, ""]), encoding="utf-8")
    return path


def metric(text: str, name: str) -> float:
    """The value of one series of an exposition; `name` with its labels as they stand there."""
    for line in text.splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    raise AssertionError(f"no {name} in the metrics:\n{text}")


def eventually(true: Callable[[], bool], what: str) -> None:
    """Wait until it is true; AssertionError with `what` where it never is."""
    wait_for(true, lambda: f"never happened: {what}", seconds=60)
