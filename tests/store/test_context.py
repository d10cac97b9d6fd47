"""Context: what the texts of an alert may say was seen, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.model import AlertContext, Confidence, FindingKind, NewCopy
from monitor.store.store import Store
from tests.store.build import DAY, HOUR, MINUTE, NOON, POSTBIRD, a_copy, a_visit
from tests.store.test_alerts import a_gap

SILENT = replace(a_gap(at=NOON + DAY), since=NOON)


def polls(store: Store, inbox: str, *hours: int, copies: tuple[NewCopy, ...] = ()) -> None:
    """A poll at each of these hours after noon that proves the hour before; the first one brings the copies."""
    for hour in hours:
        at = NOON + hour * HOUR
        store.save_visit(a_visit(copies, inbox=inbox, at=at, since=at - HOUR), copies)
        copies = ()


@pytest.fixture
def seen(store: Store) -> Store:
    """A stream's last mail at noon in two inboxes, and others that go on; the first inbox is blind from 3 to 5."""
    polls(store, "seed-1", 1, 2, 3, 6, 7, copies=(a_copy(1),))
    polls(store, "seed-2", 1, 2, 3, 4, copies=(a_copy(1, inbox="seed-2"),))
    others = (
        a_copy(11, NOON + HOUR, subject="kin", stream="shop.example.org"),
        a_copy(12, NOON + 2 * HOUR, subject="x", stream="other.example", organisation="other.example"),
        a_copy(13, NOON - 2 * HOUR, subject="y", stream="other.example", organisation="other.example"),
    )
    store.save_visit(a_visit(others, at=NOON + 7 * HOUR), others)
    elsewhere = (a_copy(11, NOON + HOUR, inbox="seed-9", subject="far", stream="far.example", organisation="far.example"),)
    store.save_visit(a_visit(elsewhere, inbox="seed-9"), elsewhere)
    return store


def test_the_last_mail_is_named_with_its_infrastructure(seen: Store) -> None:
    context = seen.context(SILENT, NOON + 7 * HOUR)
    assert context.last_send is not None
    assert (context.last_send.at, context.last_send.delivery) == (NOON, "Postbird")
    assert (context.last_evidence, context.confidence) == (POSTBIRD.evidence, Confidence.LIKELY)
    assert context.inboxes == ("seed-1", "seed-2")


def test_polls_and_covered_time_count_from_the_last_mail_on(seen: Store) -> None:
    context = seen.context(SILENT, NOON + 7 * HOUR)
    assert context.polls_since == 9
    assert context.covered_since == 6 * HOUR


def test_an_ended_silence_is_measured_to_its_end(seen: Store) -> None:
    ended = replace(SILENT, resumed_at=NOON + 2 * HOUR)
    assert seen.context(ended, NOON + 7 * HOUR).covered_since == 2 * HOUR


def test_others_count_where_they_reached_the_same_inboxes(seen: Store) -> None:
    context = seen.context(SILENT, NOON + 7 * HOUR)
    assert (context.others_sends, context.others_streams, context.others_last_at) == (2, 2, NOON + 2 * HOUR)
    assert [send.stream for send in context.same_organisation] == ["shop.example.org"]


def test_links_to_the_same_hosts_as_the_last_mail_are_named(store: Store) -> None:
    linking = [
        replace(copy, message=replace(copy.message, link_hosts=hosts))
        for copy, hosts in (
            (a_copy(1), ("click.example.org", "www.example.org")),
            (a_copy(2, NOON + HOUR, subject="kin", stream="shop.example.org"), ("pay.example.net", "click.example.org")),
            (a_copy(3, NOON + 2 * HOUR, subject="other", stream="club.example.org"), ("pay.example.net",)),
        )
    ]
    store.save_visit(a_visit(linking, at=NOON + 3 * HOUR), linking)
    context = store.context(SILENT, NOON + 3 * HOUR)
    shop, _ = context.same_organisation
    assert context.shared_link_hosts == {shop.id: ("click.example.org",)}


def test_a_mail_after_the_silence_is_not_its_last_one(seen: Store) -> None:
    later = (a_copy(21, NOON + 8 * HOUR, subject="We are back"),)
    seen.save_visit(a_visit(later, at=NOON + 9 * HOUR), later)
    context = seen.context(SILENT, NOON + 9 * HOUR)
    assert context.last_send is not None
    assert context.last_send.at == NOON


def test_a_group_takes_the_newest_mail_of_its_members(seen: Store) -> None:
    assert SILENT.finding is not None
    finding = replace(SILENT.finding, members=("news.example.org", "shop.example.org"))
    group = replace(SILENT, kind=FindingKind.GROUP_GAP, subject="Postbird", finding=finding, since=NOON + 90 * MINUTE)
    context = seen.context(group, NOON + 7 * HOUR)
    assert context.last_send is not None
    assert context.last_send.stream == "shop.example.org"
    assert context.others_streams == 1


def test_a_blind_inbox_and_an_unknown_stream_bring_nothing_invented(seen: Store) -> None:
    blind = replace(SILENT, kind=FindingKind.INBOX_BLIND, subject="seed-1")
    assert seen.context(blind, NOON) == AlertContext(inboxes=("seed-1",))
    unknown = replace(a_gap("nobody.example"), finding=None)
    assert seen.context(unknown, NOON) == AlertContext()
