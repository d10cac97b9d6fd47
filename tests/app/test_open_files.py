"""Connections are open files: as many as may be are had, and too few are told before and when it comes to it."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.app.open_files import OTHERS, raise_limit, tell_if_too_few, wanted
from monitor.errors import InboxError
from monitor.model import FailureCause
from monitor.settings import InboxKind, InboxSettings, WatchedBy
from tests.collect.looking import Watcher, open_inbox
from tests.servers.dovecot import Dovecot

POLLED = InboxSettings(name="a", host="mail.example.org", user="a", password_env="UNUSED")
IDLING = POLLED.model_copy(update={"watch": WatchedBy.BOTH})
LOCAL = InboxSettings(name="b", kind=InboxKind.MAILDIR, path=Path("/var/mail/b"))


@pytest.fixture
def _few_files() -> Iterator[None]:
    """This process may open no more files than it has open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for fd in taken:
            os.close(fd)


def test_an_inbox_needs_a_connection_to_poll_and_two_to_idle() -> None:
    assert wanted([POLLED, IDLING, LOCAL]) == OTHERS + 1 + 3


def test_too_few_are_told_with_what_to_mend() -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    with capture_logs() as logs:
        tell_if_too_few([POLLED] * (limit - OTHERS))
    assert logs == []
    with capture_logs() as logs:
        tell_if_too_few([POLLED] * (limit - OTHERS + 1))
    assert [(entry["wanted"], entry["allowed"]) for entry in logs] == [(limit + 1, limit)]
    assert "LimitNOFILE" in logs[0]["event"]


def test_no_limit_is_no_number_to_stay_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with capture_logs() as logs:
        tell_if_too_few([IDLING] * 1000)
    assert logs == []


def test_where_the_system_refuses_more_files_the_service_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (before[0], before[1] + 1))  # more than a process may ask for
    monkeypatch.setattr(resource, "setrlimit", _refused)
    raise_limit()


def _refused(*_: object) -> None:
    raise ValueError("not allowed to raise maximum limit")


@pytest.mark.usefixtures("_few_files")
def test_where_none_are_left_the_failure_says_so_and_is_not_the_servers(dovecot: Dovecot) -> None:
    user = dovecot.user()
    with pytest.raises(InboxError) as caught:
        Watcher(open_inbox(user.settings(), user.password)).visit()
    assert (caught.value.cause, caught.value.elsewhere) == (FailureCause.NETWORK, True)
    assert "no more open files; raise LimitNOFILE" in caught.value.reason
