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
from monitor.settings import Security
from tests.collect.looking import mail
from tests.servers.dovecot import Dovecot, DovecotUser
from tests.servers.process import wait_for
from tests.servers.scripted_imap import Box, ScriptedImap, scripted


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


@contextmanager
def watching(*accesses: Access, folders: int | None = None, renew_every: float = 540) -> Iterator[tuple[IdleWatch, Heard]]:
    """An IdleWatch that idles on all folders and has told so."""
    heard = Heard()
    watch = IdleWatch(accesses, heard.put, rng=Random(1), renew_every=renew_every, first_wait=0.2)
    try:
        for _ in range(2 * len(accesses) if folders is None else folders):
            heard.next()
        yield watch, heard
    finally:
        watch.close()


@pytest.mark.parametrize("security", list(Security))
def test_new_mail_in_inbox_and_junk_is_told_with_its_inbox(dovecot: Dovecot, security: Security) -> None:
    one, two = dovecot.user(), dovecot.user()
    with watching(access(one, security), access(two, security)) as (watch, heard):
        assert watch.held == 4
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
        assert watch.held == 2


def test_a_server_that_was_away_is_connected_to_again(own_dovecot: Dovecot) -> None:
    user = own_dovecot.user()
    with watching(access(user)) as (watch, heard):
        own_dovecot.stop()
        assert heard.next() == user.name
        wait_for(lambda: watch.held == 0, lambda: "still held")
        own_dovecot.start()
        wait_for(lambda: watch.held == 2, lambda: "not connected again")
        heard.settle()
        user.deliver(mail("a"))
        assert heard.next() == user.name


def test_a_server_without_idle_is_polled_only_and_that_is_said(dovecot: Dovecot) -> None:
    user = dovecot.user()
    with scripted(ScriptedImap({"INBOX": Box({})})) as server:
        plain = Access(server.settings(), "secret", timeout=5, most_bytes=1_000_000)
        with watching(plain, access(user), folders=2) as (watch, _):
            wait_for(lambda: len(watch.unable) == 2, lambda: str(watch.unable))
            assert watch.unable == {("seed", "INBOX"): "the server has no IDLE", ("seed", "JUNK"): "the server has no IDLE"}
            assert watch.held == 2


def test_an_inbox_that_refuses_us_disturbs_no_other(dovecot: Dovecot) -> None:
    good, bad = dovecot.user(), dovecot.user()
    wrong = Access(bad.settings(), "wrong-horse", timeout=5, most_bytes=1_000_000)
    with watching(wrong, access(good), folders=2) as (watch, heard):
        good.deliver(mail("a"))
        assert heard.next() == good.name
        assert watch.held == 2


def test_a_server_that_falls_silent_is_noticed(dovecot: Dovecot) -> None:
    with scripted(ScriptedImap({"INBOX": Box({})}, capabilities="IMAP4rev1 IDLE")) as server:
        server.spoil = lambda command, right: b"+ idling\r\n" if command == "IDLE" else b"" if command == "DONE" else right
        silent = Access(server.settings(), "secret", timeout=0.3, most_bytes=1_000_000)
        with watching(silent, folders=1, renew_every=0.2) as (_, heard):
            assert heard.next() == "seed"  # it ended, and a visit is due
            assert "DONE" in server.asked


def test_closing_leaves_no_connection_and_no_thread(dovecot: Dovecot) -> None:
    user = dovecot.user()
    before = threading.active_count()
    with watching(access(user)) as (watch, _):
        socks: list[socket.socket] = [key.data.sock for key in watch._selector.get_map().values() if key.data]
        assert len(socks) == 2
    assert [sock.fileno() for sock in socks] == [-1, -1]
    assert threading.active_count() == before
