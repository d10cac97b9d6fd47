"""Garbage: a process does not look at a batch's objects, or at the history, over and over."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.app.garbage import SELDOM, leave_aside
from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.app.session import open_session
from monitor.model import RawMessage
from monitor.settings import Settings
from tests.bench.collect import NOW, made_messages
from tests.store.build import MINUTE, NOON


def test_hardly_any_look_while_a_batch_is_read() -> None:
    reader = Reader(load_identifier(), Settings())
    messages = [RawMessage("a", "INBOX", "INBOX", 1, uid, NOW, NOW, raw, len(raw)) for uid, raw in enumerate(made_messages(200))]
    before = looks()
    assert len(reader.read(messages)) == 200
    assert looks() - before <= 2
    assert gc.get_threshold() == SELDOM


@pytest.fixture
def _nothing_aside() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_nothing_aside")
def test_the_history_that_a_watch_has_read_is_not_looked_at_again(tmp_path: Path) -> None:
    with open_session(Settings(data_dir=tmp_path)) as session:
        watch = session.watch()
        watch.assess(NOON)
        before = gc.get_freeze_count()
        gc.unfreeze()
        watch.assess(NOON + MINUTE)
        again = gc.get_freeze_count()
    assert before > 0
    assert again == 0  # nothing is set aside but with what a start reads


@pytest.mark.usefixtures("_nothing_aside")
def test_what_was_set_aside_and_is_dropped_later_is_freed_the_next_time() -> None:
    class Ring:
        def __init__(self) -> None:
            self.itself = self

    ring = Ring()
    alive = weakref.ref(ring)
    leave_aside()
    del ring
    gc.collect()
    assert alive() is not None
    leave_aside()
    assert alive() is None


def looks() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())
