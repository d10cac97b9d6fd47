"""Canaries: kept before they are sent, marked after, and marked once more where they arrive."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.model import Canary, MissingCanaries
from monitor.store.store import Store
from tests.store.build import DAY, HOUR, MINUTE, NOON, a_copy, a_visit


def a_canary(number: int, at: datetime, inbox: str = "seed-1") -> Canary:
    return Canary(inbox, f"{number:032x}", at)


def sent(store: Store, number: int, at: datetime, inbox: str = "seed-1") -> Canary:
    canary = a_canary(number, at, inbox)
    store.keep_canaries([canary])
    taken = replace(canary, sent_at=at, tries=1)
    store.mark_canaries([taken])
    return taken


def arrive(store: Store, canary: Canary, at: datetime, inbox: str = "seed-1", folder: str = "INBOX", role: str = "INBOX") -> None:
    uid = int(canary.token, 16)
    copy = replace(a_copy(uid, at, inbox=inbox, folder=folder, role=role, stream=None), canary=canary.token)
    store.save_visit(a_visit([copy], inbox=inbox, folder=folder, role=role), [copy])


def test_one_that_was_kept_and_never_marked_is_there_after_a_crash(store: Store) -> None:
    canary = a_canary(1, NOON)
    store.keep_canaries([canary])
    assert store.newest_canaries() == {"seed-1": canary}
    assert store.missing_canaries(NOON + DAY, NOON - DAY) == []
    assert store.unsent_canaries() == []


def test_an_arrival_is_noted_with_its_time_and_place_and_makes_no_send(store: Store) -> None:
    canary = sent(store, 1, NOON)
    arrive(store, canary, NOON + 40 * timedelta(seconds=1), folder="Junk", role="JUNK")
    newest = store.newest_canaries()["seed-1"]
    assert (newest.arrived_at, newest.role) == (NOON + timedelta(seconds=40), "JUNK")
    assert list(store.sends()) == []
    assert store.copies_total() == {}
    assert store.canaries_total() == {("seed-1", "sent"): 1, ("seed-1", "junk"): 1}
    assert store.canary_delays_total() == {"seed-1": timedelta(seconds=40)}
    record = store.canary_records(NOON)["seed-1"]
    assert (record.newest, record.last_arrived, record.delays) == (newest, newest, (timedelta(seconds=40),))


def test_only_the_first_arrival_in_the_inbox_that_it_was_sent_to_counts(store: Store) -> None:
    canary = sent(store, 1, NOON)
    arrive(store, canary, NOON + MINUTE, inbox="seed-2")
    assert store.newest_canaries()["seed-1"].arrived_at is None
    arrive(store, canary, NOON + 2 * MINUTE)
    arrive(store, canary, NOON + 9 * MINUTE)
    assert store.newest_canaries()["seed-1"].arrived_at == NOON + 2 * MINUTE
    assert store.canaries_total()["seed-1", "inbox"] == 1


def test_a_delivery_that_seems_earlier_than_the_sending_took_no_time(store: Store) -> None:
    """INTERNALDATE has whole seconds."""
    arrive(store, sent(store, 1, NOON + timedelta(milliseconds=700)), NOON)
    assert store.canary_records(NOON)["seed-1"].delays == (timedelta(0),)
    assert store.canary_delays_total() == {"seed-1": timedelta(0)}


def test_missing_ones_come_in_runs_with_their_neighbours_that_arrived(store: Store) -> None:
    canaries = [sent(store, n, NOON + n * HOUR) for n in range(8)]
    for n in (0, 4, 5):
        arrive(store, canaries[n], NOON + n * HOUR + MINUTE)
    sent(store, 100, NOON + HOUR, "seed-2")
    arrived_after = NOON + 4 * HOUR + MINUTE
    assert store.missing_canaries(NOON + DAY, NOON - DAY) == [
        MissingCanaries("seed-1", NOON + HOUR, 3, NOON, NOON + 4 * HOUR, arrived_after),
        MissingCanaries("seed-1", NOON + 6 * HOUR, 2, NOON + 5 * HOUR, None, None),
        MissingCanaries("seed-2", NOON + HOUR, 1, None, None, None),
    ]
    assert [run.number for run in store.missing_canaries(NOON + 7 * HOUR, NOON + 2 * HOUR)] == [2, 1]


def test_those_that_could_not_be_sent_are_told_until_one_is(store: Store) -> None:
    sent(store, 1, NOON)
    failed = replace(a_canary(2, NOON + HOUR), tries=3, error="the mail server refuses the user")
    store.keep_canaries([a_canary(2, NOON + HOUR)])
    store.mark_canaries([failed])
    assert store.unsent_canaries() == [failed]
    assert store.canaries_total()["seed-1", "failed"] == 1
    sent(store, 3, NOON + 2 * HOUR)
    assert store.unsent_canaries() == []


def test_old_ones_about_which_no_question_is_left_are_forgotten(store: Store) -> None:
    canaries = [sent(store, n, NOON + n * HOUR) for n in range(6)]
    for n in (0, 1, 2, 4, 5):
        arrive(store, canaries[n], NOON + n * HOUR + MINUTE)
    before = store.missing_canaries(NOON + DAY, NOON - DAY)
    store.forget_canaries(NOON + DAY)
    assert store.missing_canaries(NOON + DAY, NOON - DAY) == before
    arrived = store.canary_records(NOON)["seed-1"].delays
    assert len(arrived) == 4, "the first of the three in a row that had neighbours is gone"
    store.forget_canaries(NOON + DAY)
    assert len(store.canary_records(NOON)["seed-1"].delays) == 4
