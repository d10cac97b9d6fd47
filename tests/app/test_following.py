"""Mail is followed where it goes, and counted once: moved, deleted, rebuilt, or read in two steps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from monitor.app.snapshots import Snapshots
from monitor.clock import SteppedClock
from monitor.collect import limits, plan, reading
from monitor.collect.imap import TABS_AGAIN
from monitor.collect.plan import HEADER_BYTES
from monitor.errors import StoreError
from monitor.model import FolderVisit, NewCopy
from monitor.store.faces.mail import Saved
from monitor.store.places import Place
from monitor.store.store import Store
from monitor.store.tables import copies
from tests.app.test_bad_input import Line, line, with_password
from tests.servers.dovecot import Dovecot, DovecotUser
from tests.servers.scripted_imap import Box, ScriptedImap, scripted

DOMAIN = "news.example.org"


def letter(number: int, *, more: str = "", body: str = "Chip in before midnight, friend: it is the last call of all.") -> bytes:
    lines = [
        f"From: a@{DOMAIN}",
        "Date: Mon, 02 Mar 2026 10:00:00 +0000",
        f"Message-ID: <{number}@{DOMAIN}>",
        f"Subject: Number {number}",
        *([more] if more else []),
    ]
    word = "".join("abcdefghij"[int(digit)] for digit in str(number)) * 3  # numbers do not tell texts apart
    return ("\r\n".join(lines) + f"\r\n\r\n{body} {word}\r\n").encode()


@pytest.fixture
def user(dovecot: Dovecot) -> DovecotUser:
    return dovecot.user()


@pytest.fixture
def at_work(user: DovecotUser, tmp_path: Path) -> Iterator[Line]:
    with line(tmp_path, with_password(user, tmp_path)) as opened:
        yield opened


def stays(places: list[Place]) -> list[tuple[str, str, bool]]:
    """(subject, role, still there)."""
    return [(str(place.subject), place.role, place.gone_at is None) for place in places]


def placements(at_work: Line) -> dict[str, dict[str, int]]:
    return {str(send.subject): dict(send.placements) for send in at_work.session.store.sends()}


def test_a_message_is_followed_to_junk_back_and_out(user: DovecotUser, at_work: Line) -> None:
    user.deliver_all([letter(1), letter(2)])
    at_work.poll()
    with user.client() as client:
        client.select("INBOX")
        client.uid("MOVE", "1", "Junk")
    at_work.poll()
    store = at_work.session.store
    assert stays(store.moves()) == [("Number 1", "INBOX", False), ("Number 1", "JUNK", True)]
    assert placements(at_work) == {"Number 1": {"JUNK": 1}, "Number 2": {"INBOX": 1}}
    with user.client() as client:
        client.select("Junk")
        client.uid("MOVE", "1", "INBOX")
        client.select("INBOX")
        client.uid("STORE", "2", "+FLAGS", "(\\Deleted)")
        client.expunge()
    at_work.poll()
    assert stays(store.moves(stream=DOMAIN)) == [
        ("Number 1", "INBOX", False),
        ("Number 1", "JUNK", False),
        ("Number 1", "INBOX", True),
        ("Number 2", "INBOX", False),
    ]
    assert placements(at_work) == {"Number 1": {"INBOX": 1}, "Number 2": {"INBOX": 1}}
    assert set(store.copies_total().values()) == {2}
    assert store.moves(stream="other.example") == store.moves(until=store.moves()[0].seen_at) == []
    at_work.poll()
    assert {(c.inbox, c.folder) for c in store.coverage()} >= {(user.name, "INBOX"), (user.name, "Junk")}


def test_a_label_that_is_taken_off_leaves_the_message_where_it_lies_still(user: DovecotUser, at_work: Line) -> None:
    with user.client() as client:
        client.create("Promotions")
    user.deliver(letter(1))
    at_work.poll()
    with user.client() as client:
        client.select("INBOX")
        client.uid("COPY", "1", "Promotions")
    at_work.poll()
    assert placements(at_work) == {"Number 1": {"TAB:promotions": 1}}
    with user.client() as client:
        client.select("Promotions")
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
    at_work.poll()
    assert placements(at_work) == {"Number 1": {"INBOX": 1}}


def test_a_message_is_followed_from_tab_to_tab_of_gmail_and_out(tmp_path: Path) -> None:
    inbox = Box({n: letter(n) for n in (1, 2)}, tabs={1: "promotions"})
    boxes = {"INBOX": inbox, "[Gmail]/Spam": Box({}, flags="\\Junk")}
    with scripted(ScriptedImap(boxes, capabilities="IMAP4rev1 UNSELECT X-GM-EXT-1")) as server:
        (tmp_path / "password").write_text("secret")
        settings = server.settings().model_copy(update={"password_env": None, "password_file": tmp_path / "password"})
        clock = SteppedClock(datetime.now(UTC))
        inbox.days = dict.fromkeys((1, 2), clock.now().date())
        with line(tmp_path, settings) as at_work:
            at_work.poller._clock = clock
            at_work.poll()
            assert placements(at_work) == {"Number 1": {"TAB:promotions": 1}, "Number 2": {"INBOX": 1}}
            store = at_work.session.store
            for tabs in ({}, {}, {1: "updates"}):
                inbox.tabs = tabs
                clock.move_to(clock.now() + TABS_AGAIN)
                at_work.poll()
            assert placements(at_work) == {"Number 1": {"TAB:updates": 1}, "Number 2": {"INBOX": 1}}
            boxes["[Gmail]/Spam"].messages[1] = inbox.messages.pop(1)
            at_work.poll()
            assert placements(at_work) == {"Number 1": {"JUNK": 1}, "Number 2": {"INBOX": 1}}
            assert stays(store.moves()) == [
                ("Number 1", "TAB:promotions", False),
                ("Number 1", "INBOX", False),
                ("Number 1", "TAB:updates", False),
                ("Number 1", "JUNK", True),
            ]
            ends = [place.gone_at for place in store.moves()]
            assert [place.seen_at for place in store.moves()][1:] == ends[:-1]
            assert set(store.copies_total().values()) == {1}


def test_a_folder_that_is_renamed_counts_nothing_twice(user: DovecotUser, at_work: Line) -> None:
    with user.client() as client:
        client.create("News")
    user.deliver_all([letter(1), letter(2)], "News")
    at_work.poll()
    with user.client() as client:
        client.rename("News", "Old news")
    at_work.poll()
    at_work.poll()
    store = at_work.session.store
    assert [send.copies for send in store.sends()] == [1, 1]
    assert sum(store.copies_total().values()) == 2


def test_a_mailbox_that_was_rebuilt_with_other_bytes_counts_nothing_twice(tmp_path: Path) -> None:
    with scripted(ScriptedImap({"INBOX": Box({n: letter(n) for n in (1, 2)})})) as server:
        (tmp_path / "password").write_text("secret")
        settings = server.settings().model_copy(update={"password_env": None, "password_file": tmp_path / "password"})
        with line(tmp_path, settings) as at_work:
            at_work.poll()
            rebuilt = {n + 10: letter(n, more="X-Migrated: yes") for n in (1, 2, 3)}
            server.boxes["INBOX"] = Box(rebuilt, uidvalidity=8)
            at_work.poll()
            store = at_work.session.store
            assert sorted(placements(at_work)) == ["Number 1", "Number 2", "Number 3"]
            assert [send.copies for send in store.sends()] == [1, 1, 1]
            assert sum(store.copies_total().values()) == 3
            for_good = [(f"Number {number}", "INBOX", still) for number in (1, 2) for still in (False, True)]
            assert stays(store.moves()) == for_good


@contextmanager
def on_a_scripted_server(box: Box, folder: Path, *, limit: int = 1_000_000) -> Iterator[tuple[ScriptedImap, Line]]:
    with scripted(ScriptedImap({"INBOX": box})) as server:
        (folder / "password").write_text("secret")
        settings = server.settings().model_copy(update={"password_env": None, "password_file": folder / "password"})
        with line(folder, settings, limit=limit) as at_work:
            yield server, at_work


def read_all(at_work: Line) -> None:
    """Bodies too."""
    [inbox] = at_work.session.settings.inboxes
    while at_work.poller.poll(inbox).has_more:
        pass


def kept(at_work: Line) -> list[bytes]:
    """The bytes of every stored message."""
    store = at_work.session.store
    with store._database.read() as connection:
        digests = connection.execute(select(copies.c.digest).where(~copies.c.awaits_body)).scalars().all()
    return sorted(store.original(digest) for digest in digests)


def test_of_a_large_backlog_messages_that_differ_in_their_bodies_alone_are_all_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "HEADERS_FIRST", 1)
    monkeypatch.setattr(reading, "BATCH_HEADERS", 2)
    raws = [letter(1, body=f"Body {name}") for name in "abcd"]
    with on_a_scripted_server(Box(dict(enumerate(raws, start=1))), tmp_path) as (_, at_work):
        read_all(at_work)
        read_all(at_work)
        assert kept(at_work) == raws


def test_of_a_large_backlog_that_was_broken_off_messages_that_differ_in_their_bodies_alone_are_all_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "HEADERS_FIRST", 1)
    monkeypatch.setattr(reading, "BATCH_HEADERS", 2)
    raws = [letter(1, body=f"Body {name}") for name in "abcdef"]
    kept_before, save_visit = 0, Store.save_visit

    def full_at_the_second(store: Store, visit: FolderVisit, of_it: Sequence[NewCopy]) -> Saved:
        nonlocal kept_before
        kept_before += 1
        if kept_before == 2:
            raise StoreError("database or disk is full")
        return save_visit(store, visit, of_it)

    with on_a_scripted_server(Box(dict(enumerate(raws, start=1))), tmp_path) as (_, at_work):
        with monkeypatch.context() as broken:
            broken.setattr(Store, "save_visit", full_at_the_second)
            with pytest.raises(StoreError):
                at_work.poll()
        read_all(at_work)
        read_all(at_work)
        assert kept(at_work) == raws
        assert sum(at_work.session.store.copies_total().values()) == len(raws)


def test_mail_that_differs_from_what_awaits_its_body_in_the_body_alone_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "HEADERS_FIRST", 1)
    raws = [letter(1, body=f"Body {name}") for name in "abcd"]
    box = Box({1: raws[0], 2: letter(2)})
    with on_a_scripted_server(box, tmp_path) as (_, at_work):
        with monkeypatch.context() as later:
            later.setattr("monitor.app.polling.BODIES_AT_ONCE", 0)
            at_work.poll()
            assert at_work.session.store.awaited("seed", 9)["INBOX"].uids == (2, 1)
            box.messages |= dict(enumerate(raws[1:], start=3))
            at_work.poll()
        read_all(at_work)
        assert kept(at_work) == sorted([*raws, letter(2)])


def test_no_answer_about_a_large_backlog_is_longer_than_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor where all headers are the same, so that every message is read at once."""
    monkeypatch.setattr(reading, "HEADERS_FIRST", 1)
    monkeypatch.setattr(plan, "BATCH_BYTES", 20_000)
    raws = [letter(1, body=f"{name} " * 3000) for name in "abcdefghijkl"]
    longest = 0

    def measured(_: str, answer: bytes) -> bytes:
        nonlocal longest
        longest = max(longest, len(answer))
        return answer

    with on_a_scripted_server(Box(dict(enumerate(raws, start=1))), tmp_path) as (server, at_work):
        server.spoil = measured
        read_all(at_work)
        read_all(at_work)
        assert kept(at_work) == raws
        assert longest < 21_000


