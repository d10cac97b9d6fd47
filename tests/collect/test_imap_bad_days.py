"""Whatever a server does, nothing is lost, nothing is taken twice, nothing is claimed that was not seen, and it ends."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.collect import reading
from monitor.collect.imap import ImapInbox
from monitor.collect.plan import FIRST_BYTES
from monitor.errors import InboxError
from monitor.model import FailureCause
from monitor.settings import Security
from tests.collect.looking import Watcher, coverage_of, mail, messages_of, open_inbox, subjects
from tests.servers.scripted_imap import Box, ScriptedImap, Spoil, scripted


@pytest.fixture
def server() -> Iterator[ScriptedImap]:
    boxes = {"INBOX": Box({1: mail("one"), 2: mail("two"), 3: mail("three")}), "Junk": Box({9: mail("nine")}, flags="\\Junk")}
    with scripted(ScriptedImap(boxes)) as running:
        yield running


def opened(
    server: ScriptedImap, *, seconds: float = 10, security: Security = Security.PLAIN, limit: int = 1_000_000
) -> ImapInbox:
    return open_inbox(server.settings(security), "secret", seconds=seconds, limit=limit)


def failure(inbox: ImapInbox) -> InboxError:
    with pytest.raises(InboxError) as caught:
        Watcher(inbox).visit()
    assert "secret" not in str(caught.value)
    assert "reader@seed.example" not in str(caught.value)
    return caught.value


def only(command: str, answer: bytes | None) -> Spoil:
    """Answer this to one command; `TAG` in it stands for the command's tag."""

    def spoil(asked: str, right: bytes) -> bytes | None:
        if asked != command or answer is None:
            return None if asked == command else right
        return answer.replace(b"TAG", right.rsplit(b"\r\n", 2)[-2].split(b" ")[0])

    return spoil


def replaced(command: str, old: bytes, new: bytes) -> Spoil:
    return lambda asked, right: right.replace(old, new) if asked == command else right


def test_a_sober_session_is_read(server: ScriptedImap) -> None:
    assert subjects(Watcher(opened(server)).visit()) == ["one", "two", "three", "nine"]


def test_a_connection_may_be_cut_at_any_byte_of_a_session(server: ScriptedImap) -> None:
    watcher = Watcher(opened(server))
    watcher.visit()
    whole = server.sent
    assert whole > 1000
    causes: Counter[FailureCause] = Counter()
    for position in range(whole):
        server.cut_after = position
        watcher = Watcher(opened(server))
        try:
            watcher.visit()
        except InboxError as error:
            causes[error.cause] += 1
        for visit in watcher.visits:
            assert len(visit.messages) == (3 if visit.folder == "INBOX" else 1)
        server.cut_after = None
        watcher.visit()
        stored = [(message.folder, message.uid, message.raw) for message in messages_of(watcher.visits)]
        assert stored == [
            ("INBOX", 1, mail("one")),
            ("INBOX", 2, mail("two")),
            ("INBOX", 3, mail("three")),
            ("Junk", 9, mail("nine")),
        ]
        watcher.inbox.close()
    assert causes.keys() <= {FailureCause.NETWORK, FailureCause.PROTOCOL}
    assert causes.total() > whole * 0.9


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"TAG NO [AUTHENTICATIONFAILED] no such reader@seed.example\r\n", FailureCause.LOGIN),
        (b"TAG NO [ALERT] Application-specific password required\r\n", FailureCause.LOGIN),
        (b"TAG NO [THROTTLED] later\r\n", FailureCause.THROTTLED),
        (b"TAG NO [LIMIT] enough\r\n", FailureCause.THROTTLED),
        (b"TAG NO [INUSE] busy\r\n", FailureCause.THROTTLED),
        (b"TAG NO [UNAVAILABLE] database away\r\n", FailureCause.THROTTLED),
        (b"TAG NO Too many simultaneous connections. (Failure)\r\n", FailureCause.THROTTLED),
        (b"* BYE [THROTTLED] bandwidth limit reached\r\n", FailureCause.THROTTLED),
        (b"* BYE maintenance\r\n", FailureCause.NETWORK),
        (b"\x00\xff\r\n", FailureCause.PROTOCOL),
        (None, FailureCause.NETWORK),
    ],
)
def test_a_login_that_does_not_succeed_says_whose_turn_it_is(
    server: ScriptedImap, answer: bytes | None, cause: FailureCause
) -> None:
    server.spoil = only("LOGIN", answer)
    error = failure(opened(server))
    assert (error.cause, error.retryable) == (cause, cause is not FailureCause.LOGIN)


