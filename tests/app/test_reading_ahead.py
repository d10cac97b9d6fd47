"""Reading ahead: helpers give what reading here gives, in order, whatever becomes of them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from structlog.testing import capture_logs

from monitor.app import helpers, reading_ahead
from monitor.app.helpers import AT_ONCE
from monitor.app.in_parts import PART
from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.app.reading_ahead import AHEAD, WORTH_HELP, ReadingAhead
from monitor.model import Checkpoint, DkimProof, FolderVisit, NewCopy, RawMessage
from monitor.settings import Settings
from monitor.store.store import Store
from tests.app.test_importing import is_at_work
from tests.servers.process import wait_for

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MAIL = (Path(__file__).parents[1] / "data/messages/exacttarget.eml").read_bytes()


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(load_identifier(), Settings())


@pytest.fixture
def ahead(reader: Reader) -> Iterator[ReadingAhead]:
    made = ReadingAhead(reader, 1)
    list(made.read([a_visit(0)]))
    wait_for(lambda: made._helpers is not None and made._helpers.is_ready, lambda: "no helper began", seconds=60)
    yield made
    made.close()


def a_visit(number: int, messages: int = WORTH_HELP) -> FolderVisit:
    first = number * messages
    raws = []
    for uid in range(first + 1, first + messages + 1):
        raw = b"Message-ID: <%d@bench.example>\r\nSubject: Number %d\r\n" % (uid, uid) + MAIL
        raws.append(RawMessage("a", "INBOX", "INBOX", 7, uid, NOW + timedelta(hours=uid), NOW, raw, len(raw)))
    return FolderVisit("a", "INBOX", "INBOX", NOW, Checkpoint("INBOX", 7, first + messages, NOW), messages=tuple(raws))


def stored(folder: Path, read: Iterator[tuple[FolderVisit, Sequence[NewCopy]]]) -> tuple[object, ...]:
    with Store.open(f"sqlite:///{folder / 'x.db'}", folder / "originals") as store:
        for visit, copies in read:
            store.save_visit(visit, copies)
        batch = store.rebuild_next(10_000)
        assert batch is not None
        assert not batch.lost
        (stream,) = {send.stream for send in store.sends()}
        last = store.last_identification(stream)
        return list(store.sends()), batch, last, store.fetched("a", NOW)


def test_what_a_helper_read_is_stored_as_what_was_read_here(tmp_path: Path, reader: Reader, ahead: ReadingAhead) -> None:
    visits = [a_visit(n) for n in range(AHEAD + 2)]
    asked: list[int] = []

    def brought() -> Iterator[FolderVisit]:
        for number, visit in enumerate(visits):
            asked.append(number)
            yield visit

    read = ahead.read(brought())
    first = next(read)
    assert asked == list(range(AHEAD + 1)), "some are taken while a helper reads the first"
    assert all(copy.document is not None for copy in first[1])
    (tmp_path / "other").mkdir()
    rest = list(read)
    here = ((visit, reader.read([replace(raw) for raw in visit.messages])) for visit in visits)
    helped = stored(tmp_path, iter([first, *rest]))
    assert helped == stored(tmp_path / "other", here)


def test_few_messages_are_read_here_and_come_out_before_the_next_are_taken(ahead: ReadingAhead) -> None:
    asked: list[int] = []

    def brought() -> Iterator[FolderVisit]:
        for number in range(3):
            asked.append(number)
            yield a_visit(number, messages=2)

    for number, (_, copies) in enumerate(ahead.read(brought())):
        assert asked == list(range(number + 1))
        assert [copy.document for copy in copies] == [None, None]


def test_what_was_taken_comes_out_before_an_error_does(ahead: ReadingAhead) -> None:
    def brought() -> Iterator[FolderVisit]:
        yield a_visit(0)
        raise ConnectionError

    read = ahead.read(brought())
    assert next(read)[0] == a_visit(0)
    with pytest.raises(ConnectionError):
        next(read)


def test_a_helper_that_is_killed_costs_nothing_but_time(reader: Reader, ahead: ReadingAhead) -> None:
    assert ahead._helpers is not None
    killed = [helper.process.pid or 0 for helper in ahead._helpers._helpers]
    visits = [a_visit(n) for n in range(4)]
    read = ahead.read(visits)
    found = [next(read)]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    found += list(read)
    assert [visit for visit, _ in found] == visits
    assert [[copy.raw.uid for copy in copies] for _, copies in found] == [[raw.uid for raw in v.messages] for v in visits]
    wait_for(lambda: not any(map(is_at_work, killed)), lambda: "it lives on", seconds=60)
    again = list(ahead.read([a_visit(0)]))
    assert [copy.key for copy in again[0][1]] == [copy.key for copy in reader.read(a_visit(0).messages)]


def test_after_a_helper_has_ended_by_itself_none_begins_for_a_while(ahead: ReadingAhead, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ahead._helpers is not None
    ended = ahead._helpers
    for helper in ended._helpers:
        helper.process.kill()
        helper.process.join()
    for number in range(3):
        assert [len(copies) for _, copies in ahead.read([a_visit(number)])] == [WORTH_HELP]
        assert ahead._helpers is None
    monkeypatch.setattr(reading_ahead, "monotonic", lambda: monotonic() + reading_ahead.PAUSE_SECONDS)
    list(ahead.read([a_visit(4)]))
    assert ahead._helpers not in (None, ended)


def test_while_a_helper_is_behind_this_process_reads_what_it_has_not_begun(
    ahead: ReadingAhead, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ahead._helpers is not None
    pid, read_one = ahead._helpers._helpers[0].process.pid or 0, Reader.read_one
    known: list[object] = []

    def go_on(reader: Reader, raw: RawMessage, dkim: tuple[DkimProof, ...] | None = None) -> NewCopy:
        os.kill(pid, signal.SIGCONT)
        known.append(dkim)
        return read_one(reader, raw, dkim)

    monkeypatch.setattr(Reader, "read_one", go_on)
    os.kill(pid, signal.SIGSTOP)
    at_last = threading.Timer(30, lambda: os.kill(pid, signal.SIGCONT))
    at_last.start()
    visits, queue = [a_visit(n) for n in range(AHEAD + 1)], ahead._helpers._threads._work_queue

    def brought() -> Iterator[FolderVisit]:
        yield from visits[:AT_ONCE]
        wait_for(queue.empty, lambda: "nobody hands them over", every=0.001)
        yield from visits[AT_ONCE:]

    found = list(ahead.read(brought()))
    at_last.cancel()
    assert [visit for visit, _ in found] == visits
    elsewhere = [{copy.document is not None for copy in copies} for _, copies in found]
    assert elsewhere[: AT_ONCE + 1] == [{True}] * AT_ONCE + [{False}], "a visit is a part here"
    assert set(known) == {()}, "nothing is verified twice"


def test_the_parts_of_a_large_batch_are_shared_and_come_out_in_order(
    ahead: ReadingAhead, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ahead._helpers is not None
    pid, read_one = ahead._helpers._helpers[0].process.pid or 0, Reader.read_one

    def go_on(reader: Reader, raw: RawMessage, dkim: tuple[DkimProof, ...] | None = None) -> NewCopy:
        os.kill(pid, signal.SIGCONT)
        return read_one(reader, raw, dkim)

    monkeypatch.setattr(Reader, "read_one", go_on)
    os.kill(pid, signal.SIGSTOP)
    ((visit, copies),) = ahead.read([a_visit(0, messages=5 * PART + 7)])
    assert [copy.raw.uid for copy in copies] == [raw.uid for raw in visit.messages]
    assert [copy.document is None for copy in copies[:PART]] == [False] * PART
    assert [copy.document is None for copy in copies[-7:]] == [True] * 7


@pytest.mark.parametrize(
    "error", [BlockingIOError(11, "Resource temporarily unavailable"), RuntimeError("can't start new thread")]
)
def test_where_no_helper_can_begin_all_is_read_here(reader: Reader, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    tried: list[object] = []

    def begin(*_: object) -> None:
        tried.append(None)
        raise error

    monkeypatch.setattr(helpers, "_begin", begin)
    reads_alone = ReadingAhead(reader, 1)
    with capture_logs() as said:
        for number in range(3):
            assert [len(copies) for _, copies in reads_alone.read([a_visit(number)])] == [WORTH_HELP]
    assert len(tried) == 1
    assert [line["reason"] for line in said] == [str(error)]


def test_a_helper_that_nobody_needs_is_let_go(ahead: ReadingAhead, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead.rest()
    assert ahead._helpers is not None
    monkeypatch.setattr(reading_ahead, "IDLE_SECONDS", 0.0)
    ahead.rest()
    assert ahead._helpers is None