def test_headers_without_end_are_read_in_part_at_first_and_whole_with_the_body(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "HEADERS_FIRST", 1)
    raws = [letter(number, more="\r\n".join(f"X-{n}: {'x' * 900}" for n in range(300))) for number in (1, 2)]
    with on_a_scripted_server(Box(dict(enumerate(raws, start=1))), tmp_path) as (_, at_work):
        at_work.poll()
        assert at_work.session.store.fetched("seed", datetime.now(UTC)) == 2 * HEADER_BYTES
        read_all(at_work)
        assert kept(at_work) == raws


def test_of_a_large_backlog_a_message_that_lies_there_twice_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the second all is read at once, as its headers do not tell it from the first."""
    monkeypatch.setattr(reading, "HEADERS_FIRST", 1)
    monkeypatch.setattr(reading, "BATCH_HEADERS", 1)
    with on_a_scripted_server(Box({1: letter(1), 2: letter(1), 3: letter(3)}), tmp_path) as (_, at_work):
        read_all(at_work)
        assert kept(at_work) == [letter(1), letter(3)]
        assert [send.copies for send in at_work.session.store.sends()] == [1, 1]


@pytest.mark.parametrize("is_numbered", [True, False])
def test_a_large_mailbox_that_is_rebuilt_again_and_again_counts_nothing_twice(
    is_numbered: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "HEADERS_FIRST", 2)
    raws = [letter(number) for number in (1, 2, 3)]
    if not is_numbered:
        raws = [re.sub(rb"Message-ID: .*\r\n", b"", raw) for raw in raws]
    with on_a_scripted_server(Box(dict(enumerate(raws, start=1))), tmp_path) as (server, at_work):
        read_all(at_work)
        for uidvalidity in (8, 7, 9):
            server.boxes["INBOX"] = Box(dict(enumerate(raws, start=10 * uidvalidity)), uidvalidity=uidvalidity)
            read_all(at_work)
            read_all(at_work)
            assert kept(at_work) == raws
            assert [send.copies for send in at_work.session.store.sends()] == [1, 1, 1]
        assert at_work.session.store.awaited("seed", 9) == {}


def test_a_large_mailbox_that_was_rebuilt_with_other_bytes_counts_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with on_a_scripted_server(Box({n: letter(n) for n in (1, 2, 3)}), tmp_path) as (server, at_work):
        read_all(at_work)
        monkeypatch.setattr(reading, "HEADERS_FIRST", 2)
        server.boxes["INBOX"] = Box({n + 10: letter(n, more="X-Migrated: yes") for n in (1, 2, 3)}, uidvalidity=8)
        read_all(at_work)
        read_all(at_work)
        assert len(kept(at_work)) == 3
        assert [send.copies for send in at_work.session.store.sends()] == [1, 1, 1]


def test_where_storing_fails_amid_a_folder_it_is_closed_before_its_numbers_are_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may answer STATUS of an open folder with how it stood when it was opened (RFC 9051 §6.3.11)."""

    def full(*_: object) -> None:
        raise StoreError("database or disk is full")

    with on_a_scripted_server(Box({n: letter(n) for n in range(1, 300)}), tmp_path) as (server, at_work):
        with monkeypatch.context() as broken:
            broken.setattr(Store, "save_visit", full)
            with pytest.raises(StoreError):
                at_work.poll()
        asked = len(server.asked)
        at_work.poll()
        assert [line.split()[0] for line in server.asked[asked:]][:3] == ["NOOP", "UNSELECT", "STATUS"]
        assert len(kept(at_work)) == 299


