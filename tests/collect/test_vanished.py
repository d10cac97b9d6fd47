"""What left a folder that was read before is noticed, whichever way the server can tell, and spoils no coverage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.collect.plan import not_among, read_uid_set, uid_set
from monitor.model import FolderVisit, UidRange
from monitor.settings import Security
from tests.collect.looking import Watcher, mail, open_inbox, subjects
from tests.servers.dovecot import Dovecot, DovecotUser
from tests.servers.scripted_imap import Box, ScriptedImap, scripted


@pytest.fixture
def user(dovecot: Dovecot) -> DovecotUser:
    return dovecot.user()


def delete(user: DovecotUser, *uids: int, folder: str = "INBOX") -> None:
    with user.client() as client:
        client.select(folder)
        client.uid("STORE", ",".join(map(str, uids)), "+FLAGS", "(\\Deleted)")
        client.expunge()


def of(visits: list[FolderVisit], folder: str) -> FolderVisit:
    return next(visit for visit in visits if visit.folder == folder)


def covers(ranges: tuple[UidRange, ...] | None) -> set[int]:
    return {uid for first, last in ranges or () for uid in range(first, last + 1)}


@pytest.mark.parametrize("way", ["QRESYNC", "ESEARCH"])
def test_what_was_deleted_or_moved_is_told_and_the_time_stays_covered(user: DovecotUser, way: str) -> None:
    watcher = Watcher(open_inbox(user.settings(), user.password))
    user.deliver_all([mail(str(number)) for number in range(1, 7)])
    watcher.visit()
    connection = watcher.inbox._connection
    assert connection is not None
    assert connection.tells_vanished
    connection.tells_vanished = way == "QRESYNC"
    watcher.visit()
    delete(user, 2, 3)
    with user.client() as client:
        client.select("INBOX")
        client.uid("MOVE", "5", "Junk")
    visits = watcher.visit()
    inbox = of(visits, "INBOX")
    assert covers(inbox.vanished) == {2, 3, 5}
    assert len(inbox.coverage) == 1
    assert subjects(visits) == ["5"]
    assert [visit.vanished for visit in watcher.visit()] == [None, None]
    user.deliver(mail("7"))
    delete(user, 1)
    inbox = of(watcher.visit(), "INBOX")
    assert covers(inbox.vanished) - {2, 3, 5} == {1}
    assert (subjects([inbox]), len(inbox.coverage)) == (["7"], 1)


def test_an_unchanged_folder_is_not_opened_for_a_flag_that_changed(user: DovecotUser) -> None:
    watcher = Watcher(open_inbox(user.settings(security=Security.PLAIN), user.password))
    user.deliver(mail("one"))
    watcher.visit()
    with user.client() as client:
        client.select("INBOX")
        client.uid("STORE", "1", "+FLAGS", "(\\Seen)")
    inbox = of(watcher.visit(), "INBOX")
    assert (inbox.vanished, inbox.messages, len(inbox.coverage)) == (None, (), 1)


@pytest.mark.parametrize("capabilities", ["IMAP4rev1", "IMAP4rev1 ESEARCH"])
def test_a_server_without_extensions_is_asked_for_the_uids_that_are_left(capabilities: str) -> None:
    with scripted(ScriptedImap({"INBOX": Box({n: mail(str(n)) for n in (1, 2, 5, 9)})}, capabilities=capabilities)) as server:
        watcher = Watcher(open_inbox(server.settings(), "secret"))
        watcher.visit()
        server.asked.clear()
        watcher.visit()
        assert not [line for line in server.asked if line.startswith(("EXAMINE", "UID"))]
        del server.boxes["INBOX"].messages[5]
        server.boxes["INBOX"].messages[10] = mail("10")
        (inbox,) = watcher.visit()
        assert covers(inbox.vanished) >= {5}
        assert covers(inbox.vanished).isdisjoint({1, 2, 9, 10})
        assert (subjects([inbox]), len(inbox.coverage)) == (["10"], 1)


def test_a_count_that_is_a_lie_is_looked_into_once_and_believed_no_further() -> None:
    with scripted(ScriptedImap({"INBOX": Box({1: mail("1"), 2: mail("2")})})) as server:
        watcher = Watcher(open_inbox(server.settings(), "secret"))
        watcher.visit()
        server.spoil = lambda _command, right: right.replace(b"MESSAGES 2", b"MESSAGES 77").replace(b"* 2 EXISTS", b"* 77 EXISTS")
        assert of(watcher.visit(), "INBOX").vanished == ()
        server.asked.clear()
        assert of(watcher.visit(), "INBOX").vanished is None
        assert not [line for line in server.asked if line.startswith("UID")]


@given(st.sets(st.integers(1, 60)), st.integers(0, 60))
def test_what_is_absent_is_all_the_rest(there: set[int], last: int) -> None:
    absent = not_among(read_uid_set(uid_set(sorted(there))), last)
    assert covers(absent) == set(range(1, last + 1)) - there


@pytest.mark.parametrize("text", ["a", "1:b", "1,*"])
def test_a_garbled_sequence_set_is_no_set(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        read_uid_set(text)
