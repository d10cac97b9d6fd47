"""Due: nothing is polled twice at once, nothing is forgotten, and no server or inbox delays another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.collect.due import NEWS_APART, DueQueue
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
    for name, _ in due.take(NOON + timedelta(seconds=30), 9):
        due.succeeded(name, later)
    due.hasten("b", later)
    due.hasten("nobody", later)
    assert due.take(later, 9) == [("b", timedelta(0))]
    due.hasten("b", later)
    due.succeeded("b", later)
    later += NEWS_APART
    assert due.take(later, 9) == [("b", timedelta(0))]
    due.succeeded("b", later)
    assert due.take(later, 9) == []
    assert [name for name, _ in due.take(later + FIVE, 9)] == ["a", "b"]


def test_a_server_that_tells_of_news_without_end_is_not_polled_without_a_pause() -> None:
    due = queue("a")
    polls = 0
    for tenth in range(100):
        now = NOON + timedelta(seconds=tenth / 10)
        for name, _ in due.take(now, 9):
            polls += 1
            due.succeeded(name, now)
        due.hasten("a", now)
    assert polls == 10 / NEWS_APART.total_seconds()


def test_news_bring_forward_what_is_due_and_never_put_it_off() -> None:
    due = queue("a", every=NEWS_APART / 5)
    due.take(NOON, 9)
    due.succeeded("a", NOON)
    due.hasten("a", NOON)
    assert due.take(NOON + NEWS_APART / 5, 9) == [("a", timedelta(0))]


def many(host: str, number: int) -> dict[str, str]:
    return {f"{host}{n}": host for n in range(number)}


def test_the_first_polls_of_thousands_are_spread_over_minutes_and_never_over_more_than_a_period() -> None:
    due = queue(*map(str, range(6000)))
    busiest = max(len(due.take(NOON + timedelta(seconds=second), 6000)) for second in range(121))
    assert busiest <= 51
    assert len(due.running) == 6000
    brief = queue(*map(str, range(6000)), every=timedelta(seconds=10))
    assert len(brief.take(NOON + timedelta(seconds=10), 6000)) == 6000


def test_news_go_before_what_is_regular_and_bodies_that_are_left_come_last() -> None:
    due = queue("a", "b", "c")
    later = NOON + timedelta(minutes=1)
    due.take(later, 9)
    due.succeeded("a", later, has_more=True)
    due.succeeded("b", later)
    due.succeeded("c", later - FIVE)
    later += NEWS_APART
    due.hasten("b", later)
    assert [name for name, _ in due.take(later, 9)] == ["b", "c", "a"]
    for name in "abc":
        due.succeeded(name, later, has_more=name == "a")
    assert not due.is_behind(later)
    assert due.take(later, 9) == [("a", timedelta(0))]
    due.succeeded("a", later)
    assert due.take(later, 9) == []


def test_a_backlog_that_had_no_turn_is_a_regular_poll_when_its_time_comes() -> None:
    due = queue("a", "b", every=FIVE)
    later = NOON + timedelta(minutes=1)
    due.take(later, 9)
    due.succeeded("a", later, has_more=True)
    due.succeeded("b", later + FIVE)
    assert due.take(later + FIVE, 1) == [("a", timedelta(0))]
    due.succeeded("a", later + FIVE)
    assert due.take(later + FIVE + timedelta(seconds=1), 9) == []


def test_slow_servers_leave_workers_for_those_that_answer() -> None:
    slow = {name: host for letter in "ABCD" for name, host in many(letter, 20).items()}
    due = queue(*slow, "quick", hosts={**slow, "quick": "Q"}, per_host=8)
    now = NOON + timedelta(seconds=29)
    taken = due.take(now, 16)
    assert len(taken) == 14  # three quarters as they come, and then one for each server that had none
    assert [name for name, _ in due.take(NOON + timedelta(seconds=31), 2)] == ["quick"]


def test_what_a_late_inbox_waited_for_is_known() -> None:
    hosts = many("A", 3)
    due = queue(*hosts, hosts=hosts, per_host=1)
    later = NOON + timedelta(minutes=1)
    [(first, _)] = due.take(later, 9)
    assert due.why_late(first) == "all workers were busy"
    due.succeeded(first, later)
    [(second, late)] = due.take(later + timedelta(minutes=1), 9)
    assert (due.why_late(second), late > timedelta(minutes=1)) == ("its server is busy with others", True)


def fail_all(due: DueQueue, now: datetime, most: int, cause: FailureCause = FailureCause.NETWORK) -> list[str]:
    names = [name for name, _ in due.take(now, most)]
    for name in names:
        due.failed(name, now, cause, now)
    return names


def test_a_server_that_refuses_many_is_tried_with_one_at_a_time_until_it_works() -> None:
    hosts = {**many("A", 200), "b": "B"}
    due = queue(*hosts, hosts=hosts, per_host=4)
    now, tried = NOON + timedelta(minutes=1), []
    while now < NOON + timedelta(hours=2):
        if names := [name for name in fail_all(due, now, 9) if name != "b"]:
            tried += names
        now += timedelta(seconds=10)
    assert 8 < len(tried) < 25
    assert len(set(tried)) == len(tried)  # each time another one
    assert due.left_alone == {"A"}
    assert due.has_tried_all()
    while not (trial := [name for name, _ in due.take(now, 9) if name != "b"]):
        now += timedelta(seconds=10)
    assert len(trial) == 1
    due.succeeded(trial[0], now)
    assert due.left_alone == frozenset()
    read = 0
    for second in range(40):
        for name, _ in due.take(now + timedelta(seconds=second), 9):
            due.succeeded(name, now + timedelta(seconds=second))
            read += name != "b"
    assert read >= 150  # all of them are read again at once, four at a time


@pytest.mark.parametrize(("cause", "opens"), [(FailureCause.LOGIN, 10), (FailureCause.TLS, 3), (FailureCause.THROTTLED, 3)])
def test_so_many_in_a_row_are_the_servers_failure(cause: FailureCause, opens: int) -> None:
    hosts = many("A", 12)
    due = queue(*hosts, hosts=hosts)
    later = NOON + timedelta(minutes=1)
    for number, (name, _) in enumerate(due.take(later, opens), 1):
        assert due.left_alone == frozenset()
        due.failed(name, later, cause, later)
        assert bool(due.left_alone) == (number == opens)


def test_what_failed_elsewhere_is_not_the_servers_failure() -> None:
    hosts = many("A", 12)
    due = queue(*hosts, hosts=hosts)
    later = NOON + timedelta(minutes=1)
    for name, _ in due.take(later, 12):
        due.failed(name, later, FailureCause.NETWORK, later, elsewhere=True)
    assert due.left_alone == frozenset()
    assert due.take(later + timedelta(seconds=20), 12) == []  # each of them waits all the same


def test_one_inbox_that_is_read_shows_that_the_server_works() -> None:
    hosts = many("A", 12)
    due = queue(*hosts, hosts=hosts)
    later = NOON + timedelta(minutes=1)
    names = [name for name, _ in due.take(later, 12)]
    for place, name in enumerate(names):
        if place % 3 == 2:
            due.succeeded(name, later)
        else:
            due.failed(name, later, FailureCause.NETWORK, later)
    assert due.left_alone == frozenset()


def test_taking_costs_no_more_where_thousands_wait_at_a_server_that_is_left_alone() -> None:
    """Counted in steps through the queue's entries, not in time."""

    def steps(number: int) -> int:
        hosts = many("A", number)
        due = queue(*hosts, hosts=hosts, per_host=4)
        now = NOON + timedelta(hours=1)
        fail_all(due, now, 4)
        counted = 0
        valid = due._is_valid

        def counting(entry: object) -> bool:
            nonlocal counted
            counted += 1
            return valid(entry)  # type: ignore[arg-type]

        due._is_valid = counting  # type: ignore[method-assign]
        for second in range(20):
            due.take(now + timedelta(seconds=second), 9)
        return counted

    assert steps(4000) <= 2.5 * steps(2000)
    assert steps(4000) < 100


def test_a_clock_that_is_set_back_makes_nobody_wait_until_it_has_run_on() -> None:
    hosts = {**many("A", 5), "b": "B"}
    due = queue(*hosts, hosts=hosts)
    ahead = NOON + timedelta(days=365)
    fail_all(due, ahead, 5)
    assert due.left_alone == {"A"}
    for name, _ in due.take(ahead, 9):
        due.succeeded(name, ahead)
    due.take(NOON, 9)
    assert due.next_due is not None
    assert due.next_due < NOON + FIVE
    taken = {name for minute in range(61) for name, _ in due.take(NOON + timedelta(minutes=minute), 9)}
    assert "b" in taken
    assert len(taken) == 2  # and one as a trial of the server that is left alone
