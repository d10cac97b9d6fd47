"""IDLE against real Dovecot: news of every inbox and of Junk through one thread, and again after a server was away."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import pytest

from monitor.collect.connecting import Access
from monitor.collect.idle import IdleWatch
from monitor.collect.wire import Connection
from monitor.settings import Security
from tests.collect.looking import mail
from tests.servers.dovecot import Dovecot, DovecotUser
from tests.servers.process import wait_for
from tests.servers.scripted_imap import Box, ScriptedImap, Spoil, scripted


class Heard:
    """What was told, in order."""

    def __init__(self) -> None:
        self._told: queue.Queue[str] = queue.Queue()
        self.put: Callable[[str], None] = self._told.put

    def next(self) -> str:
        return self._told.get(timeout=30)

    def settle(self) -> None:
        """Forget what is there by now."""
        while not self._told.empty():
            self._told.get()


def access(user: DovecotUser, security: Security = Security.TLS) -> Access:
    return Access(user.settings(security=security), user.password, timeout=10, most_bytes=1_000_000)


@pytest.fixture(params=["NOTIFY", "two connections"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many connections an inbox takes."""
    if request.param == "NOTIFY":
        return 1
    monkeypatch.setattr(Connection, "notify", lambda _self, _others: False)
    return 2


@contextmanager
def watching(*accesses: Access, folders: int | None = None, renew_every: float = 540) -> Iterator[tuple[IdleWatch, Heard]]:
    """An IdleWatch that idles on all folders and has told so."""
    heard = Heard()
    watch = IdleWatch(accesses, heard.put, rng=Random(1), renew_every=renew_every, first_wait=0.2)
    try:
        for _ in range(len(accesses) if folders is None else folders):
            heard.next()
        yield watch, heard
    finally:
        watch.close()


def test_over_one_connection_the_server_tells_of_every_folder_that_is_read(dovecot: Dovecot) -> None:
    user = dovecot.user()
    with user.client() as client:
        for name in ("News", '"Rundschreiben &AOQA9gD8-"'):
            client.create(name)
    with watching(access(user)) as (watch, heard):
        for folder in ("Junk", "News", '"Rundschreiben &AOQA9gD8-"', "INBOX"):
            heard.settle()
            user.deliver(mail(folder), folder)
            assert heard.next() == user.name
        assert watch.held == 1


@pytest.mark.parametrize("answer", [b"TAG NO [BADEVENT (MessageNew)] no\r\n", b"TAG BAD what?\r\n"])
def test_where_notify_is_refused_inbox_and_junk_take_a_connection_each(answer: bytes) -> None:
    boxes = {"INBOX": Box({}), "Junk": Box({}, flags="\\Junk")}
    with scripted(ScriptedImap(boxes, capabilities="IMAP4rev1 IDLE NOTIFY")) as server:
        server.spoil = answering(answer)
        refused = Access(server.settings(), "secret", timeout=5, most_bytes=1_000_000)
        with watching(refused, folders=2) as (watch, _):
            assert watch.held == 2
            assert watch.listens_to("seed")


def test_a_server_that_tells_of_other_folders_no_more_is_connected_to_again() -> None:
    boxes = {"INBOX": Box({}), "Junk": Box({}, flags="\\Junk")}
    with scripted(ScriptedImap(boxes, capabilities="IMAP4rev1 IDLE NOTIFY")) as server:
        overflow = b"+ idling\r\n* OK [NOTIFICATIONOVERFLOW] too much\r\n"
        server.spoil = lambda command, right: overflow if command == "IDLE" else right
        full = Access(server.settings(), "secret", timeout=5, most_bytes=1_000_000)
        with watching(full, folders=2) as (watch, heard):
            assert heard.next() == "seed"
            assert not watch.unable


def test_an_inbox_without_junk_is_listened_to_all_the_same() -> None:
    with scripted(ScriptedImap({"INBOX": Box({})}, capabilities="IMAP4rev1 IDLE")) as server:
        server.spoil = lambda command, right: b"+ idling\r\n" if command == "IDLE" else right
        plain = Access(server.settings(), "secret", timeout=5, most_bytes=1_000_000)
        with watching(plain) as (watch, _):
            wait_for(lambda: watch.listens_to("seed"), lambda: str(watch.unable))
            assert watch.unable == {("seed", "JUNK"): "there is no folder JUNK"}


