"""Helpers end when they are told to, and whoever waits for one that was killed is told so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from monitor.app import helpers as module
from monitor.app.helpers import ROOM, HelperError, Helpers
from monitor.model import RawMessage
from monitor.settings import Settings
from tests.app.test_importing import is_at_work
from tests.app.test_reading_ahead import NOW
from tests.servers.process import children, wait_for

MUCH = RawMessage("a", "INBOX", "INBOX", 7, 1, NOW, NOW, b"Subject: x\r\n\r\n" + b"x" * (4 * ROOM), 4 * ROOM)
"""More than a pipe holds."""


@pytest.fixture
def helpers() -> Iterator[Helpers]:
    with closing(Helpers(Settings(), None, 1)) as made:
        wait_for(lambda: made.is_ready, lambda: "no helper began", seconds=60)
        yield made


def closes(helpers: Helpers) -> bool:
    closing = threading.Thread(target=helpers.close, daemon=True)
    closing.start()
    closing.join(60)
    return not closing.is_alive()


def test_one_that_is_killed_while_much_is_written_to_it_holds_nobody_up(helpers: Helpers) -> None:
    process = helpers._helpers[0].process
    os.kill(process.pid or 0, signal.SIGSTOP)
    asked = [helpers.read([MUCH], frames=False) for _ in range(4)]
    process.kill()
    for one in asked:
        with pytest.raises(HelperError):
            one.result()
    process.join(60)
    with pytest.raises(HelperError):
        helpers.read([MUCH], frames=False)
    assert closes(helpers)


def test_one_that_has_only_begun_is_not_waited_for() -> None:
    helpers = Helpers(Settings(), None, 1)
    asked = helpers.read([MUCH], frames=False)
    os.kill(helpers._helpers[0].process.pid or 0, signal.SIGSTOP)  # it never comes to be ready
    assert closes(helpers)
    assert helpers._helpers[0].process.exitcode == -signal.SIGKILL
    with pytest.raises((HelperError, CancelledError)):
        asked.result()


def test_a_signal_to_the_whole_group_does_not_end_it_before_the_parent_does(helpers: Helpers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(helpers._helpers[0].process.pid or 0, number)
    (copy,) = helpers.read([MUCH], frames=False).result().copies
    assert copy.message.subject == "x"


def test_one_that_meets_a_fault_of_ours_ends(helpers: Helpers) -> None:
    with pytest.raises(HelperError):
        helpers.read([replace(MUCH, raw=cast(bytes, None))], frames=False).result()


def test_where_the_second_cannot_begin_the_first_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    begin, begun = module._begin, list[module._Helper]()

    def begin_one(settings: Settings, key: bytes | None) -> module._Helper:
        if begun:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        begun.append(begin(settings, key))
        return begun[0]

    monkeypatch.setattr(module, "_begin", begin_one)
    with pytest.raises(HelperError):
        Helpers(Settings(), None, 2)
    assert [helper.process.exitcode for helper in begun] == [-signal.SIGKILL]


FAILS = """
from monitor.app.helpers import Helpers
from monitor.settings import Settings

if __name__ == "__main__":
    begun = Helpers(Settings(), None, 1)
    raise SystemExit(f"{begun._helpers[0].process.pid}")
"""


def test_they_end_with_a_process_that_did_not_close_them(tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text(FAILS, encoding="ascii")
    with subprocess.Popen([sys.executable, tmp_path / "fails.py"], stderr=subprocess.PIPE) as program:
        try:
            _, said = program.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            for child in children(program.pid):
                os.kill(child, signal.SIGKILL)
            raise
    assert not is_at_work(int(said))
