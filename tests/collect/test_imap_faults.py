"""An inbox that cannot be read says why and what to mend, and never a password or an address."""

from __future__ import annotations

import imaplib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from imapclient import IMAPClient

from monitor.collect.imap import ImapInbox
from monitor.collect.plan import BATCH_MESSAGES
from monitor.demo.certificate import write_certificate
from monitor.errors import InboxError
from monitor.model import FailureCause, FolderVisit
from monitor.settings import Security
from tests.collect.looking import Watcher, changed, mail, open_inbox, subjects
from tests.servers.dovecot import Dovecot, DovecotUser
from tests.servers.process import free_port


@pytest.fixture
def user(dovecot: Dovecot) -> DovecotUser:
    return dovecot.user()


def failure(inbox: ImapInbox) -> InboxError:
    with pytest.raises(InboxError) as caught:
        Watcher(inbox).visit()
    return caught.value


@pytest.mark.parametrize("password", ["wrong-horse", "wr\u00f6ng horse", 'wrong "\\ horse'])
def test_a_wrong_password_is_the_operators_turn(user: DovecotUser, password: str) -> None:
    error = failure(open_inbox(user.settings(), password))
    assert (error.inbox, error.cause, error.retryable) == (user.name, FailureCause.LOGIN, False)
    assert "refused the login; check `user` and the password" in error.reason
    assert password not in str(error)


def test_an_unknown_host_is_named(user: DovecotUser) -> None:
    error = failure(open_inbox(changed(user.settings(), {"host": "mail.seed.invalid"}), user.password))
    assert error.cause is FailureCause.DNS
    assert error.reason == "the name mail.seed.invalid cannot be resolved; check `host` and this machine's DNS"


def test_a_port_where_nobody_listens_is_named(user: DovecotUser) -> None:
    port = free_port()
    error = failure(open_inbox(changed(user.settings(), {"port": port}), user.password))
    assert error.cause is FailureCause.NETWORK
    assert error.reason == f"127.0.0.1:{port} refuses connections; check `host` and `port`"


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_certificate_that_is_not_trusted_is_refused(user: DovecotUser, tmp_path: Path, security: Security) -> None:
    other = write_certificate(tmp_path, datetime.now(UTC))
    for ca_file in (None, other):
        error = failure(open_inbox(changed(user.settings(security=security), {"ca_file": ca_file}), user.password))
        assert (error.cause, error.retryable) == (FailureCause.TLS, False)
        assert "is not trusted (" in error.reason
        assert "`ca_file`" in error.reason


def test_a_certificate_for_another_name_is_refused(user: DovecotUser) -> None:
    error = failure(open_inbox(changed(user.settings(), {"host": "localhost"}), user.password))
    assert error.cause is FailureCause.TLS
    assert "localhost" in error.reason


def test_a_port_without_tls_is_told_with_what_to_set(user: DovecotUser, dovecot: Dovecot) -> None:
    error = failure(open_inbox(changed(user.settings(), {"port": dovecot.port}), user.password))
    assert error.cause is FailureCause.TLS
    assert f"if the server speaks STARTTLS on port {dovecot.port}, set `security: starttls`" in error.reason


def test_clear_text_to_another_machine_is_not_tried(user: DovecotUser) -> None:
    settings = changed(user.settings(security=Security.PLAIN), {"host": "192.0.2.1"})
    error = failure(open_inbox(settings, user.password))
    assert (error.cause, error.retryable) == (FailureCause.SETTINGS, False)
    assert "`security: plain`" in error.reason


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_cannot_be_used_is_named(user: DovecotUser, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    error = failure(open_inbox(changed(user.settings(), {"ca_file": file}), user.password))
    assert error.cause is FailureCause.SETTINGS
    assert str(file) in error.reason


def test_an_inbox_whose_server_was_away_is_read_again_when_it_is_back(own_dovecot: Dovecot) -> None:
    user = own_dovecot.user()
    watcher = Watcher(open_inbox(user.settings(), user.password))
    watcher.visit()
    own_dovecot.stop()
    with pytest.raises(InboxError) as caught:
        watcher.visit()
    assert caught.value.cause is FailureCause.NETWORK
    own_dovecot.start()
    user.deliver(mail("one"))
    assert subjects(watcher.visit()) == ["one"]


def test_a_server_that_ends_in_the_middle_of_a_backlog_costs_no_message_and_repeats_none(own_dovecot: Dovecot) -> None:
    user = own_dovecot.user()
    watcher = Watcher(open_inbox(user.settings(), user.password))
    watcher.visit()
    user.deliver_all([mail(str(number), size=20_000) for number in range(3 * BATCH_MESSAGES)])
    visits = watcher.inbox.visit(watcher.checkpoints, watcher.clock)
    first = next(visits)
    assert isinstance(first, FolderVisit)
    watcher.checkpoints["INBOX"] = first.checkpoint
    own_dovecot.stop()
    with pytest.raises(InboxError):
        list(visits)
    own_dovecot.start()
    rest = watcher.visit()
    assert subjects([first, *rest]) == [str(number) for number in range(3 * BATCH_MESSAGES)]
    assert [len(visit.coverage) for visit in [first, *rest] if visit.folder == "INBOX"] == [0, 0, 1]


def test_a_command_that_the_libraries_no_longer_know_by_its_private_name_would_be_noticed() -> None:
    """What `line.py` and `wire.py` rely on beyond the documented interface."""
    for name in ("_command", "_simple_command", "_get_capabilities", "_get_response"):
        assert callable(getattr(imaplib.IMAP4, name)), name
    assert callable(getattr(IMAPClient, "_create_IMAP4", None))