def answering(notify: bytes) -> Spoil:
    def spoil(command: str, right: bytes) -> bytes:
        if command == "IDLE":
            return b"+ idling\r\n"
        return notify.replace(b"TAG", right.split(b" ")[0]) if command == "NOTIFY" else right

    return spoil


@pytest.mark.parametrize("security", list(Security))
def test_new_mail_in_inbox_and_junk_is_told_with_its_inbox(dovecot: Dovecot, security: Security, way: int) -> None:
    one, two = dovecot.user(), dovecot.user()
    with watching(access(one, security), access(two, security), folders=2 * way) as (watch, heard):
        assert watch.held == 2 * way
        assert watch.listens_to(one.name)
        assert not watch.listens_to("nobody")
        two.deliver(mail("a"))
        assert heard.next() == two.name
        heard.settle()
        one.deliver(mail("b"), "Junk")
        assert heard.next() == one.name


def test_it_goes_on_hearing_after_many_renewals(dovecot: Dovecot) -> None:
    user = dovecot.user()
    with watching(access(user), renew_every=0.05) as (watch, heard):
        pause = threading.Event()
        for number in range(5):
            pause.wait(0.2)
            heard.settle()
            user.deliver(mail(str(number)))
            assert heard.next() == user.name
        assert watch.held == 1


def test_a_server_that_was_away_is_connected_to_again(own_dovecot: Dovecot) -> None:
    user = own_dovecot.user()
    with watching(access(user)) as (watch, heard):
        own_dovecot.stop()
        assert heard.next() == user.name
        wait_for(lambda: watch.held == 0, lambda: "still held")
        assert not watch.listens_to(user.name)
        own_dovecot.start()
        wait_for(lambda: watch.held == 1, lambda: "not connected again")
        assert watch.listens_to(user.name)
        heard.settle()
        user.deliver(mail("a"))
        assert heard.next() == user.name


def test_a_server_without_idle_is_polled_only_and_that_is_said(dovecot: Dovecot) -> None:
    user = dovecot.user()
    with scripted(ScriptedImap({"INBOX": Box({})})) as server:
        plain = Access(server.settings(), "secret", timeout=5, most_bytes=1_000_000)
        with watching(plain, access(user), folders=1) as (watch, _):
            wait_for(lambda: len(watch.unable) == 2, lambda: str(watch.unable))
            assert watch.unable == {("seed", "INBOX"): "the server has no IDLE", ("seed", "JUNK"): "the server has no IDLE"}
            assert watch.held == 1
            assert not watch.listens_to("seed")


def test_an_inbox_that_refuses_us_disturbs_no_other(dovecot: Dovecot) -> None:
    good, bad = dovecot.user(), dovecot.user()
    wrong = Access(bad.settings(), "wrong-horse", timeout=5, most_bytes=1_000_000)
    with watching(wrong, access(good), folders=1) as (watch, heard):
        good.deliver(mail("a"))
        assert heard.next() == good.name
        assert watch.held == 1


def test_a_server_that_falls_silent_is_noticed(dovecot: Dovecot) -> None:
    with scripted(ScriptedImap({"INBOX": Box({})}, capabilities="IMAP4rev1 IDLE")) as server:
        server.spoil = lambda command, right: b"+ idling\r\n" if command == "IDLE" else b"" if command == "DONE" else right
        silent = Access(server.settings(), "secret", timeout=0.3, most_bytes=1_000_000)
        with watching(silent, folders=1, renew_every=0.2) as (_, heard):
            assert heard.next() == "seed"  # it ended, and a visit is due
            assert "DONE" in server.asked


def test_closing_leaves_no_connection_and_no_thread(dovecot: Dovecot, way: int) -> None:
    user = dovecot.user()
    before = threading.active_count()
    with watching(access(user), folders=way) as (watch, _):
        socks: list[socket.socket] = [key.data.sock for key in watch._selector.get_map().values() if key.data]
        assert len(socks) == way
    assert [sock.fileno() for sock in socks] == [-1] * way
    assert threading.active_count() == before
