"""Run `gonequiet` as the shell does, in this process; and an installation that has watched two lists for two months."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from monitor.app.session import open_session
from monitor.cli import main
from monitor.clock import SystemClock
from monitor.model import Confidence, Identification
from monitor.settings import load_settings
from tests.store.build import DAY, HOUR, MINUTE, a_copy, a_visit

THROUGH = Identification(delivery="Salesforce Marketing Cloud", delivery_confidence=Confidence.LIKELY)
SILENT, BUSY = "silent.example.org", "busy.example.net"


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """stdout as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ran]


@pytest.fixture
def gonequiet(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A function from arguments to how the command ended."""
    monkeypatch.delenv("GONEQUIET_CONFIG", raising=False)
    handlers, level = logging.root.handlers[:], logging.root.level

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["gonequiet", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return Ran(int(ended.value.code or 0), told.out, told.err)

    yield run
    structlog.reset_defaults()
    logging.root.handlers[:], logging.root.level = handlers, level


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    """Settings without an inbox; the log is the only channel."""
    path = tmp_path / "gonequiet.yaml"
    path.write_text("data_dir: data\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one of two lists has been silent for twelve days, and is told of."""
    folder = tmp_path_factory.mktemp("installation")
    path = folder / "gonequiet.yaml"
    (folder / "password").write_text("secret", encoding="ascii")
    inbox = "{name: seed-1, host: imap.nowhere.invalid, user: seed, password_file: password}"
    path.write_text(f"data_dir: data\ninboxes: [{inbox}]\n", encoding="utf-8")
    now = SystemClock().now().replace(minute=0, second=0, microsecond=0)
    begin = now - 60 * DAY
    days = [begin + n * DAY + HOUR for n in range(60)]
    sent = [(at, BUSY) for at in days] + [(at, SILENT) for at in days[:48]]
    copies = [
        a_copy(uid, at, stream=name, organisation=name[-11:], identification=THROUGH)
        for uid, (at, name) in enumerate(sorted(sent), start=1)
    ]
    with open_session(load_settings(path)) as session:
        session.store.save_visit(a_visit(copies, at=now, since=begin), copies)
        session.watch().round(now + MINUTE)
        assert len(session.store.open_alerts()) == 1
    return folder


@pytest.fixture
def watched(installation: Path, tmp_path: Path) -> Path:
    """The settings file of a copy of that installation."""
    return Path(shutil.copytree(installation, tmp_path / "watched")) / "gonequiet.yaml"
