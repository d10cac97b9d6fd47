"""Imports: everything once, however often and wherever they were interrupted, by this process or with the help of others."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.app import helpers, import_batches, importing
from monitor.app.helpers import Helpers
from monitor.app.importing import import_events, import_mail
from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.settings import Settings
from monitor.store.store import Store
from tests.servers.process import children, wait_for

NOW = datetime(2026, 3, 2, tzinfo=UTC)
COUNT = 400


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(load_identifier(), Settings())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        yield store


def opened(folder: Path) -> Store:
    return Store.open(f"sqlite:///{folder / 'x.db'}", folder / "originals")


def an_mbox(path: Path, count: int = COUNT) -> Path:
    """Mails of four lists, three hours apart."""
    with path.open("wb") as file:
        for number in range(count):
            at = NOW - timedelta(hours=3) * (count - number)
            file.write(
                f"From x@example.org {at:%a %b %d %H:%M:%S %Y}\n"
                f"From: News <hello@list{number % 4}.example>\nDate: {at:%d %b %Y %H:%M:%S} +0000\n"
                f"Message-ID: <{number}@example.org>\nSubject: Number {number}\n\nHello, this is {number}.\n\n".encode()
            )
    return path


def stored(store: Store) -> tuple[int, int]:
    """Copies and sends."""
    sends = list(store.sends())
    return sum(send.copies for send in sends), len(sends)


def originals_said_lost(store: Store) -> list[str]:
    """What rebuilding would say of originals that are not what was stored."""
    batch = store.rebuild_next(10_000)
    assert batch is not None
    assert len(batch.messages) + len(batch.lost) >= COUNT
    return list(batch.lost)


class InterruptedImportError(Exception):
    """As if somebody pressed Ctrl-C."""


def test_an_import_that_was_interrupted_goes_on_where_it_stopped(
    tmp_path: Path, store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_batches, "BATCH", 50)
    path = an_mbox(tmp_path / "a.mbox")
    seen = 0

    def interrupt(done: int) -> None:
        nonlocal seen
        seen += 1
        if seen == 270:
            raise InterruptedImportError

    with pytest.raises(InterruptedImportError):
        import_mail(path, "old", store, reader, NOW, interrupt)
    kept = stored(store)[0]
    assert 0 < kept < 270
    before: list[int] = []
    summary = import_mail(path, "old", store, reader, NOW, before.append)
    assert summary.resumed_at > 0
    assert before[0] > summary.resumed_at, "what was read is not read again"
    assert (summary.imported.new_copies, summary.imported.known) == (COUNT - kept, 0)
    assert stored(store) == (COUNT, COUNT)

    again = import_mail(path, "old", store, reader, NOW, lambda done: None)
    assert (again.resumed_at, again.imported.new_copies, again.imported.known) == (0, 0, COUNT)


def test_an_archive_that_changed_meanwhile_is_read_from_its_start(
    tmp_path: Path, store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_batches, "BATCH", 50)
    path = an_mbox(tmp_path / "a.mbox")

    def interrupt(done: int) -> None:
        if done > 40_000:
            raise InterruptedImportError

    with pytest.raises(InterruptedImportError):
        import_mail(path, "old", store, reader, NOW, interrupt)
    with path.open("ab") as file:
        file.write(b"From x@example.org Mon Mar  2 00:00:00 2026\nFrom: a@new.example\nSubject: One more\n\nHello\n")
    summary = import_mail(path, "old", store, reader, NOW, lambda done: None)
    assert summary.resumed_at == 0
    assert summary.imported.known > 0
    assert stored(store)[0] == COUNT + 1


PROGRAM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from monitor.app import import_batches
from monitor.app.importing import import_events, import_mail
from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.settings import Settings
from monitor.store.store import Store

if __name__ == "__main__":
    folder, helpers = Path(sys.argv[1]), int(sys.argv[2])
    import_batches.BATCH = 20
    reader = Reader(load_identifier(), Settings())
    store = Store.open(f"sqlite:///{folder / 'x.db'}", folder / "originals")
    import_mail(folder / "a.mbox", "old", store, reader, datetime.now(UTC), lambda done: None, helpers=helpers)
"""


