"""Migrations: data of every older schema arrives in the newest one, once, whoever opens the store first."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlmodel import SQLModel

from monitor.errors import StoreError
from monitor.model import FailureCause
from monitor.store.columns import to_micros
from monitor.store.database import Database
from monitor.store.store import Store
from monitor.store.upgrade import MIGRATIONS, back_up, bring_up_to_date, schema_status
from tests.store.build import NOON, a_copy, a_visit
from tests.store.test_alerts import a_gap, a_notice, opening

T = to_micros(NOON)

OLD_DATA: dict[str, tuple[str, ...]] = {
    "0001": (
        "INSERT INTO inboxes (id, name) VALUES (1, 'seed-1')",
        "INSERT INTO folders (id, inbox_id, name, role, uidvalidity, last_uid, proven_at, polls)"
        f" VALUES (1, 1, 'INBOX', 'INBOX', 7, 1, {T}, 3)",
        "INSERT INTO streams (id, name, organisation) VALUES (1, 'news.example.org', 'example.org')",
        "INSERT INTO sends (id, stream_id, at, stored_at, copies, inboxes, placements, subject, changed)"
        f""" VALUES (1, 1, {T}, {T}, 1, '["seed-1"]', '{{"INBOX":1}}', 'From before', 1)""",
        "INSERT INTO copies (id, inbox_id, folder_id, role, digest, size, truncated, delivered_at, seen_at, at,"
        " link_hosts, fingerprints, stream_id, send_id, polls_before)"
        f" VALUES (1, 1, 1, 'INBOX', 'aa', 2, false, {T}, {T}, {T}, '[]', '[]', 1, 1, 0)",
        "INSERT INTO evidence (copy_id, document) VALUES (1, '{}')",
        f"INSERT INTO placements (copy_id, folder_id, uidvalidity, uid, role, seen_at) VALUES (1, 1, 7, 1, 'INBOX', {T})",
        f"INSERT INTO coverage (folder_id, since, until, kind, polls) VALUES (1, {T - 60_000_000}, {T}, 'live', 3)",
        f"INSERT INTO failures (inbox_id, at, cause, detail, retryable) VALUES (1, {T - 9}, 'dns', 'unknown host', true)",
        "INSERT INTO problems (copy_id, field, detail) VALUES (1, 'date', 'none')",
        "INSERT INTO counters (name, first, second, third, value) VALUES ('problems', 'date', '', '', 1)",
    ),
}
OLD_DATA["0002"] = (
    *OLD_DATA["0001"],
    "INSERT INTO alerts (id, key, kind, subject, level, state, since, found_at, opened_at, updated_at, told)"
    f" VALUES (1, 'gap:news.example.org', 'gap', 'news.example.org', 2, 'open', {T}, {T}, {T}, {T}, '[]')",
    "INSERT INTO notices (alert_id, event, channel, key, title, text, payload, created_at, state, tries)"
    f" VALUES (1, 'opened', 'log', 'k', 'Silent', 'No mail seen.', '{{}}', {T}, 'pending', 0)",
)

OLD_DATA["0003"] = (*OLD_DATA["0002"], "INSERT INTO marks (name, value) VALUES ('rebuild', 1)")

OLD_DATA["0004"] = (
    *OLD_DATA["0003"],
    "UPDATE copies SET sdids = 'example.org', authentication = 'spf=pass'",
    "UPDATE sends SET sdids = 'example.org', authentication = 'spf=pass'",
)

OLD_DATA["0008"] = (
    *OLD_DATA["0004"],
    "UPDATE folders SET messages = 1",
    f"UPDATE placements SET gone_at = {T}",
    "UPDATE copies SET awaits_body = true",
    "UPDATE failures SET until = at, times = 3",
)

OLD_DATA["0009"] = (
    *OLD_DATA["0008"],
    f"INSERT INTO canaries (inbox_id, token, made_at, tries, given_up) VALUES (1, 'aa', {T}, 0, false)",
)

OLD_DATA["0010"] = (
    *OLD_DATA["0009"],
    "UPDATE folders SET state = 'as it was'",
    "UPDATE copies SET address = 'seed+acme@example.org'",
)

OLD_DATA["0011"] = (
    *OLD_DATA["0010"],
    "INSERT INTO states (hour, changed, basis, coverage, document) VALUES (450000, 1, 'b', 'c', '')",
)

OLD_DATA["0012"] = (
    *OLD_DATA["0011"],
    f"INSERT INTO inbox_notes (inbox_id, at, resource, used, most) VALUES (1, {T}, 'STORAGE', 1, 2)",
)

OLD_DATA["0013"] = (
    *OLD_DATA["0012"],
    "INSERT INTO packed (digest, pack, start, length) VALUES ('', 1, 44, 3)",
)

OLD_DATA["0015"] = (*OLD_DATA["0013"], "UPDATE failures SET server = 'oauth2.example.org'")

OLD_DATA["0016"] = (
    *OLD_DATA["0015"],
    "INSERT INTO tab_stays (copy_id, folder_id, uidvalidity, uid, role, seen_at, gone_at)"
    f" VALUES (1, 1, 7, 1, 'TAB:updates', {T - 9}, {T})",
)

REVISIONS = sorted(path.stem[1:5] for path in (MIGRATIONS / "versions").glob("v*.py"))


def old_database(url: str, revision: str) -> Database:
    database = Database(url)
    bring_up_to_date(database, revision)
    with database.write() as connection:
        for statement in OLD_DATA[revision]:
            connection.execute(text(statement.replace(":", r"\:")))
    return database


def test_every_schema_has_data_to_try() -> None:
    assert sorted(OLD_DATA) == REVISIONS


@pytest.mark.parametrize("revision", REVISIONS)
def test_old_data_arrives_in_the_newest_schema(url: str, tmp_path: Path, revision: str) -> None:
    old_database(url, revision).close()
    with Store.open(url, tmp_path / "originals") as store:
        assert [(s.subject, s.at, s.inboxes) for s in store.sends()] == [("From before", NOON, ("seed-1",))]
        assert [(c.end, c.polls) for c in store.coverage()] == [(NOON, 3)]
        assert store.checkpoints("seed-1")["INBOX"].uidvalidity == 7
        is_new = revision >= "0010"
        assert store.checkpoints("seed-1")["INBOX"].state == ("as it was" if is_new else None)
        assert [s.address for s in store.subscriptions()] == ["seed+acme@example.org" if is_new else None]
        assert [f.detail for f in store.failures()] == ["unknown host"]
        assert store.problems_total() == {"date": 1}
        expected = 1 if revision >= "0002" else 0
        assert len(store.open_alerts()) == len(store.due_notices(NOON)) == expected
        if url.startswith("sqlite"):  # PostgreSQL counts for itself; the numbers above were given by hand
            copy = a_copy(2, inbox="seed-2")
            store.save_visit(a_visit([copy], inbox="seed-2"), [copy])
            store.apply([opening(a_notice("new"), alert=a_gap("other.example"))])
            assert len(store.open_alerts()) == expected + 1


def test_a_login_that_had_ended_is_a_cause_of_its_own_from_now_on(url: str, tmp_path: Path) -> None:
    database = old_database(url, "0013")
    with database.write() as connection:
        for number, detail in enumerate(
            ("taken back; run: gonequiet login seed-1", "check it, or run: gonequiet login seed-1: no"), 2
        ):
            connection.execute(
                text(
                    "INSERT INTO failures (inbox_id, at, until, times, cause, detail, retryable)"
                    " VALUES (1, :t, :t, 1, 'login', :d, false)"
                ),
                {"t": T + number, "d": detail},
            )
    database.close()
    with Store.open(url, tmp_path / "originals") as store:
        known = {f.detail.partition(" ")[0]: f.cause for f in store.failures()}
        assert known == {"unknown": FailureCause.DNS, "taken": FailureCause.LOGIN_ENDED, "check": FailureCause.LOGIN}


def test_the_migrations_make_what_the_tables_say(url: str) -> None:
    database = Database(url)
    bring_up_to_date(database)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []
    assert schema_status(database).is_current
    database.close()


def test_a_sqlite_file_is_backed_up_before_it_changes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.sqlite3'}"
    database = old_database(url, "0001")
    Store.open(url, tmp_path).close()
    [backup] = schema_status(database).backups
    with closing(sqlite3.connect(backup)) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        assert copy.execute("SELECT subject FROM sends").fetchone() == ("From before",)
    Store.open(url, tmp_path).close()
    assert schema_status(database).backups == (backup,)
    database.close()


def test_a_new_database_needs_no_backup(tmp_path: Path) -> None:
    Store.open(f"sqlite:///{tmp_path / 'x.sqlite3'}", tmp_path).close()
    assert list(tmp_path.glob("*.backup")) == []


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    database = old_database(f"sqlite:///{tmp_path / 'x.sqlite3'}", "0001")
    with closing(sqlite3.connect(tmp_path / "x.sqlite3")) as broken, broken:
        broken.execute("UPDATE copies SET send_id = 99")
    with pytest.raises(StoreError, match="a row of copies refers to nothing; the schema was not changed"):
        bring_up_to_date(database)
    assert schema_status(database).current == "0001"
    database.close()


def test_the_schema_of_a_newer_version_is_left_alone(url: str, tmp_path: Path) -> None:
    Store.open(url, tmp_path).close()
    database = Database(url)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(StoreError, match="schema 9999 was written by a newer GoneQuiet"):
        Store.open(url, tmp_path)


def test_processes_that_open_it_at_the_same_moment_do_not_disturb_each_other(url: str, tmp_path: Path) -> None:
    old_database(url, "0001").close()
    program = (
        "import sys, pathlib; from monitor.store.store import Store; Store.open(sys.argv[1], pathlib.Path(sys.argv[2])).close()"
    )
    command = [sys.executable, "-c", program, url, str(tmp_path / "originals")]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(p.communicate()[1], p.returncode) for p in started] == [("", 0)] * 3
    assert len(list(tmp_path.glob("*.backup"))) == (1 if url.startswith("sqlite") else 0)


def _a_folder(path: Path) -> str:
    path.mkdir()
    return f"sqlite:///{path}"


def _another_file(path: Path) -> str:
    path.write_bytes(b"From somebody to somebody\n" * 500)
    return f"sqlite:///{path}"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_a_folder, "unable to open database file; see that its folder is there"),
        (_another_file, "file is not a database; this file is something else"),
        (lambda _: "nonsense", "the database's URL cannot be read; expected sqlite:///…"),
        (lambda _: "mysql://localhost/x", "expected sqlite:///… or postgresql://…"),
        (lambda _: "postgresql://nobody:secret@127.0.0.1:1/x", "see that the server runs"),
    ],
)
def test_what_cannot_be_opened_is_said_with_what_to_mend(tmp_path: Path, make: Callable[[Path], str], said: str) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        Store.open(make(tmp_path / "x"), tmp_path / "originals")
    assert "secret" not in str(caught.value)


def test_a_backup_is_whole_and_a_failed_one_leaves_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.sqlite3'}"
    with Store.open(url, tmp_path / "originals") as store:
        copy = a_copy(1)
        store.save_visit(a_visit([copy]), [copy])
        database = Database(url)
        back_up(database, tmp_path / "copy.sqlite3")
        with pytest.raises(StoreError, match="the backup could not be written"):
            back_up(database, tmp_path / "nowhere" / "copy.sqlite3")
        database.close()
    with Store.open(f"sqlite:///{tmp_path / 'copy.sqlite3'}", tmp_path / "originals") as copied:
        assert [s.subject for s in copied.sends()] == ["To all"]
    assert list(tmp_path.glob("*.partial")) == []
