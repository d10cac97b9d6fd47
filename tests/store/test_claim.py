"""One service a database, on SQLite and on PostgreSQL; all else goes on beside it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from monitor.errors import StoreError
from monitor.store.claim import SERVICE_LOCK, TakenError
from monitor.store.store import Store
from tests.servers.postgres import Postgres, away
from tests.store.build import a_copy, a_visit


def test_a_second_claim_is_refused_until_the_first_ends(url: str, tmp_path: Path) -> None:
    with Store.open(url, tmp_path / "originals") as first, Store.open(url, tmp_path / "originals") as second:
        with first.claim():
            with pytest.raises(StoreError, match="another `gonequiet run` is at work on this database; stop that one first"):
                second.claim().__enter__()
            assert second.save_visit(a_visit([a_copy(7)]), [a_copy(7)]).new_copies == 1
        with second.claim(), pytest.raises(StoreError, match="another"):
            first.claim().__enter__()


def test_databases_do_not_hinder_each_other(tmp_path: Path) -> None:
    one, other = (Store.open(f"sqlite:///{tmp_path}/{name}.db", tmp_path / "originals") for name in ("one", "other"))
    with one, other, one.claim(), other.claim():
        pass


def test_a_lock_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "gonequiet.db.lock").mkdir()
    said = r"gonequiet\.db\.lock: cannot be written \(Is a directory\)"
    with Store.open(f"sqlite:///{tmp_path}/gonequiet.db", tmp_path / "originals") as store, pytest.raises(StoreError, match=said):
        store.claim().__enter__()


def test_a_claim_that_postgresql_has_dropped_is_taken_again(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.new_database()
    with Store.open(url, tmp_path / "originals") as first, Store.open(url, tmp_path / "originals") as second:
        with first.claim() as hold:
            hold()
            with psycopg.connect(url, autocommit=True) as other, away(other), pytest.raises(StoreError) as told:
                hold()
            assert not isinstance(told.value, TakenError)
            hold()
            with pytest.raises(TakenError):
                second.claim().__enter__()
        with second.claim():
            pass


def test_a_claim_that_another_was_quicker_to_take_is_lost_while_that_one_lives(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.new_database()
    with Store.open(url, tmp_path / "originals") as store, store.claim() as hold:
        with psycopg.connect(url, autocommit=True) as other:
            with away(other):
                other.execute("SELECT pg_advisory_lock(%s)", (SERVICE_LOCK,))
            with pytest.raises(TakenError, match="another `gonequiet run` is at work on this database"):
                hold()
        hold()