def test_other_mail_under_a_uid_that_was_used_before_is_new(tmp_path: Path) -> None:
    with scripted(ScriptedImap({"INBOX": Box({n: letter(n) for n in (1, 2, 3)})})) as server:
        (tmp_path / "password").write_text("secret")
        settings = server.settings().model_copy(update={"password_env": None, "password_file": tmp_path / "password"})
        with line(tmp_path, settings) as at_work:
            at_work.poll()
            server.boxes["INBOX"].messages = {1: letter(1), 2: letter(77)}
            at_work.poll()
            assert sorted(placements(at_work)) == ["Number 1", "Number 2", "Number 3", "Number 77"]


def test_of_a_large_backlog_the_headers_come_first_and_every_body_after(
    user: DovecotUser, at_work: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "HEADERS_FIRST", 3)
    raws = [letter(number, body="Chip in now, dear friend, before the last train of the night leaves.") for number in range(5)]
    user.deliver_all(raws)
    at_work.poll()
    store, [inbox] = at_work.session.store, at_work.session.settings.inboxes
    sends = list(store.sends())
    assert sorted(str(send.subject) for send in sends) == [f"Number {number}" for number in range(5)]
    assert store.awaited(user.name, 9)["INBOX"].uids == (5, 4, 3, 2, 1)
    assert sum(1 for c in store.coverage() if c.folder == "INBOX") == 1
    last = store.last_identification(DOMAIN)
    assert last is not None
    assert last.copy.truncated
    with user.client() as client:  # one moves before its body was read, one is deleted
        client.select("INBOX")
        client.uid("MOVE", "1", "Junk")
        client.uid("STORE", "2", "+FLAGS", "(\\Deleted)")
        client.expunge()
    assert not at_work.poller.poll(inbox).has_more
    assert store.awaited(user.name, 9) == {}
    sends = list(store.sends())
    assert [send.copies for send in sends] == [1] * 5
    assert sum(store.copies_total().values()) == 5
    assert placements(at_work)["Number 0"] == {"JUNK": 1}
    for send in sends:
        mail = store.mail_of_send(send.id)
        assert mail is not None
        number = int(str(send.subject).removeprefix("Number "))
        assert mail.copy.truncated == (number == 1)
        whole = store.original(mail.copy.sha256)
        assert whole == raws[number] if number != 1 else raws[number].startswith(whole)


