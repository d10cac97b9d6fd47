"""A seed inbox on a real Dovecot: what a visit brings, and what it proves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.collect.plan import BATCH_MESSAGES, FIRST_BYTES
from monitor.model import CoverageKind, FailureCause, FolderVisit
from monitor.settings import Security
from tests.collect.looking import Watcher, coverage_of, mail, messages_of, open_inbox, subjects
from tests.servers.dovecot import Dovecot, DovecotUser

AT = datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def user(dovecot: Dovecot) -> DovecotUser:
    return dovecot.user()


@pytest.fixture
def watcher(user: DovecotUser) -> Watcher:
    return Watcher(open_inbox(user.settings(), user.password))


def move(user: DovecotUser, uid: int, folder: str) -> None:
    with user.client() as client:
        client.select("INBOX")
        assert client.uid("MOVE", str(uid), folder)[0] == "OK"


@pytest.mark.parametrize("security", list(Security))
def test_inbox_and_junk_are_read_over_every_kind_of_connection(user: DovecotUser, security: Security) -> None:
    user.deliver(mail("one"), at=AT)
    user.deliver(mail("two"), "Junk")
    user.deliver(mail("three"), "Trash")
    watcher = Watcher(open_inbox(user.settings(security=security), user.password))
    one, two = messages_of(watcher.visit())
    assert (one.inbox, one.folder, one.role, one.uid, one.delivered_at) == (user.name, "INBOX", "INBOX", 1, AT)
    assert (one.raw, one.size, one.truncated) == (mail("one"), len(mail("one")), False)
    assert (two.raw, two.folder, two.role) == (mail("two"), "Junk", "JUNK")
    watcher.inbox.close()


def test_polling_leaves_no_mark_on_a_message(user: DovecotUser, watcher: Watcher) -> None:
    user.deliver(mail("one"))
    watcher.visit()
    with user.client() as client:
        client.select("INBOX", readonly=True)
        _, (answer,) = client.uid("FETCH", "1", "(FLAGS)")
    assert b"\\Seen" not in answer
    # \\Recent is taken by the first session that opens a folder for writing: ours never does.
    assert b"\\Recent" in answer


def test_a_visit_brings_only_what_is_new(user: DovecotUser, watcher: Watcher) -> None:
    user.deliver(mail("one"))
    assert subjects(watcher.visit()) == ["one"]
    assert subjects(watcher.visit()) == []
    user.deliver(mail("two"))
    user.deliver(mail("three"), "Junk")
    assert subjects(watcher.visit()) == ["two", "three"]
    assert subjects(Watcher(watcher.inbox).visit()) == ["one", "two", "three"]


def test_visits_prove_live_coverage_and_after_a_hole_of_ours_retrospective(user: DovecotUser, watcher: Watcher) -> None:
    watcher.visit()
    began = watcher.clock.now()
    assert coverage_of(watcher.visits) == {"INBOX": [], "Junk": []}
    watcher.visit(timedelta(minutes=5))
    user.deliver(mail("one"))
    watcher.visit(24 * HOUR)
    live, hole = coverage_of(watcher.visits)["INBOX"]
    assert (live.start, live.end, live.kind) == (began, began + timedelta(minutes=5), CoverageKind.LIVE)
    assert (hole.start, hole.end, hole.kind) == (live.end, live.end + 24 * HOUR, CoverageKind.RETROSPECTIVE)


def test_a_message_that_came_and_went_between_two_looks_leaves_the_time_unknown(user: DovecotUser, watcher: Watcher) -> None:
    watcher.visit()
    user.deliver(mail("one"))
    user.deliver(mail("two"))
    with user.client() as client:
        client.select("INBOX")
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
    visits = watcher.visit()
    assert subjects(visits) == ["two"]
    assert coverage_of(visits)["INBOX"] == []
    assert len(coverage_of(visits)["Junk"]) == 1
    assert len(coverage_of(watcher.visit())["INBOX"]) == 1


def test_a_long_backlog_comes_in_batches_and_only_the_last_proves_coverage(user: DovecotUser, watcher: Watcher) -> None:
    watcher.visit()
    user.deliver_all([mail(str(n)) for n in range(2 * BATCH_MESSAGES + 10)])
    visits = [visit for visit in watcher.visit() if visit.folder == "INBOX"]
    assert [len(visit.messages) for visit in visits] == [BATCH_MESSAGES, BATCH_MESSAGES, 10]
    assert [len(visit.coverage) for visit in visits] == [0, 0, 1]
    assert subjects(visits) == [str(n) for n in range(2 * BATCH_MESSAGES + 10)]


def test_reading_that_was_stopped_goes_on_after_the_last_batch_that_was_stored(user: DovecotUser, watcher: Watcher) -> None:
    watcher.visit()
    proven_at = watcher.checkpoints["INBOX"].proven_at
    user.deliver_all([mail(str(n)) for n in range(BATCH_MESSAGES + 10)])
    visits = watcher.inbox.visit(watcher.checkpoints, watcher.clock)
    first = next(visits)
    assert isinstance(first, FolderVisit)
    watcher.checkpoints["INBOX"] = first.checkpoint
    visits.close()
    rest = watcher.visit(HOUR)
    assert subjects(rest) == [str(n) for n in range(BATCH_MESSAGES, BATCH_MESSAGES + 10)]
    assert coverage_of(rest)["INBOX"][0].start == proven_at


def test_of_a_message_above_the_limit_the_beginning_is_fetched_and_that_is_said(user: DovecotUser) -> None:
    raw = mail("large", size=600_000)
    user.deliver(raw)
    user.deliver(mail("small"))
    watcher = Watcher(open_inbox(user.settings(), user.password, limit=500_000))
    large, small = messages_of(watcher.visit())
    assert (large.raw, large.size, large.truncated) == (raw[:FIRST_BYTES], len(raw), True)
    assert (small.raw, small.truncated) == (mail("small"), False)


def test_a_changed_uidvalidity_is_read_anew_and_proves_nothing_across(user: DovecotUser, watcher: Watcher) -> None:
    with user.client() as client:
        client.create("News")
    user.deliver(mail("one"), "News")
    watcher.visit()
    with user.client() as client:
        client.delete("News")
        client.create("News")
    user.deliver(mail("again"), "News")
    (visit,) = [visit for visit in watcher.visit() if visit.folder == "News"]
    assert visit.restarted
    assert visit.coverage == ()
    assert subjects([visit]) == ["again"]
    assert len(coverage_of(watcher.visit())["News"]) == 1


def test_a_message_that_is_moved_to_junk_is_seen_there(user: DovecotUser, watcher: Watcher) -> None:
    user.deliver(mail("one"), at=AT)
    watcher.visit()
    move(user, 1, "Junk")
    (message,) = messages_of(watcher.visit())
    assert (message.role, message.raw, message.delivered_at) == ("JUNK", mail("one"), AT)


def test_a_folder_that_vanished_is_told_once_and_the_others_go_on(user: DovecotUser, watcher: Watcher) -> None:
    with user.client() as client:
        client.create("News")
    watcher.visit()
    with user.client() as client:
        client.delete("News")
    user.deliver(mail("one"))
    assert subjects(watcher.visit()) == ["one"]
    (failure,) = watcher.failures
    assert (failure.inbox, failure.folder, failure.cause) == (user.name, "News", FailureCause.FOLDER)
    assert "'News' cannot be read; if it was renamed or deleted" in failure.detail
    watcher.visit()
    assert ["'News' is not on the server; it was renamed or deleted" in f.detail for f in watcher.failures] == [True]
    watcher.visit()
    assert watcher.failures == []


def test_a_folder_of_the_settings_that_is_not_there_is_told(user: DovecotUser) -> None:
    user.deliver(mail("one"))
    watcher = Watcher(open_inbox(user.settings(folders=("inbox", "Newsletters")), user.password))
    assert subjects(watcher.visit()) == ["one"]
    (failure,) = watcher.failures
    assert failure.detail.startswith("the folder 'Newsletters' is not on the server; mend `folders`")


def test_a_folder_with_a_name_in_any_script_is_read(user: DovecotUser, watcher: Watcher) -> None:
    with user.client() as client:
        client.create('"Rundschreiben &AOQA9gD8- &ZeVnLA-"')
    user.deliver(mail("one"), '"Rundschreiben &AOQA9gD8- &ZeVnLA-"')
    assert [message.folder for message in messages_of(watcher.visit())] == ["Rundschreiben äöü 日本"]


def test_a_server_that_restarted_is_connected_to_again_without_a_failure(own_dovecot: Dovecot) -> None:
    user = own_dovecot.user()
    watcher = Watcher(open_inbox(user.settings(), user.password))
    watcher.visit()
    own_dovecot.stop()
    own_dovecot.start()
    user.deliver(mail("one"))
    assert subjects(watcher.visit()) == ["one"]
