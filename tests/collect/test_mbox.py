"""mbox files on this machine: what was appended is read once; a file that was written anew starts over."""

from __future__ import annotations

import fcntl
import mailbox
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.collect.mbox import MboxInbox
from monitor.errors import InboxError
from monitor.model import CoverageKind, FailureCause, FolderVisit
from monitor.settings import InboxKind, InboxSettings
from tests.collect.looking import FIVE, Watched, coverage_of, messages_of

AT = datetime(2026, 1, 7, 3, 10, tzinfo=UTC)
ENVELOPE = b"From bounce@list.example Wed Jan  7 03:10:00 2026\n"


def text(subject: str, body: str = "Chip in.\n") -> bytes:
    received = "Received: from a by b; Wed, 07 Jan 2026 03:10:00 +0000\n"
    return f"{received}Subject: {subject}\n\n{body}".encode()


def append(path: Path, *subjects: str, body: str = "Chip in.\n") -> None:
    with path.open("ab") as stream:
        for subject in subjects:
            stream.write(ENVELOPE + text(subject, body) + b"\n")


def looking(path: Path, folders: tuple[str, ...] | None = None, limit: int = 1_000_000) -> Watched[MboxInbox]:
    inbox = InboxSettings(name="local", kind=InboxKind.MBOX, path=path, folders=folders)
    return Watched(MboxInbox(inbox, max_message_bytes=limit, poll_every=FIVE))


def subjects(visits: list[FolderVisit]) -> list[str]:
    return [m.raw.partition(b"Subject: ")[2].partition(b"\n")[0].decode() for m in messages_of(visits)]


def covered(visits: list[FolderVisit]) -> list[CoverageKind]:
    return [interval.kind for interval in coverage_of(visits).get("INBOX", [])]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "seed"
    append(path, "a")
    return path


def test_what_was_appended_is_read_and_covered(path: Path) -> None:
    watcher = looking(path)
    assert subjects(watcher.visit()) == ["a"]
    append(path, "b", "c")
    visits = watcher.visit()
    assert (subjects(visits), covered(visits)) == (["b", "c"], [CoverageKind.LIVE])
    watcher.inbox = looking(path).inbox
    append(path, "d")
    visits = watcher.visit(timedelta(days=1))
    assert (subjects(visits), covered(visits)) == (["d"], [CoverageKind.RETROSPECTIVE])
    assert covered(watcher.visit()) == [CoverageKind.LIVE]


def test_uids_only_grow_and_messages_are_as_they_were_delivered(path: Path) -> None:
    append(path, "b", body="Dear friend,\n>From now on\n>>From here\n\nFrom the heart\n")
    first, second = messages_of(looking(path).visit())
    assert (first.raw, first.delivered_at) == (text("a"), AT)
    assert second.raw == text("b", "Dear friend,\nFrom now on\n>From here\n\nFrom the heart\n")
    assert (first.uid, second.uid) == (1, len(ENVELOPE + text("a")) + 2)


def test_a_file_that_somebody_took_mail_out_of_starts_over_with_the_same_messages(path: Path) -> None:
    append(path, "b", "c")
    watcher = looking(path)
    before = {m.sha256 for m in messages_of(watcher.visit())}
    box = mailbox.mbox(path)
    first, second, _ = box.keys()
    box.remove(first)
    marked = box[second]
    marked.set_flags("RO")
    box[second] = marked
    box.flush()
    box.close()
    append(path, "d")
    [visit] = watcher.visit()
    assert (visit.restarted, visit.coverage, subjects([visit])) == (True, (), ["b", "c", "d"])
    assert {m.sha256 for m in visit.messages[:2]} <= before  # a mail program's own fields are no part of a message
    assert b"Status: RO" in path.read_bytes()
    assert covered(watcher.visit()) == [CoverageKind.LIVE]


def test_a_file_that_was_emptied_or_replaced_starts_over(path: Path) -> None:
    watcher = looking(path)
    watcher.visit()
    path.write_bytes(b"")
    [visit] = watcher.visit()
    assert (visit.restarted, visit.messages, visit.coverage) == (True, (), ())
    other = path.with_name("other")
    append(other, "x")
    other.replace(path)
    [visit] = watcher.visit()
    assert (visit.restarted, subjects([visit]), visit.coverage) == (True, ["x"], ())


def test_a_file_that_was_touched_and_did_not_grow_leaves_the_time_unknown(path: Path) -> None:
    watcher = looking(path)
    watcher.visit()
    before = path.read_bytes()
    append(path, "gone")
    path.open("r+b").truncate(len(before))
    assert covered(watcher.visit()) == []
    assert covered(watcher.visit()) == [CoverageKind.LIVE]