def test_bodies_are_read_newest_first_a_few_at_a_time_and_new_mail_goes_before(
    user: DovecotUser, at_work: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "HEADERS_FIRST", 3)
    monkeypatch.setattr("monitor.app.polling.BODIES_AT_ONCE", 2)
    user.deliver_all([letter(number) for number in range(5)])
    [inbox] = at_work.session.settings.inboxes
    store = at_work.session.store
    assert at_work.poller.poll(inbox).has_more
    user.deliver(letter(5))
    assert at_work.poller.poll(inbox).has_more
    assert store.awaited(user.name, 9)["INBOX"].uids == (3, 2, 1)
    assert len(list(store.sends())) == 6
    at_work.poller.poll(inbox)
    assert not at_work.poller.poll(inbox).has_more
    assert {store.mail_of_send(send.id).copy.truncated for send in store.sends()} == {False}  # type: ignore[union-attr]


def test_a_body_that_the_server_never_gives_is_asked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "HEADERS_FIRST", 1)
    with scripted(ScriptedImap({"INBOX": Box({n: letter(n) for n in (1, 2)})})) as server:
        (tmp_path / "password").write_text("secret")
        settings = server.settings().model_copy(update={"password_env": None, "password_file": tmp_path / "password"})
        with line(tmp_path, settings) as at_work:
            at_work.poll()
            server.spoil = lambda command, right: (
                right.split(b"* ")[0] + right.split(b")\r\n")[-1] if b"BODY[]" in right else right
            )
            at_work.poll()
            server.spoil = lambda _command, right: right
            assert at_work.session.store.awaited("seed", 9) == {}
            assert len(list(at_work.session.store.sends())) == 2


