"""Crashes and crowds: a kill at any instant loses nothing and doubles nothing, nor do many threads at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from sqlalchemy import text

from monitor.store.database import Database
from monitor.store.store import Store
from tests.store.build import HOUR, MINUTE, NOON, a_copy, a_visit
from tests.store.endless import INBOXES, read_on

ROUNDS = 40 if os.environ.get("GONEQUIET_LONG") else 4
MESSAGES = 200


def test_a_kill_at_any_instant_loses_nothing_and_doubles_nothing(url: str, tmp_path: Path) -> None:
    moments = random.Random(20210106)
    command = [sys.executable, "-m", "tests.store.endless", url, str(tmp_path / "originals"), "1000000"]
    for _ in range(ROUNDS):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "reading\n"
            time.sleep(moments.uniform(0.0, 0.7))
            child.send_signal(signal.SIGKILL)
    with Store.open(url, tmp_path / "originals") as store:
        reached = {inbox: store.checkpoints(inbox)["INBOX"].last_uid for inbox in INBOXES if store.checkpoints(inbox)}
        assert sum(reached.values()) > 0
        _is_whole(store, url, reached)
        for inbox in INBOXES:
            read_on(store, inbox, max(reached.values()))
        _is_whole(store, url, dict.fromkeys(INBOXES, max(reached.values())))


def test_threads_that_poll_at_once_give_what_one_after_the_other_gives(url: str, tmp_path: Path) -> None:
    with Store.open(url, tmp_path / "originals") as store:
        threads = [threading.Thread(target=read_on, args=(store, inbox, MESSAGES)) for inbox in INBOXES]
        for thread in threads:
            thread.start()
        seen = 0
        known: dict[int, int] = {}
        while any(thread.is_alive() for thread in threads):
            sends, seen = store.changed_sends(seen)
            known |= {send.id: send.copies for send in sends}
        known |= {send.id: send.copies for send in store.changed_sends(seen)[0]}
        assert known == {send.id: len(INBOXES) for send in store.sends()}
        _is_whole(store, url, dict.fromkeys(INBOXES, MESSAGES))


def test_a_half_written_original_is_not_taken_for_one(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'x.sqlite3'}", tmp_path / "originals") as store:
        copy = a_copy(1)
        half = tmp_path / "originals" / copy.raw.sha256[:2] / f"{copy.raw.sha256}.1-1.partial"
        half.parent.mkdir()
        half.write_bytes(b"half")
        store.save_visit(a_visit([copy]), [copy])
        assert store.original(copy.raw.sha256) == copy.raw.raw


def _is_whole(store: Store, url: str, reached: dict[str, int]) -> None:
    """Each message up to the checkpoint is there once, in its send, with its bytes; coverage ends at the checkpoint."""
    database = Database(url)
    with database.read() as connection:
        query = "SELECT i.name, c.digest, c.send_id FROM copies c JOIN inboxes i ON i.id = c.inbox_id"
        rows = connection.execute(text(query)).all()
        if database.is_sqlite:
            assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    database.close()
    for inbox, last in reached.items():
        digests = {digest for name, digest, _ in rows if name == inbox}
        assert len(digests) == len([1 for name, *_ in rows if name == inbox]) == last
        assert all(store.original(digest) for digest in digests)
        assert store.coverage(inbox=inbox)[-1].end == NOON + last * HOUR + MINUTE
    assert all(send is not None for *_, send in rows)
    assert [s.copies for s in store.sends()] == [
        sum(n <= last for last in reached.values()) for n in range(1, max(reached.values()) + 1)
    ]
