"""Who may read what is kept: its owner only, whatever umask the process was started with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_IMODE

import pytest

from monitor.store import admin
from monitor.store.store import Store
from tests.store.build import a_copy, a_visit


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_database_originals_and_their_folders_are_the_owners_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    url = f"sqlite:///{data / 'gonequiet.db'}"
    with Store.open(url, data / "originals") as store:
        one = a_copy(1)
        store.save_visit(a_visit([one]), [one])
        many = [a_copy(n) for n in range(2, 60)]
        store.save_visit(a_visit(many), many)
        admin.backup(url, data / "backup.db")
        made = {path: S_IMODE(path.stat().st_mode) for path in (data, *data.rglob("*"))}
    names = {path.name for path in made}
    assert {"data", "gonequiet.db", "gonequiet.db-wal", "gonequiet.db-shm", "backup.db", "originals", "packs"} <= names
    assert sum(path.suffix == ".zst" for path in made) == 2
    assert {path.name: oct(mode) for path, mode in made.items() if mode & 0o077} == {}


def test_a_folder_that_stands_keeps_its_mode(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o750)
    Store.open(f"sqlite:///{data / 'gonequiet.db'}", data / "originals").close()
    assert S_IMODE(data.stat().st_mode) == 0o750


def test_the_system_service_makes_everything_private() -> None:
    unit = Path("config/systemd/gonequiet.service").read_text(encoding="utf-8").splitlines()
    assert {"UMask=0077", "StateDirectoryMode=0700"} <= set(unit)
