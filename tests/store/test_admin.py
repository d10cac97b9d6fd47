"""`gonequiet db`: status, upgrade and backup of a database that nobody has opened as a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.errors import StoreError
from monitor.store import admin
from monitor.store.store import Store
from tests.store.build import a_copy, a_visit
from tests.store.test_upgrade import old_database


def test_status_says_what_there_is(url: str, tmp_path: Path) -> None:
    assert admin.status(url).schema.current is None
    with Store.open(url, tmp_path / "originals") as store:
        copy = a_copy(1)
        store.save_visit(a_visit([copy]), [copy])
        shown = admin.status(url)
    assert shown.schema.is_current
    assert shown.rows == {"copies": 1, "sends": 1, "streams": 1}
    assert (shown.octets is None) == url.startswith("postgresql")


def test_upgrade_brings_an_old_database_up_to_date_and_names_the_backup(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.sqlite3'}"
    old_database(url, "0001").close()
    assert not admin.status(url).schema.is_current
    made = admin.upgrade(url)
    assert made is not None
    assert admin.status(url).schema.backups == (made,)
    assert admin.status(url).schema.is_current
    assert admin.upgrade(url) is None


def test_backup_copies_sqlite_and_points_to_pg_dump_otherwise(url: str, tmp_path: Path) -> None:
    Store.open(url, tmp_path / "originals").close()
    if url.startswith("sqlite"):
        admin.backup(url, tmp_path / "copy.sqlite3")
        assert admin.status(f"sqlite:///{tmp_path / 'copy.sqlite3'}").schema.is_current
    else:
        with pytest.raises(StoreError, match="back up PostgreSQL with pg_dump"):
            admin.backup(url, tmp_path / "copy")