@pytest.mark.parametrize(
    ("greeting", "cause"),
    [
        (b"* BYE Too many connections from your IP\r\n", FailureCause.THROTTLED),
        (b"* BYE going down\r\n", FailureCause.NETWORK),
        (b"220 mail.example ESMTP\r\n", FailureCause.PROTOCOL),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", FailureCause.PROTOCOL),
        (b"", FailureCause.TIMEOUT),
        (b"* OK" + b" " * 100, FailureCause.TIMEOUT),
    ],
)
def test_a_strange_greeting_says_what_it_is(server: ScriptedImap, greeting: bytes, cause: FailureCause) -> None:
    server.greeting = greeting
    assert failure(opened(server, seconds=0.3)).cause is cause


def test_a_server_that_drips_byte_by_byte_uses_up_its_time(server: ScriptedImap) -> None:
    server.drip = 0.02
    assert failure(opened(server, seconds=0.3)).cause is FailureCause.TIMEOUT


def test_a_server_without_starttls_is_not_sent_the_password(server: ScriptedImap) -> None:
    error = failure(opened(server, security=Security.STARTTLS))
    assert (error.cause, error.retryable) == (FailureCause.TLS, False)
    assert "offers no STARTTLS; set `security: tls`" in error.reason
    assert not [line for line in server.asked if line.startswith("LOGIN")]


def test_a_server_that_lets_us_in_before_tls_is_not_believed(server: ScriptedImap) -> None:
    server.greeting = b"* PREAUTH welcome\r\n"
    server.capabilities = "IMAP4rev1 STARTTLS"
    assert failure(opened(server, security=Security.STARTTLS)).cause is FailureCause.PROTOCOL
    assert not [line for line in server.asked if line.startswith("LIST")]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (only("UID SEARCH", b"TAG NO [UNAVAILABLE] index is being rebuilt\r\n"), FailureCause.THROTTLED),
        (only("EXAMINE", b"TAG NO [NOPERM] not yours\r\n"), FailureCause.FOLDER),
        (only("UID FETCH", b"TAG BAD what?\r\n"), FailureCause.FOLDER),
    ],
)
def test_a_folder_that_is_refused_does_not_stop_the_others(server: ScriptedImap, spoil: Spoil, told: FailureCause) -> None:
    server.spoil = lambda command, right: spoil(command, right) if server.selected == "INBOX" else right
    watcher = Watcher(opened(server))
    watcher.visit()
    assert [failure.cause for failure in watcher.failures if failure.folder == "INBOX"] == [told]
    assert subjects(watcher.visits) == ["nine"]
    server.spoil = lambda _command, right: right
    assert subjects(watcher.visit()) == ["one", "two", "three"]


def test_exists_is_not_believed(server: ScriptedImap) -> None:
    server.spoil = replaced("EXAMINE", b"* 3 EXISTS", b"* 4000000000 EXISTS")
    assert subjects(Watcher(opened(server)).visit()) == ["one", "two", "three", "nine"]


