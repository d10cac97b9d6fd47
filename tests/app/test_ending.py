"""Told to end within a long backlog, a service stores what it has in hand, and reads the rest after the next start."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from monitor.app.polling import Poller
from monitor.app.service import Service
from monitor.clock import SystemClock
from monitor.collect import reading
from monitor.model import FolderVisit, NewCopy
from monitor.settings import load_settings
from monitor.store.faces.mail import Saved
from monitor.store.store import Store
from tests.app.setting import eventually, write_settings
from tests.app.test_bad_input import Line, line, with_password
from tests.app.test_following import letter
from tests.servers.dovecot import Dovecot, DovecotUser

BATCH, LETTERS = 4, 18


@pytest.fixture
def user(dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> DovecotUser:
    monkeypatch.setattr(reading, "BATCH_MESSAGES", BATCH)
    made = dovecot.user()
    made.deliver_all([letter(number) for number in range(LETTERS)])
    return made


@pytest.fixture
def at_work(user: DovecotUser, tmp_path: Path) -> Iterator[Line]:
    with line(tmp_path, with_password(user, tmp_path)) as opened:
        yield opened


def before_each_save(monkeypatch: pytest.MonkeyPatch, happens: Callable[[int], None]) -> None:
    """`happens` gets the number of each batch, from 1, while it is about to be stored."""
    save, saved = Store.save_visit, []

    def watched(store: Store, visit: FolderVisit, copies: Sequence[NewCopy]) -> Saved:
        if copies:
            saved.append(visit)
            happens(len(saved))
        return save(store, visit, copies)

    monkeypatch.setattr(Store, "save_visit", watched)


def test_no_batch_follows_the_one_in_hand(at_work: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    store, settings = at_work.session.store, at_work.session.settings
    before_each_save(monkeypatch, lambda number: at_work.poller.end() if number == 2 else None)
    at_work.poll()
    assert len(list(store.sends())) == 2 * BATCH
    assert not list(store.coverage()), "what was left out is not taken for read"
    again = Poller(store, at_work.session.reader, settings.collect, SystemClock(), at_work.counters)
    assert again.poll(settings.inboxes[0]).new_copies == LETTERS - 2 * BATCH
    assert sorted(str(send.subject) for send in store.sends()) == sorted(f"Number {n}" for n in range(LETTERS))
    again.close()


def test_the_service_stops_within_a_backlog(user: DovecotUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(load_settings(path := write_settings(tmp_path, user.settings())), SystemClock(), settings_path=path)
    stopping = threading.Thread(target=service.stop)

    def stop(number: int) -> None:
        if number == 1:
            stopping.start()
            eventually(lambda: service._stopping, "it is told to stop")

    before_each_save(monkeypatch, stop)
    service.start()
    eventually(lambda: stopping.ident is not None, "a batch is about to be stored")
    stopping.join(60)
    assert not stopping.is_alive()
    with Store.open(f"sqlite:///{tmp_path / 'data/gonequiet.db'}", tmp_path / "data/originals") as store:
        assert len(list(store.sends())) == BATCH