def test_bodies_wait_for_the_next_day_once_the_providers_allowance_is_nearly_used_up(
    user: DovecotUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "HEADERS_FIRST", 3)
    monkeypatch.setattr("monitor.app.polling.BODIES_AT_ONCE", 2)
    monkeypatch.setitem(limits.DAILY_BYTES, "127.0.0.1", 2000)
    user.deliver_all([letter(number) for number in range(8)])
    clock = SteppedClock(datetime.now(UTC))
    with line(tmp_path, with_password(user, tmp_path)) as at_work:
        [inbox], store = at_work.session.settings.inboxes, at_work.session.store
        at_work.poller._clock = clock
        while at_work.poller.poll(inbox).has_more:
            pass
        left = store.awaited(user.name, 9)["INBOX"].uids
        assert 0 < len(left) < 8
        user.deliver(letter(8))
        assert at_work.poller.poll(inbox).new_copies == 1  # new mail is read all the same
        clock.move_to(clock.now() + timedelta(days=1))
        at_work.poller.poll(inbox)
        assert len(store.awaited(user.name, 9)["INBOX"].uids) == len(left) - 2
        assert store.fetched(user.name, clock.now() - timedelta(days=1)) >= 1600


def test_nul_and_8_bit_octets_in_headers_are_kept_byte_for_byte(tmp_path: Path) -> None:
    raw = letter(1).replace(b"Number 1", b"Number \x00\xff\xfe 1", 1).replace(b"a@news", b"\xe4\x00a@news", 1)
    with scripted(ScriptedImap({"INBOX": Box({1: raw, 2: letter(2)})})) as server:
        (tmp_path / "password").write_text("secret")
        settings = server.settings().model_copy(update={"password_env": None, "password_file": tmp_path / "password"})
        with line(tmp_path, settings) as at_work:
            at_work.poll()
            store = at_work.session.store
            assert sum(n for _, n in store.problems_total().items()) >= 1
            kept = sorted(path.stem for path in store._originals.folder.glob("*/*.zst"))
            assert raw in {store.original(digest) for digest in kept}
            assert store.checkpoints("seed")["INBOX"].last_uid == 2


def test_of_a_message_above_the_limit_the_beginning_is_kept_and_that_is_said(tmp_path: Path) -> None:
    raw = letter(1, body="Chip in. " * 100_000)
    with on_a_scripted_server(Box({1: raw}), tmp_path, limit=300_000) as (_, at_work):
        [told] = [entry for entry in at_work.poll() if str(entry["event"]).startswith("odd messages")]
        said = f"size: larger than collect.max_message_bytes: of {len(raw):,} octets the first 262,144 are kept"
        assert [said in entry for entry in told["first"]] == [True]
        session = at_work.session
        assert session.store.problems_total()["size"] == 1
        assert kept(at_work) == [raw[:262_144]]
        detail = Snapshots(session.store, session.identifier, session.settings, at_work.counters).stream(DOMAIN)
        assert detail is not None
        assert detail.is_cut