@pytest.mark.parametrize("at_once", [1, 200])
def test_uids_out_of_order_repeated_or_never_asked_for_come_out_once_and_in_order(
    at_once: int, server: ScriptedImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from batch to batch: each of them is a checkpoint, behind which nothing may be left."""
    monkeypatch.setattr(reading, "BATCH_MESSAGES", at_once)

    def spoil(command: str, right: bytes) -> bytes:
        if command == "UID SEARCH":
            return right.replace(b"1 2 3", b"3 1 1 2 3")
        if command == "UID FETCH" and b"BODY" in right and b"UID 3" in right:
            *answers, done = right.split(b")\r\n")
            answers = [answer + b")\r\n" for answer in answers]
            stranger = answers[0].replace(b"UID 1 ", b"UID 77 ")
            return b"".join([*reversed(answers), stranger, *answers]) + done
        return right

    server.spoil = spoil
    visits = Watcher(opened(server)).visit()
    assert [(message.folder, message.uid) for message in messages_of(visits)] == [
        ("INBOX", 1),
        ("INBOX", 2),
        ("INBOX", 3),
        ("Junk", 9),
    ]
    assert subjects(visits) == ["one", "two", "three", "nine"]


def test_other_news_between_fetch_answers_is_passed_over(server: ScriptedImap) -> None:
    news = b"* 4 EXISTS\r\n* OK still here\r\n* 1 FETCH (FLAGS (\\Seen))\r\n* 2 EXPUNGE\r\n"
    server.spoil = lambda command, right: news + right if command == "UID FETCH" else right
    assert subjects(Watcher(opened(server)).visit()) == ["one", "two", "three", "nine"]


def test_a_message_that_is_listed_and_never_given_is_told_and_the_time_stays_unknown(server: ScriptedImap) -> None:
    def spoil(command: str, right: bytes) -> bytes:
        if command == "UID FETCH" and b"BODY[] {" in right:
            return b"".join(a + b")\r\n" for a in right.split(b")\r\n")[:-1] if b"UID 2 " not in a) + right.split(b")\r\n")[-1]
        return right

    server.spoil = spoil
    watcher = Watcher(opened(server))
    visits = watcher.visit()
    assert subjects(visits) == ["one", "three", "nine"]
    assert coverage_of(visits)["INBOX"] == []
    assert [failure.detail for failure in watcher.failures] == [
        "the server lists message UID 2 of 'INBOX' and does not give it; it is passed over"
    ]


def test_a_message_that_vanished_before_it_was_fetched_leaves_the_time_unknown(server: ScriptedImap) -> None:
    def spoil(command: str, right: bytes) -> bytes:
        if command == "UID SEARCH":
            server.boxes["INBOX"].messages.pop(2, None)
        return right

    server.spoil = spoil
    watcher = Watcher(opened(server))
    visits = watcher.visit()
    assert subjects(visits) == ["one", "three", "nine"]
    assert (coverage_of(visits)["INBOX"], watcher.failures) == ([], [])


def test_of_a_message_of_100_mb_the_beginning_is_asked_for(server: ScriptedImap) -> None:
    server.boxes["INBOX"].messages[2] = mail("huge", size=100_000_000)
    visits = Watcher(opened(server)).visit()
    assert subjects(visits) == ["one", "huge", "three", "nine"]
    (huge,) = [message for message in messages_of(visits) if message.truncated]
    assert (len(huge.raw), huge.size) == (FIRST_BYTES, len(server.boxes["INBOX"].messages[2]))


@pytest.mark.parametrize("literal", [b"{99999999999}", b"{200000000}"])
def test_a_literal_that_is_far_too_large_is_not_waited_for(server: ScriptedImap, literal: bytes) -> None:
    server.spoil = lambda command, right: right.replace(b"BODY[] {%d}" % len(mail("one")), b"BODY[] " + literal)
    assert failure(opened(server)).cause is FailureCause.PROTOCOL


def test_a_flood_of_answers_ends(server: ScriptedImap) -> None:
    flood = (b"* OK " + b"noise " * 1000 + b"\r\n") * 20_000
    server.spoil = lambda command, right: flood + right if command == "LIST" else right
    assert failure(opened(server, limit=10_000)).cause in (FailureCause.PROTOCOL, FailureCause.TIMEOUT)


def test_nul_and_8_bit_octets_are_kept_as_they_are(server: ScriptedImap) -> None:
    raw = b"Subject: \x00\xff\xfe\r\nX: {5}\r\n\r\n" + bytes(range(256))
    server.boxes["INBOX"].messages = {1: raw}
    assert messages_of(Watcher(opened(server)).visit())[0].raw == raw


def test_a_body_may_come_quoted_or_not_at_all(server: ScriptedImap) -> None:
    server.boxes = {"INBOX": Box({1: b"a", 2: b""})}
    server.spoil = lambda command, right: right.replace(b"{1}\r\na", b'"a"').replace(b"{0}\r\n", b"NIL")
    watcher = Watcher(opened(server))
    assert [message.raw for message in messages_of(watcher.visit())] == [b"a"]


def test_a_server_that_does_not_say_uidnext_is_read_and_proven_all_the_same(server: ScriptedImap) -> None:
    server.capabilities = "IMAP4rev1"
    server.spoil = lambda command, right: (
        b"\r\n".join(line for line in right.split(b"\r\n") if b"[UIDNEXT" not in line)
        .replace(b" UIDNEXT 4", b"")
        .replace(b" UIDNEXT 10", b"")
    )
    watcher = Watcher(opened(server))
    watcher.visit()
    server.boxes["INBOX"].messages[4] = mail("four")
    visits = watcher.visit()
    assert subjects(visits) == ["four"]
    assert len(coverage_of(visits)["INBOX"]) == 1


def test_a_uidvalidity_that_changes_between_two_questions_is_read_anew(server: ScriptedImap) -> None:
    watcher = Watcher(opened(server))
    watcher.visit()

    def spoil(command: str, right: bytes) -> bytes:
        if command == "STATUS" and b"INBOX" in right:
            server.boxes["INBOX"].uidvalidity = 8
        return right

    server.spoil = spoil
    server.boxes["INBOX"].messages[4] = mail("four")
    inbox = next(visit for visit in watcher.visit() if visit.folder == "INBOX")
    assert (inbox.restarted, inbox.coverage, inbox.checkpoint.uidvalidity) == (True, (), 8)
    assert subjects([inbox]) == ["one", "two", "three", "four"]


def test_a_folder_brought_back_from_an_older_copy_is_read_anew(server: ScriptedImap) -> None:
    watcher = Watcher(opened(server))
    watcher.visit()
    server.boxes["INBOX"].messages = {1: mail("one"), 2: mail("another two")}
    visits = watcher.visit()
    assert subjects(visits) == ["one", "another two"]
    assert coverage_of(visits)["INBOX"] == []


def test_a_clock_that_is_set_back_claims_nothing_until_it_runs_on(server: ScriptedImap) -> None:
    watcher = Watcher(opened(server))
    watcher.visit()
    true_now = watcher.clock.now()
    watcher.visit(timedelta(days=365))  # our clock ran a year ahead for a moment

    class SetBack:
        def __init__(self) -> None:
            self.minutes = itertools.count()

        def now(self):  # type: ignore[no-untyped-def]
            return true_now + timedelta(seconds=next(self.minutes))

    clock = SetBack()
    assert coverage_of(watcher.visit_at(clock)) == {"INBOX": [], "Junk": []}
    (proven,) = coverage_of(watcher.visit_at(clock))["INBOX"]
    assert proven.end < true_now + timedelta(minutes=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    command=st.sampled_from(["CAPABILITY", "LOGIN", "LIST", "STATUS", "EXAMINE", "UID SEARCH", "UID FETCH", "UNSELECT"]),
    rubbish=st.one_of(
        st.binary(max_size=80),
        st.text('* 1()[]{}"\\ABFETCHLISTUD\r\n', max_size=60).map(str.encode),
    ),
    instead=st.booleans(),
)
def test_rubbish_in_any_answer_ends_in_a_failure_or_is_passed_over(
    server: ScriptedImap, command: str, rubbish: bytes, instead: bool
) -> None:
    def spoil(asked: str, right: bytes) -> bytes:
        return right if asked != command else rubbish if instead else b"* " + rubbish + b"\r\n" + right

    server.spoil = spoil
    watcher = Watcher(opened(server, seconds=0.2))
    with suppress(InboxError):
        watcher.visit()
    server.spoil = lambda _command, right: right
    watcher.inbox = opened(server)
    watcher.visit()
    assert sorted(subjects(watcher.visits)) == ["nine", "one", "three", "two"]