def is_at_work(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("helpers", [0, 1])
def test_a_killed_import_leaves_nothing_twice_and_loses_nothing(tmp_path: Path, reader: Reader, helpers: int) -> None:
    path = an_mbox(tmp_path / "a.mbox", 3000)
    (tmp_path / "program.py").write_text(PROGRAM, encoding="ascii")
    opened(tmp_path).close()
    with subprocess.Popen([sys.executable, str(tmp_path / "program.py"), str(tmp_path), str(helpers)]) as process:
        with opened(tmp_path) as watching:
            wait_for(lambda: stored(watching)[0] > 0, lambda: "nothing was ever stored", seconds=60)
        started = children(process.pid)
        process.send_signal(signal.SIGKILL)
    wait_for(lambda: not any(map(is_at_work, started)), lambda: "helpers outlive the import", seconds=60)
    with opened(tmp_path) as store:
        kept = stored(store)[0]
        assert 0 < kept < 3000
        summary = import_mail(path, "old", store, reader, NOW, lambda done: None)
        assert summary.resumed_at > 0
        assert (summary.imported.new_copies, summary.imported.known) == (3000 - kept, 0)
        assert stored(store) == (3000, 3000)
        assert not originals_said_lost(store)
        assert not list((tmp_path / "originals").rglob("*.partial"))


def test_other_processes_read_the_same_as_this_one(tmp_path: Path, store: Store, reader: Reader) -> None:
    path = an_mbox(tmp_path / "a.mbox")
    event = '{"sender_id": "event.example", "timestamp": "2026-01-01T00:00:00Z"}\n'
    (tmp_path / "b.jsonl").write_text(event, encoding="ascii")
    with_help = [import_mail(p, "old", store, reader, NOW, lambda done: None, helpers=1) for p in (path, tmp_path / "b.jsonl")]
    (tmp_path / "other").mkdir()
    with opened(tmp_path / "other") as other:
        alone = [import_mail(p, "old", other, reader, NOW, lambda done: None, helpers=0) for p in (path, tmp_path / "b.jsonl")]
        assert [s.imported for s in with_help] == [s.imported for s in alone]
        assert list(other.sends()) == list(store.sends())
        kept = [{path.name for path in (folder / "originals").rglob("*.zst")} for folder in (tmp_path, tmp_path / "other")]
        assert kept[0] == kept[1]
        assert not originals_said_lost(store)


def test_an_import_goes_on_where_its_helper_is_killed(tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_batches, "BATCH", 500)
    path = an_mbox(tmp_path / "a.mbox", 8 * COUNT)
    begun: list[Helpers] = []

    class Killed(Helpers):
        def __init__(self, settings: Settings, key: bytes | None, number: int) -> None:
            super().__init__(settings, key, number)
            wait_for(lambda: self.is_ready, lambda: "no helper began", seconds=60)
            begun.append(self)

    def kill(done: int) -> None:
        if done > path.stat().st_size // 2:
            begun[0]._helpers[0].process.kill()

    monkeypatch.setattr(importing, "Helpers", Killed)
    with opened(tmp_path) as store, capture_logs() as said:
        summary = import_mail(path, "old", store, reader, NOW, kill, helpers=1)
        assert (summary.imported.new_copies, summary.imported.known) == (8 * COUNT, 0)
        assert stored(store) == (8 * COUNT, 8 * COUNT)
        assert not originals_said_lost(store)
    assert ["ended" in line["event"] for line in said] == [True]
    (tmp_path / "other").mkdir()
    with opened(tmp_path / "other") as other, opened(tmp_path) as store:
        import_mail(path, "old", other, reader, NOW, lambda done: None, helpers=0)
        assert list(other.sends()) == list(store.sends())


def test_where_no_helper_can_begin_an_import_reads_all_itself(
    tmp_path: Path, store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(*_: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(helpers, "_begin", begin)
    with capture_logs() as said:
        import_mail(an_mbox(tmp_path / "a.mbox"), "old", store, reader, NOW, lambda done: None, helpers=1)
    assert stored(store) == (COUNT, COUNT)
    assert not originals_said_lost(store)
    assert len(said) == 1


def test_skipped_things_are_counted_by_their_reason_and_only_some_are_named(
    tmp_path: Path, store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.app.importing.NAMED", 3)
    bad = [f'{{"sender_id": "a.example", "timestamp": "never {n}"}}' for n in range(5)] + ["{"]
    (tmp_path / "a.jsonl").write_text("\n".join(bad), encoding="ascii")
    summary = import_mail(tmp_path / "a.jsonl", "old", store, reader, NOW, lambda done: None)
    assert summary.reasons == {"has no time that can be read": 5, "is no line of JSON": 1}
    assert len(summary.skipped) == 3


def test_what_lies_in_the_future_is_skipped_and_said_and_a_clock_that_is_ahead_forgiven(
    tmp_path: Path, store: Store, reader: Reader
) -> None:
    ahead, far = NOW + timedelta(hours=3), NOW + timedelta(days=3000)
    rows = [("a.example", far), ("b.example", ahead), ("c.example", NOW - timedelta(days=1))]
    lines = [json.dumps({"sender_id": sender, "timestamp": at.isoformat()}) for sender, at in rows]
    lines += [json.dumps({"email": f"x@{sender}", "date": at.isoformat()}) for sender, at in rows]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="ascii")
    (tmp_path / "a.csv").write_text(
        "sender_id,timestamp\n" + "\n".join(f"{s},{at.isoformat()}" for s, at in rows), encoding="ascii"
    )
    summary = import_mail(tmp_path / "a.jsonl", "old", store, reader, NOW, lambda done: None)
    assert [(problem.position, problem.reason) for problem in summary.skipped] == [
        (1, f"lies in the future ({far.isoformat()})"),
        (4, f"lies in the future ({far.isoformat()})"),
    ]
    assert summary.reasons == {"lies in the future": 2}
    table = import_events(tmp_path / "a.csv", "older", store, NOW, lambda done: None)
    assert [(problem.source.name, problem.position) for problem in table.skipped] == [("a.csv", 2)]
    assert {send.at for send in store.sends()} == {NOW, NOW - timedelta(days=1)}
