"""What a server says of a seed inbox itself: its quota and its alerts; and that we ask nothing that changes anything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.app.counters import Counters
from monitor.app.polling import Poller
from monitor.app.session import open_session
from monitor.clock import SteppedClock
from monitor.collect.quota import alert_in, fullest
from monitor.model import FindingKind, Quota
from monitor.settings import CollectSettings, Settings
from tests.collect.looking import Watcher, messages_of, now, open_inbox
from tests.journey.newsroom import seed_settings
from tests.servers.dovecot import Dovecot, running_dovecot
from tests.servers.scripted_imap import Box, ScriptedImap, scripted

QUOTA = """
mail_plugins = $mail_plugins quota
protocol imap {
  mail_plugins = $mail_plugins imap_quota
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=100K:messages=1000
}
"""
READ_ONLY = (
    "CAPABILITY",
    "LOGIN",
    "LIST",
    "STATUS",
    "EXAMINE",
    "UID SEARCH",
    "UNSELECT",
    "NOOP",
    "LOGOUT",
    "ENABLE",
    "ID",
    "GETQUOTAROOT",
)


@pytest.fixture(scope="module")
def small() -> Iterator[Dovecot]:
    """A server whose mailboxes hold 100 KiB."""
    with running_dovecot(more=QUOTA) as server:
        yield server


def test_the_fullest_resource_counts() -> None:
    assert fullest([("STORAGE", 10, 100), ("message", 50, 100), ("X", 5, 0)]) == Quota("MESSAGE", 50, 100)
    assert fullest([]) is None


def test_an_alert_is_one_line_without_addresses_and_links() -> None:
    said = ["* OK ready", "* OK [ALERT] Password of me@example.org\x07 expires, see https://example.org/renew?user=me"]
    alert = alert_in(said)
    assert alert is not None
    assert alert.startswith("Password of ")
    assert not any(part in alert for part in ("me@", "renew", "\x07"))
    assert alert_in(["* OK fine"]) is None


def test_a_real_server_tells_how_full_the_mailbox_is(small: Dovecot) -> None:
    user = small.user()
    user.deliver(b"Subject: large\r\n\r\n" + b"x" * 70 * 1024)
    watcher = Watcher(open_inbox(user.settings(), user.password))
    watcher.visit()
    [note] = watcher.notes
    assert note.quota == Quota("STORAGE", 71, 100)
    assert note.alert is None
    watcher.visit()
    assert len(watcher.notes) == 1, "it is asked once an hour"
    watcher.visit(timedelta(hours=1))
    assert len(watcher.notes) == 2


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"* QUOTAROOT\r\n",
        b"* QUOTAROOT INBOX\r\n",
        b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE much 1000)\r\n',
        b"* QUOTA (\r\n",
    ],
)
def test_an_answer_about_quota_that_makes_no_sense_does_not_keep_the_mail_from_being_read(said: bytes) -> None:
    def garbled(command: str, answer: bytes) -> bytes:
        return said + answer if command == "GETQUOTAROOT" else answer

    server = ScriptedImap({"INBOX": Box({1: b"Subject: x\r\n\r\n"})}, spoil=garbled, capabilities="IMAP4rev1 UNSELECT QUOTA")
    with scripted(server):
        watcher = Watcher(open_inbox(server.settings(), "secret"))
        assert len(messages_of(watcher.visit())) == 1
    assert [note.quota for note in watcher.notes] == [None]


def test_a_server_without_quota_is_not_asked(dovecot: Dovecot) -> None:
    user = dovecot.user()
    watcher = Watcher(open_inbox(user.settings(), user.password))
    watcher.visit()
    assert [note.quota for note in watcher.notes] == [None]


def test_what_a_server_wants_its_owner_to_read_is_noted() -> None:
    def spoil(command: str, answer: bytes) -> bytes:
        return b"* OK [ALERT] Your password will expire in 5 days\r\n" + answer if command == "LOGIN" else answer

    mail = {1: b"Subject: [ALERT] x\r\nList-Unsubscribe: <https://example.org/u>\r\n\r\nHello\r\n"}
    with scripted(ScriptedImap({"INBOX": Box(mail)}, spoil)) as server:
        watcher = Watcher(open_inbox(server.settings(), "secret"))
        watcher.visit()
        assert [note.alert for note in watcher.notes] == ["Your password will expire in 5 days"]
        watcher.inbox.close()
    fetches = [line for line in server.asked if line.upper().startswith("UID FETCH")]
    others = [line for line in server.asked if line not in fetches]
    assert all("BODY[" not in line for line in fetches), "BODY.PEEK alone leaves no \\Seen"
    assert {line for line in others if not line.upper().startswith(READ_ONLY)} == set(), "nothing else is ever asked"


def test_a_mailbox_that_fills_up_is_told_and_so_is_its_room(small: Dovecot, tmp_path: Path) -> None:
    user = small.user()
    user.deliver(b"Subject: large\r\n\r\n" + b"x" * 95 * 1024)
    settings = Settings(data_dir=tmp_path / "data", inboxes=(seed_settings(user, tmp_path),), collect=CollectSettings())
    clock = SteppedClock(now())
    began = clock.now()
    with open_session(settings) as session:
        poller = Poller(session.store, session.reader, settings.collect, clock, Counters())
        poller.poll(settings.inboxes[0])
        watch = session.watch()
        [finding] = watch.assess(clock.now()).findings
        assert (finding.kind, finding.subject, finding.since) == (FindingKind.MAILBOX_FULL, user.name, began)
        assert "96% full" in finding.note or "95% full" in finding.note

        clock.move_to(began + timedelta(hours=1))
        poller.poll(settings.inboxes[0])
        [same] = watch.assess(clock.now()).findings
        assert same.since == began, "it has been so since it was first seen"

        with user.client() as client:
            client.select("INBOX")
            client.store("1", "+FLAGS", "\\Deleted")
            client.expunge()
        clock.move_to(began + timedelta(hours=2))
        poller.poll(settings.inboxes[0])
        assert watch.assess(clock.now()).findings == ()
        poller.close()
