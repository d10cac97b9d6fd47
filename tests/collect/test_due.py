"""Due: nothing is polled twice at once, nothing is forgotten, and no server or inbox delays another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.collect.due import DueQueue
from monitor.model import FailureCause

NOON = datetime(2021, 1, 6, 12, tzinfo=UTC)
FIVE = timedelta(minutes=5)


def queue(*names: str, every: timedelta = FIVE, hosts: dict[str, str] | None = None, per_host: int | None = None) -> DueQueue:
    return DueQueue(dict.fromkeys(names, every), start=NOON, rng=Random(1), hosts=hosts, per_host=per_host)


def test_first_polls_are_spread_over_half_a_minute() -> None:
    due = queue("a", "b", "c")
    assert [name for name, _ in due.take(NOON, 9)] == ["a"]
    assert due.take(NOON + timedelta(seconds=9), 9) == []
    assert [name for name, _ in due.take(NOON + timedelta(seconds=20), 9)] == ["b", "c"]


def test_an_inbox_is_due_a_period_after_its_last_poll_began_however_long_it_took() -> None:
    due = queue("a")
    due.take(NOON, 1)
    assert due.running == {"a"}
    assert due.take(NOON + 10 * FIVE, 1) == []
    due.succeeded("a", NOON)
    assert due.take(NOON + FIVE - timedelta(seconds=1), 1) == []
    assert due.take(NOON + FIVE + timedelta(seconds=2), 1) == [("a", timedelta(seconds=2))]


def test_a_busy_server_delays_no_other() -> None:
    due = queue("a1", "a2", "a3", "b1", hosts={"a1": "A", "a2": "A", "a3": "A", "b1": "B"}, per_host=2)
    later = NOON + timedelta(minutes=1)
    assert [name for name, _ in due.take(later, 9)] == ["a1", "a2", "b1"]
    due.succeeded("a2", later)
    assert [name for name, _ in due.take(later, 9)] == ["a3"]


@pytest.mark.parametrize("cause", [cause for cause in FailureCause if cause is not FailureCause.FOLDER])
def test_waits_grow_with_failures_up_to_an_hour_and_end_with_a_success(cause: FailureCause) -> None:
    due = queue("a", every=timedelta(seconds=10))
    now, waits = NOON, []
    for _ in range(12):
        due.take(now, 1)
        due.failed("a", now, cause)
        assert due.next_due is not None
        waits.append(due.next_due - now)
        now = due.next_due
    assert waits[1] > waits[0]
    assert timedelta(minutes=48) <= waits[-1] <= timedelta(minutes=72)
    due.take(now, 1)
    due.succeeded("a", now)
    assert due.next_due == now + timedelta(seconds=10)


def test_a_wrong_password_is_not_tried_for_a_quarter_of_an_hour_give_or_take_a_fifth() -> None:
    due = queue("a")
    due.take(NOON, 1)
    due.failed("a", NOON, FailureCause.LOGIN)
    assert due.next_due is not None
    assert timedelta(minutes=12) <= due.next_due - NOON <= timedelta(minutes=18)


def test_one_folder_that_failed_does_not_slow_the_inbox_down() -> None:
    due = queue("a")
    for start in (NOON, NOON + FIVE):
        due.take(start, 1)
        due.failed("a", start, FailureCause.FOLDER)
        assert due.next_due == start + FIVE


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.booleans(), st.integers(0, 600)), max_size=60), st.integers(1, 3))
def test_every_inbox_is_always_either_queued_or_running(steps: list[tuple[str, bool, int]], per_host: int) -> None:
    due = queue(*"abcde", hosts=dict.fromkeys("abcde", "host"), per_host=per_host)
    now, taken = NOON, set[str]()
    for name, good, seconds in steps:
        now += timedelta(seconds=seconds)
        for fresh, late in due.take(now, 2):
            assert fresh not in taken
            assert late >= timedelta(0)
            taken.add(fresh)
        assert len(taken) <= per_host
        if name in taken:
            taken.discard(name)
            if good:
                due.succeeded(name, now)
            else:
                due.failed(name, now, FailureCause.NETWORK)
    for name in list(taken):
        due.succeeded(name, now)
    everything = set[str]()
    while some := due.take(now + timedelta(days=1), 9):
        everything |= {name for name, _ in some}
        for name, _ in some:
            due.succeeded(name, now + timedelta(days=1))
    assert everything == set("abcde")


def test_news_make_an_inbox_due_now_and_while_it_is_polled_right_after() -> None:
    due = queue("a", "b")
    later = NOON + timedelta(minutes=1)
    for name, _ in due.take(later, 9):
        due.succeeded(name, later)
    due.hasten("b", later)
    due.hasten("nobody", later)
    assert due.take(later, 9) == [("b", timedelta(0))]
    due.hasten("b", later)
    due.succeeded("b", later)
    assert due.take(later, 9) == [("b", timedelta(0))]
    due.succeeded("b", later)
    assert due.take(later, 9) == []
    assert [name for name, _ in due.take(later + FIVE, 9)] == ["a", "b"]
