"""What was covered for a stream, and who witnessed: by inbox and by any of them, with what failed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from monitor.model import Coverage, CoverageKind, FailureCause, PollFailure
from monitor.store.covered import Stretch, any_of, covered_time, holes, inbox_stretches
from monitor.store.store import Store
from tests.store.build import DAY, HOUR, MINUTE, NOON, a_copy, a_visit

LIVE, RETROSPECTIVE = CoverageKind.LIVE, CoverageKind.RETROSPECTIVE
NEWS = "news.example.org"


def look(store: Store, inbox: str, start: int, end: int, folder: str = "INBOX", kind: CoverageKind = LIVE) -> None:
    store.save_visit(a_visit(inbox=inbox, folder=folder, since=NOON + start * HOUR, at=NOON + end * HOUR, kind=kind), [])


def mail(store: Store, inbox: str, *hours: int) -> None:
    copies = [a_copy(10 + hour, NOON + hour * HOUR, inbox=inbox, subject=f"At {hour}") for hour in hours]
    store.save_visit(a_visit(copies, inbox=inbox, at=NOON), copies)


def hours(stretches: tuple[Stretch, ...]) -> list[tuple[float, float, CoverageKind]]:
    return [((s.start - NOON) / HOUR, (s.end - NOON) / HOUR, s.kind) for s in stretches]


def test_each_inbox_of_a_stream_says_what_it_saw_and_when(store: Store) -> None:
    mail(store, "one", 1, 5)
    mail(store, "two", 1)
    look(store, "one", 0, 6)
    look(store, "one", 0, 4, "Junk")
    look(store, "one", 5, 6, "Junk", RETROSPECTIVE)
    look(store, "two", 2, 3)
    look(store, "other", 0, 10)
    store.record_failure(PollFailure("two", None, NOON + 4 * HOUR, FailureCause.NETWORK, "gone"))
    store.record_failure(PollFailure("two", None, NOON + 5 * HOUR, FailureCause.NETWORK, "still gone"))
    found = store.witnessed(NOON, NOON + 8 * HOUR, NEWS)
    one, two = found.inboxes
    assert (one.inbox, one.sends, one.last_at) == ("one", 2, NOON + 5 * HOUR)
    assert hours(one.stretches) == [(0, 4, LIVE), (5, 6, RETROSPECTIVE)]
    assert (one.covered(), one.covered(LIVE), one.failures) == (5 * HOUR, 4 * HOUR, ())
    assert (two.inbox, two.sends, hours(two.stretches)) == ("two", 1, [(2, 3, LIVE)])
    [run] = two.failures
    assert (run.first_at, run.last_at, run.times, run.detail) == (NOON + 4 * HOUR, NOON + 5 * HOUR, 2, "still gone")
    assert hours(found.stretches) == [(0, 4, LIVE), (5, 6, RETROSPECTIVE)]


def test_a_witness_counts_though_it_got_nothing_in_that_time(store: Store) -> None:
    mail(store, "one", 1)
    look(store, "one", 0, 100)
    [one] = store.witnessed(NOON + 50 * HOUR, NOON + 60 * HOUR, NEWS).inboxes
    assert (one.sends, one.last_at, one.covered()) == (0, None, 10 * HOUR)
    assert store.witnessed(NOON - 9 * HOUR, NOON, NEWS).inboxes == ()  # nobody got it before
    assert [w.inbox for w in store.witnessed(NOON, NOON + HOUR).inboxes] == ["one"]
    assert [w.covered() for w in store.witnessed(NOON, NOON + HOUR, inboxes=["one", "nobody"]).inboxes] == [HOUR, timedelta()]


def test_a_folder_that_came_later_takes_nothing_from_the_time_before(store: Store) -> None:
    look(store, "one", 0, 10)
    look(store, "one", 6, 10, "New")
    [one] = store.witnessed(NOON + 2 * HOUR, NOON + 10 * HOUR, inboxes=["one"]).inboxes
    assert hours(one.stretches) == [(2, 10, LIVE)]


spans = st.lists(
    st.tuples(st.sampled_from(["INBOX", "Junk"]), st.integers(0, 30), st.integers(1, 9), st.sampled_from([LIVE, RETROSPECTIVE])),
    max_size=12,
)


@given(spans)
def test_it_is_what_counting_minute_by_minute_gives(drawn: list[tuple[str, int, int, CoverageKind]]) -> None:
    intervals = [Coverage("a", f, NOON + a * MINUTE, NOON + (a + n) * MINUTE, kind) for f, a, n, kind in drawn]
    start, end = NOON + 3 * MINUTE, NOON + 33 * MINUTE

    def proven(minute: int, kinds: set[CoverageKind]) -> bool:
        at = NOON + minute * MINUTE
        return all(any(c.folder == f and c.kind in kinds and c.start <= at < c.end for c in intervals) for f in ("INBOX", "Junk"))

    stretches = inbox_stretches(intervals, ("INBOX", "Junk"), start, end)
    for minute in range(3, 33):
        at = NOON + minute * MINUTE
        kinds = [s.kind for s in stretches if s.start <= at < s.end]
        expected = [LIVE] if proven(minute, {LIVE}) else [RETROSPECTIVE] if proven(minute, {LIVE, RETROSPECTIVE}) else []
        assert kinds == expected
        assert any(a <= at < b for a, b in holes(stretches, start, end)) == (not expected)
    assert any_of([*stretches, *stretches]) == stretches
    assert covered_time(intervals, {"a": ("INBOX", "Junk")}, start, end) == sum((s.end - s.start for s in stretches), timedelta())


def test_asking_walks_indexes_and_no_table(tmp_path: Path) -> None:
    """Every statement of the answer, as SQLite plans it: none of them reads all of coverage, copies, sends or failures."""
    with Store.open(f"sqlite:///{tmp_path}/x.sqlite3", tmp_path) as store:
        mail(store, "one", 1)
        look(store, "one", 0, 6)
        statements: list[tuple[str, object]] = []
        with store._database.read() as connection:
            connection.connection.driver_connection.set_trace_callback(lambda s: statements.append((s, None)))  # type: ignore[union-attr]
        store.witnessed(NOON, NOON + DAY, NEWS)
        with store._database.read() as connection:
            connection.connection.driver_connection.set_trace_callback(None)  # type: ignore[union-attr]
            asked = [s for s, _ in statements if s.startswith("SELECT")]
            plans = [str(row) for s in asked for row in connection.execute(text("EXPLAIN QUERY PLAN " + s.replace(":", r"\:")))]
    assert len(asked) >= 5
    scanned = [plan for plan in plans if "SCAN" in plan]
    assert not [plan for plan in scanned if any(t in plan for t in ("coverage", "copies", "sends", "failures"))], scanned


def test_a_year_with_a_hole_a_month_takes_three_rows_a_month(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/year.sqlite3", tmp_path) as store:
        for month in range(12):
            for n in range(20):
                look(store, "one", month * 720 + n * 30, month * 720 + (n + 1) * 30)
            for n in range(40):
                at = NOON + (month * 720 + 610 + n) * HOUR
                store.record_failure(PollFailure("one", None, at, FailureCause.NETWORK, f"refused, ticket {n}"))
            look(store, "one", month * 720 + 600, month * 720 + 660, kind=RETROSPECTIVE)
            look(store, "one", month * 720 + 660, month * 720 + 720)
        assert len(store.coverage()) <= 3 * 12
        assert [run.times for run in store.failure_runs()] == [40] * 12


@pytest.mark.parametrize("other", [FailureCause.TIMEOUT, FailureCause.LOGIN])
def test_another_cause_or_a_look_that_worked_begins_another_run(store: Store, other: FailureCause) -> None:
    for minute, cause in enumerate((FailureCause.NETWORK, FailureCause.NETWORK, other, FailureCause.NETWORK)):
        store.record_failure(PollFailure("one", None, NOON + minute * MINUTE, cause, "x"))
    look(store, "one", 1, 2)
    store.record_failure(PollFailure("one", None, NOON + 3 * HOUR, FailureCause.NETWORK, "x"))
    runs = store.failure_runs(NOON, NOON + DAY)
    assert [(run.cause, run.times) for run in runs] == [
        (FailureCause.NETWORK, 2),
        (other, 1),
        (FailureCause.NETWORK, 1),
        (FailureCause.NETWORK, 1),
    ]
    assert store.failure_runs(start=NOON + 4 * HOUR) == []
    assert [run.times for run in store.failure_runs(inboxes=["one"], end=NOON + MINUTE)] == [2]
