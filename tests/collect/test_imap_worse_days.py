"""Days on which the server ends, limits us or turns strange in the middle of something; see `test_imap_bad_days` for the rest."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from monitor.collect.line import Line
from monitor.demo.certificate import write_certificate
from monitor.errors import InboxError
from monitor.model import CoverageKind, FailureCause
from monitor.settings import Security
from tests.collect.looking import FIVE, Watcher, changed, mail, messages_of, open_inbox, subjects
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_imap import HOST, Box, ScriptedImap, scripted

LARGE = 20_000_000


@pytest.fixture
def server() -> Iterator[ScriptedImap]:
    boxes = {"INBOX": Box({1: mail("one"), 2: mail("two")}), "Junk": Box({9: mail("nine")}, flags="\\Junk")}
    with scripted(ScriptedImap(boxes)) as running:
        yield running


def tag_of(answer: bytes) -> bytes:
    return answer.rsplit(b"\r\n", 2)[-2].split(b" ")[0]


def test_a_server_that_restarts_in_the_middle_of_a_message_costs_nothing(
    own_dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = own_dovecot.user()
    user.deliver_all([mail("small"), mail("large", size=LARGE), mail("last")])
    watcher = Watcher(open_inbox(user.settings(), user.password, limit=2 * LARGE))
    receive = Line.receive_into

    def stopping(line: Line, buffer: memoryview) -> int | None:
        if line._received > LARGE // 4:  # well within the message
            monkeypatch.undo()
            own_dovecot.stop()
        return receive(line, buffer)

    monkeypatch.setattr(Line, "receive_into", stopping)
    with pytest.raises(InboxError) as caught:
        watcher.visit()
    assert caught.value.cause is FailureCause.NETWORK
    own_dovecot.start()
    watcher.visit()
    assert [(m.uid, len(m.raw)) for m in messages_of(watcher.visits)] == [
        (1, len(mail("small"))),
        (2, len(mail("large", size=LARGE))),
        (3, len(mail("last"))),
    ]


def test_a_certificate_that_was_changed_is_refused_until_its_authority_is_named(own_dovecot: Dovecot) -> None:
    user = own_dovecot.user()
    user.deliver(mail("one"))
    watcher = Watcher(open_inbox(user.settings(), user.password))
    watcher.visit()
    trusted = own_dovecot.root / "trusted.pem"
    shutil.copy(own_dovecot.certificate, trusted)
    settings = changed(user.settings(), {"ca_file": trusted})
    own_dovecot.stop()
    write_certificate(own_dovecot.root, datetime.now(UTC) - timedelta(minutes=1))  # the operator renews it, or somebody else does
    own_dovecot.start()
    user.deliver(mail("two"))
    renewed = Watcher(open_inbox(settings, user.password))
    renewed.checkpoints = watcher.checkpoints
    with pytest.raises(InboxError) as caught:
        renewed.visit()
    assert (caught.value.cause, caught.value.retryable) == (FailureCause.TLS, False)
    assert "is not trusted" in caught.value.reason
    shutil.copy(own_dovecot.certificate, trusted)  # the same file, with another content
    assert subjects(renewed.visit()) == ["two"]


@pytest.mark.parametrize("command", ["STATUS", "EXAMINE", "UID SEARCH", "UID FETCH"])
@pytest.mark.parametrize("answer", [b"NO [THROTTLED] slow down", b"NO Too many requests, try again later"])
def test_an_account_that_is_limited_is_asked_nothing_more(server: ScriptedImap, command: str, answer: bytes) -> None:
    def spoil(asked: str, right: bytes) -> bytes:
        return tag_of(right) + b" " + answer + b"\r\n" if asked == command else right

    server.spoil = spoil
    watcher = Watcher(open_inbox(server.settings(), "secret"))
    with pytest.raises(InboxError) as caught:
        watcher.visit()
    assert caught.value.cause is FailureCause.THROTTLED
    assert server.asked[-1].upper().startswith(command)
    server.spoil = lambda _command, right: right
    assert subjects(watcher.visit()) == ["one", "two", "nine"]


@pytest.mark.parametrize("word", [b"[THROTTLED] bandwidth", b"[LIMIT] enough for today", b"[INUSE] one at a time"])
def test_a_bye_in_the_middle_of_a_message_list_is_a_limit(server: ScriptedImap, word: bytes) -> None:
    def spoil(command: str, right: bytes) -> bytes:
        if command == "UID FETCH" and b"BODY" in right:
            return right[: right.index(b"* 2 FETCH")] + b"* BYE " + word + b"\r\n"
        return right

    server.spoil = spoil
    watcher = Watcher(open_inbox(server.settings(), "secret"))
    with pytest.raises(InboxError) as caught:
        watcher.visit()
    assert caught.value.cause is FailureCause.THROTTLED
    assert watcher.visits == []
    server.spoil = lambda _command, right: right
    assert subjects(watcher.visit()) == ["one", "two", "nine"]


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_server_that_is_silent_within_tls_uses_up_its_time(security: Security) -> None:
    with socket.create_server((HOST, 0)) as listener:

        def accept() -> None:
            connection, _ = listener.accept()
            if security is Security.STARTTLS:
                connection.sendall(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
                lines = connection.makefile("rb")
                for line in lines:
                    tag, command = line.split()[:2]
                    answer = b"* CAPABILITY IMAP4rev1 STARTTLS\r\n" if command.upper() == b"CAPABILITY" else b""
                    connection.sendall(answer + tag + b" OK done\r\n")
                    if command.upper() == b"STARTTLS":
                        break
            over.wait(30)
            connection.close()

        over = threading.Event()
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        settings = changed(ScriptedImap({}).settings(security), {"port": listener.getsockname()[1]})
        with pytest.raises(InboxError) as caught:
            Watcher(open_inbox(settings, "secret", seconds=0.5)).visit()
        over.set()
        thread.join()
    assert caught.value.cause is FailureCause.TIMEOUT


def test_a_message_of_100_mb_is_read_whole_where_the_limit_allows(server: ScriptedImap) -> None:
    raw = mail("huge", size=100_000_000)
    server.boxes["INBOX"].messages[2] = raw
    visits = Watcher(open_inbox(server.settings(), "secret", limit=150_000_000)).visit()
    assert subjects(visits) == ["one", "huge", "nine"]
    huge = messages_of(visits)[1]
    assert (huge.raw == raw, huge.size, huge.truncated) == (True, len(raw), False)


def test_a_server_that_ignores_the_size_asked_for_is_not_read_into_memory(server: ScriptedImap) -> None:
    """It was asked for the beginning of 100 MB and gives all: more than any answer may be."""
    raw = mail("huge", size=100_000_000)
    server.boxes["INBOX"].messages[2] = raw

    def spoil(command: str, right: bytes) -> bytes:
        if b"BODY[]<0>" not in right:
            return right
        head, _, tail = right.partition(b"BODY[]<0> {")
        return head + b"BODY[]<0> {%d}\r\n" % len(raw) + raw + tail[-40:]

    server.spoil = spoil
    with pytest.raises(InboxError) as caught:
        Watcher(open_inbox(server.settings(), "secret")).visit()
    assert caught.value.cause is FailureCause.PROTOCOL


def test_a_folder_that_vanishes_between_two_questions_is_told_and_the_others_are_read(server: ScriptedImap) -> None:
    def spoil(command: str, right: bytes) -> bytes:
        if command == "EXAMINE" and server.selected == "INBOX":
            return tag_of(right) + b" NO [NONEXISTENT] gone\r\n"
        return right

    server.spoil = spoil
    watcher = Watcher(open_inbox(server.settings(), "secret"))
    assert subjects(watcher.visit()) == ["nine"]
    assert [(f.folder, f.cause) for f in watcher.failures] == [("INBOX", FailureCause.FOLDER)]


@pytest.mark.parametrize("cause", [FailureCause.LOGIN, FailureCause.DNS])
def test_a_login_or_a_name_that_fails_for_an_hour_and_is_back_costs_no_mail_and_claims_no_live_time(
    server: ScriptedImap, cause: FailureCause, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    watcher = Watcher(open_inbox(server.settings(), "secret"))
    watcher.visit()
    [before, _] = watcher.visit(FIVE)
    watcher.inbox.close()
    sober = server.spoil
    with monkeypatch.context() as patched:
        if cause is FailureCause.DNS:
            patched.setattr(socket, "getaddrinfo", unknown)
        else:
            server.spoil = lambda command, right: (
                right if command != "LOGIN" else tag_of(right) + b" NO [AUTHENTICATIONFAILED]\r\n"
            )
        server.boxes["INBOX"].messages[3] = mail("three")
        for _ in range(12):
            with pytest.raises(InboxError) as caught:
                watcher.visit(FIVE)
            assert caught.value.cause is cause
    server.spoil = sober
    back = watcher.visit(FIVE)
    assert subjects(back) == ["three"]
    [hole] = back[0].coverage
    assert (hole.kind, hole.start, hole.end) == (CoverageKind.RETROSPECTIVE, before.at, back[0].at)
    [again] = watcher.visit(FIVE)[0].coverage
    assert (again.kind, again.start) == (CoverageKind.LIVE, back[0].at)