def test_looking_leaves_no_trace(path: Path) -> None:
    content = path.read_bytes()
    for place in (path, path.parent):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        looking(place).visit()
        facts = path.stat()
        assert (facts.st_atime, facts.st_mtime) == (1_000_000_000, 1_000_000_000)
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == ["seed"]


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Another process that holds the writer's lock; locks of one process do not exclude each other."""
    ready_out, ready_in = os.pipe()
    end_out, end_in = os.pipe()
    child = os.fork()
    if child == 0:
        stream = path.open("r+b")
        fcntl.lockf(stream, fcntl.LOCK_EX)
        os.write(ready_in, b"!")
        os.read(end_out, 1)
        os._exit(0)
    os.read(ready_out, 1)
    try:
        yield
    finally:
        os.write(end_in, b"!")
        os.waitpid(child, 0)
        for end in (ready_out, ready_in, end_out, end_in):
            os.close(end)


def test_while_somebody_writes_it_is_left_for_the_next_poll(path: Path) -> None:
    watcher = looking(path)
    watcher.visit()
    with writing(path):
        assert watcher.visit() == []
        assert "is being written to (it is locked)" in watcher.failures[0].detail
    path.with_name("seed.lock").touch()
    assert watcher.visit() == []
    assert "seed.lock is there" in watcher.failures[0].detail
    path.with_name("seed.lock").unlink()
    append(path, "b")
    visits = watcher.visit()
    assert (subjects(visits), covered(visits)) == (["b"], [CoverageKind.LIVE])


def test_files_in_a_folder_are_folders_and_others_are_passed_over(tmp_path: Path) -> None:
    for name in ("inbox", "Junk", "News.mbox", "Trash"):
        append(tmp_path / name, name)
    append(tmp_path / "Junk.mbox", "another")
    (tmp_path / "Junk.msf").write_text("an index")
    (tmp_path / "empty").touch()
    found = [(v.folder, v.role, len(v.messages)) for v in looking(tmp_path).visit()]
    assert found == [
        ("INBOX", "INBOX", 1),
        ("Junk", "JUNK", 1),
        ("Junk.mbox", "OTHER", 1),
        ("News", "OTHER", 1),
        ("empty", "OTHER", 0),
    ]


def test_a_long_backlog_comes_in_visits_and_goes_on_after_a_crash(path: Path) -> None:
    append(path, *(f"{number:03}" for number in range(250)))
    watcher = looking(path)
    halfway = next(iter(watcher.inbox.visit({}, watcher.clock)))
    assert isinstance(halfway, FolderVisit)
    assert len(halfway.messages) == 200
    watcher.checkpoints["INBOX"] = halfway.checkpoint
    assert subjects(watcher.visit()) == [f"{number:03}" for number in range(199, 250)]


LINE = st.sampled_from(["From here", ">From x", "From a Wed Jan  7 03:10:00 2026", "", "x", "Status: RO", "y" * 70_000])


@given(bodies=st.lists(st.lists(LINE, max_size=8), min_size=1, max_size=4), looks=st.sets(st.integers(0, 3)))
@settings(max_examples=100, deadline=None)
def test_the_messages_are_those_that_were_delivered_in_whatever_steps(bodies: list[list[str]], looks: set[int]) -> None:
    """Python's writer marks `From ` at the beginning of a line, and takes no mark away again: such lines come back unmarked."""
    found: list[bytes] = []
    with tempfile.TemporaryDirectory() as folder:
        watcher = looking(Path(folder) / "seed")
        box = mailbox.mbox(Path(folder) / "seed")
        for number, body in enumerate(bodies):
            box.add(written(number, body))
            box.flush()
            if number in looks:
                found += [m.raw for m in messages_of(watcher.visit())]
        found += [m.raw for m in messages_of(watcher.visit())]
        box.close()
    assert found == [written(number, body).replace(b"\n>From x", b"\nFrom x") for number, body in enumerate(bodies)]


def written(number: int, body: list[str]) -> bytes:
    return "\n".join([f"Subject: {number}", "", *body, "end", ""]).encode()


def test_of_a_large_message_the_beginning_is_kept_and_the_next_one_is_found(path: Path) -> None:
    append(path, "large", body="x" * 400_000 + "\n")
    append(path, "after")
    found = messages_of(looking(path, limit=300_000).visit())
    assert [(m.truncated, len(m.raw)) for m in found] == [(False, len(text("a"))), (True, 262_144), (False, len(text("after")))]
    assert found[1].size > 400_000


def test_what_is_no_mbox_is_said_and_what_is_not_there_too(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("Dear diary\n")
    watcher = looking(tmp_path / "notes")
    assert watcher.visit() == []
    assert "is no mbox" in watcher.failures[0].detail
    with pytest.raises(InboxError, match="cannot be read") as caught:
        looking(tmp_path / "none").visit()
    assert caught.value.cause is FailureCause.FOLDER
