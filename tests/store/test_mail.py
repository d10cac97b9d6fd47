"""Copies: each is stored once, in the place where it is, with its bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from monitor.errors import StoreError
from monitor.model import Identification, ParseProblem, Send, StreamKey
from monitor.store.store import Store
from tests.store.build import DAY, HOUR, MINUTE, NOON, a_copy, a_visit


def the_send(store: Store) -> Send:
    [send] = store.sends()
    return send


def test_a_visit_brings_copies_their_send_and_the_checkpoint(store: Store) -> None:
    copies = [a_copy(1), a_copy(2, NOON + HOUR, subject="Another")]
    saved = store.save_visit(a_visit(copies), copies)
    assert (saved.new_copies, saved.known, saved.streams) == (2, 0, frozenset({"news.example.org"}))
    first, *others = store.sends()
    assert saved.new_sends == 1 + len(others)
    assert (first.at, first.stored_at, first.inboxes, first.copies) == (NOON, NOON + MINUTE, ("seed-1",), 1)
    assert (first.subject, first.placements, first.organisation) == ("To all", {"INBOX": 1}, "example.org")
    assert (first.delivery, first.account, first.platform) == ("Postbird", "customer:77", None)
    assert store.checkpoints("seed-1")["INBOX"].last_uid == 2
    assert store.checkpoints("seed-2") == {}


def test_the_bytes_come_back_as_they_were(store: Store) -> None:
    copy = a_copy(1, text="\x00 \x85 bare CR\r and so on " * 50)
    store.save_visit(a_visit([copy]), [copy])
    assert store.original(copy.raw.sha256) == copy.raw.raw


def test_the_same_visit_twice_is_the_same_as_once(store: Store) -> None:
    copies = [a_copy(1), a_copy(2, NOON + HOUR, subject="Another")]
    visit = a_visit(copies, since=NOON - HOUR)
    store.save_visit(visit, copies)
    before = (list(store.sends()), store.copies_total(), store.coverage())
    again = store.save_visit(visit, copies)
    assert (again.new_copies, again.known, again.new_sends) == (0, 2, 0)
    assert (list(store.sends()), store.copies_total(), store.coverage()) == before


def test_a_second_seed_inbox_makes_no_second_send(store: Store) -> None:
    for inbox, role in (("seed-1", "INBOX"), ("seed-2", "JUNK"), ("seed-3", "INBOX")):
        copies = [a_copy(1, inbox=inbox, role=role)]
        store.save_visit(a_visit(copies, inbox=inbox, role=role), copies)
    send = the_send(store)
    assert (send.copies, send.inboxes, send.placements) == (3, ("seed-1", "seed-2", "seed-3"), {"INBOX": 2, "JUNK": 1})


def test_a_changed_uidvalidity_counts_nothing_twice(store: Store) -> None:
    copies = [a_copy(1, text="x"), a_copy(2, NOON + HOUR, subject="Another", text="y")]
    store.save_visit(a_visit(copies), copies)
    again = [a_copy(7, text="x", uidvalidity=2), a_copy(8, NOON + HOUR, subject="Another", text="y", uidvalidity=2)]
    saved = store.save_visit(a_visit(again, uidvalidity=2), again)
    assert (saved.new_copies, saved.known) == (0, 2)
    assert [send.copies for send in store.sends()] == [1, 1]
    assert store.checkpoints("seed-1")["INBOX"].uidvalidity == 2


def test_a_message_that_comes_twice_and_leaves_one_place_at_once_counts_in_the_other(store: Store) -> None:
    copies = [a_copy(1, text="x"), a_copy(2, text="x", role="TAB:promotions")]
    store.save_visit(replace(a_visit(copies), vanished=((2, 2),)), copies)
    assert the_send(store).placements == {"INBOX": 1}


def test_a_uid_is_free_again_under_another_uidvalidity(store: Store) -> None:
    for validity, subject in ((1, "One"), (2, "Two")):
        copies = [a_copy(1, subject=subject, uidvalidity=validity)]
        store.save_visit(a_visit(copies, uidvalidity=validity), copies)
    assert [send.subject for send in store.sends()] == ["One", "Two"]


@pytest.mark.parametrize(
    ("first", "then", "counts_as"),
    [
        ("INBOX", "JUNK", "JUNK"),  # a provider that thinks again
        ("JUNK", "INBOX", "INBOX"),
        ("INBOX", "TAB:promotions", "TAB:promotions"),
        ("INBOX", "TRASH", "INBOX"),  # a person that tidies up
        ("JUNK", "ARCHIVE", "JUNK"),
        ("ARCHIVE", "INBOX", "INBOX"),
    ],
)
def test_a_copy_that_moves_is_no_second_copy(store: Store, first: str, then: str, counts_as: str) -> None:
    for uid, role in ((1, first), (9, then)):
        copies = [a_copy(uid, folder=role, role=role, text="same bytes")]
        store.save_visit(a_visit(copies, folder=role, role=role), copies)
    send = the_send(store)
    assert (send.copies, send.placements) == (1, {counts_as: 1})


def test_identical_bytes_twice_in_one_visit_are_one_copy(store: Store) -> None:
    copies = [a_copy(1, text="same"), a_copy(2, text="same")]
    assert store.save_visit(a_visit(copies), copies).new_copies == 1
    assert the_send(store).copies == 1


def test_a_message_without_a_usable_from_is_kept_and_belongs_to_no_stream(store: Store) -> None:
    copy = a_copy(1, stream=None)
    saved = store.save_visit(a_visit([copy]), [copy])
    assert (saved.new_copies, saved.new_sends, saved.streams) == (1, 0, frozenset())
    assert store.original(copy.raw.sha256) == copy.raw.raw
    assert list(store.sends()) == []


def test_a_mail_that_arrives_again_days_later_is_no_new_send(store: Store) -> None:
    first = a_copy(1, message_id="one@example.org")
    moved = a_copy(1, NOON, inbox="seed-2", message_id="one@example.org", seen_at=NOON + 3 * DAY)
    late = type(moved)(moved.raw, moved.message, moved.identification, moved.key, NOON + 3 * DAY, moved.send_fingerprints)
    for copy in (first, late):
        store.save_visit(a_visit([copy], inbox=copy.raw.inbox), [copy])
    send = the_send(store)
    assert (send.at, send.copies) == (NOON, 2)


def test_it_is_no_new_send_in_the_other_order_either(store: Store) -> None:
    first = a_copy(1, message_id="one@example.org")
    late = type(first)(first.raw, first.message, first.identification, first.key, NOON + 3 * DAY, first.send_fingerprints)
    store.save_visit(a_visit([late]), [late])
    number = store.changed_sends(0)[1]
    again = a_copy(1, inbox="seed-2", message_id="one@example.org")
    store.save_visit(a_visit([again], inbox="seed-2"), [again])
    changed, _ = store.changed_sends(number)
    assert [(send.at, send.copies) for send in changed] == [(NOON, 2)]
    assert [(send.at, send.copies) for send in store.sends()] == [(NOON, 2)]


def test_one_message_id_in_everything_does_not_melt_it_into_one_send(store: Store) -> None:
    copies = [a_copy(day, NOON + day * DAY, subject=f"Day {day}", message_id="always@example.org") for day in range(1, 4)]
    store.save_visit(a_visit(copies), copies)
    assert [send.subject for send in store.sends()] == ["Day 1", "Day 2", "Day 3"]


def test_what_a_database_cannot_hold_as_text_does_not_stop_it(store: Store) -> None:
    copy = a_copy(1, problems=(ParseProblem("subject", "NUL \x00 in it"),))
    odd = replace(copy.message, subject="a\x00b\udcff", message_id="x\x00@y")
    strange = type(copy)(
        copy.raw, odd, copy.identification, StreamKey("odd\x00@x.org", "x.org"), copy.at, ("subject:a\x00b\udcff",)
    )
    assert store.save_visit(a_visit([strange]), [strange]).new_copies == 1
    assert the_send(store).copies == 1


def test_fields_of_a_megabyte_are_kept_in_the_original_only(store: Store) -> None:
    copy = a_copy(1, message_id="m" * 1_000_000, subject="ß" * 1_000_000)
    long = replace(copy, key=StreamKey("ö" * 1_000_000, "ä" * 1_000_000), send_fingerprints=("subject:" + "ß" * 1_000_000,))
    for _ in range(2):
        store.save_visit(a_visit([long]), [long])
    send = the_send(store)
    assert (len(send.stream), len(send.subject or ""), len(send.message_id or "")) == (500, 500, 500)
    assert store.original(copy.raw.sha256) == copy.raw.raw


def test_totals_count_messages_once(store: Store) -> None:
    copies = [
        a_copy(1, problems=(ParseProblem("date", "no such month"), ParseProblem("date", "no zone"))),
        a_copy(2, NOON + HOUR, subject="Another", identification=Identification()),
    ]
    for _ in range(2):
        store.save_visit(a_visit(copies), copies)
    assert store.problems_total() == {"date": 1}
    assert store.identified_total() == {("Postbird", "likely"): 1, ("unknown", "none"): 1}
    assert store.copies_total() == {("news.example.org", d, "INBOX"): 1 for d in ("Postbird", "unknown")}


def test_an_import_can_be_repeated_and_needs_no_uids(store: Store) -> None:
    copies = [
        a_copy(1, NOON + n * HOUR, inbox="import:attic", folder=f"{n % 2}.mbox", subject=f"No {n}", text=str(n)) for n in range(7)
    ]
    first = store.save_imported(iter(copies), batch=3)
    assert (first.new_copies, first.known, first.new_sends, first.streams) == (7, 0, 7, frozenset({"news.example.org"}))
    again = store.save_imported(reversed(copies), batch=2)
    assert (again.new_copies, again.known, again.new_sends) == (0, 7, 0)
    assert [send.subject for send in store.sends()] == [f"No {n}" for n in range(7)]
    assert store.coverage() == []


def test_the_last_mail_comes_with_its_evidence_and_the_name_of_its_bytes(store: Store) -> None:
    plain = a_copy(1, NOON + HOUR, inbox="seed-2", identification=Identification())
    telling = a_copy(1, NOON + HOUR + MINUTE)
    for copy in (a_copy(5, subject="Before"), plain, telling):
        store.save_visit(a_visit([copy], inbox=copy.raw.inbox), [copy])
    last = store.last_identification("news.example.org")
    assert last is not None
    assert last.send.at == NOON + HOUR
    assert last.send.delivery == "Postbird"
    assert last.identification == telling.identification
    assert (last.copy.sha256, last.copy.inbox, last.copy.folder) == (telling.raw.sha256, "seed-1", "INBOX")
    assert last.copy.link_hosts == ("click.example.org",)
    assert store.last_identification("nobody.example.org") is None


def test_a_stream_follows_its_organisation_when_settings_change(store: Store) -> None:
    for uid, organisation in ((1, "example.org"), (2, "The Committee")):
        copies = [a_copy(uid, NOON + uid * HOUR, subject=str(uid), organisation=organisation)]
        store.save_visit(a_visit(copies), copies)
    assert {send.organisation for send in store.sends()} == {"The Committee"}


def test_an_original_that_was_damaged_or_lost_is_said_so(store: Store, tmp_path: Path) -> None:
    copies = [a_copy(1), a_copy(2, NOON + HOUR, subject="Another")]
    store.save_visit(a_visit(copies), copies)
    first, second = (tmp_path / "originals" / c.raw.sha256[:2] / f"{c.raw.sha256}.zst" for c in copies)
    first.unlink()
    second.write_bytes(second.read_bytes()[:-3] + b"\x00\x01\x02")
    with pytest.raises(StoreError, match="missing; restore it from a backup"):
        store.original(copies[0].raw.sha256)
    with pytest.raises(StoreError, match="restore it from a backup"):
        store.original(copies[1].raw.sha256)
