"""Coverage and health: intervals stay merged, holes stay holes, failures stand until the folder is read again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.model import Coverage, CoverageKind, FailureCause, PollFailure
from monitor.store.covered import covered_time
from monitor.store.store import Store
from tests.store.build import DAY, HOUR, MINUTE, NOON, a_visit


def poll(
    store: Store, at: object, since: object, folder: str = "INBOX", kind: CoverageKind = CoverageKind.LIVE, inbox: str = "seed-1"
) -> None:
    store.save_visit(a_visit(inbox=inbox, folder=folder, at=at, since=since, kind=kind), [])  # type: ignore[arg-type]


def test_polls_in_a_row_are_one_interval(store: Store) -> None:
    for n in range(1, 6):
        poll(store, NOON + n * MINUTE, NOON + (n - 1) * MINUTE)
    assert store.coverage() == [Coverage("seed-1", "INBOX", NOON, NOON + 5 * MINUTE, CoverageKind.LIVE, polls=5)]


def test_a_hole_stays_a_hole_and_what_was_proven_later_says_so(store: Store) -> None:
    poll(store, NOON + HOUR, NOON)
    poll(store, NOON + 5 * HOUR, NOON + 4 * HOUR)
    poll(store, NOON + 9 * HOUR, NOON + 5 * HOUR, kind=CoverageKind.RETROSPECTIVE)
    poll(store, NOON + 10 * HOUR, NOON + 9 * HOUR)
    assert [(c.start, c.end, c.kind) for c in store.coverage()] == [
        (NOON, NOON + HOUR, CoverageKind.LIVE),
        (NOON + 4 * HOUR, NOON + 5 * HOUR, CoverageKind.LIVE),
        (NOON + 5 * HOUR, NOON + 9 * HOUR, CoverageKind.RETROSPECTIVE),
        (NOON + 9 * HOUR, NOON + 10 * HOUR, CoverageKind.LIVE),
    ]


def test_folders_and_inboxes_are_kept_apart_and_asked_for_by_time(store: Store) -> None:
    poll(store, NOON + HOUR, NOON)
    poll(store, NOON + 2 * HOUR, NOON, folder="Spam")
    poll(store, NOON + 3 * HOUR, NOON, inbox="seed-2")
    assert [c.folder for c in store.coverage(inbox="seed-1")] == ["INBOX", "Spam"]
    assert [(c.inbox, c.folder) for c in store.coverage(start=NOON + HOUR)] == [("seed-1", "Spam"), ("seed-2", "INBOX")]
    assert store.coverage(end=NOON) == []


def test_a_visit_without_proof_leaves_a_checkpoint_only(store: Store) -> None:
    poll(store, NOON, None)
    assert store.coverage() == []
    assert store.checkpoints("seed-1")["INBOX"].proven_at == NOON


def test_a_year_without_a_fault_takes_one_row_a_folder(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/year.sqlite3", tmp_path) as store:
        for n in range(1, 400):
            poll(store, NOON + n * 5 * MINUTE, NOON + (n - 1) * 5 * MINUTE)
        assert [c.polls for c in store.coverage()] == [399]


def test_a_folder_that_is_gone_is_monitored_no_more(store: Store) -> None:
    poll(store, NOON, None, folder="Old")
    poll(store, NOON + 6 * DAY, None)
    assert store.monitored_folders(["seed-1", "never"]) == {"seed-1": ("INBOX", "Old"), "never": ()}
    poll(store, NOON + 7 * DAY, None)
    assert store.monitored_folders(["seed-1"]) == {"seed-1": ("INBOX",)}


def failure(minutes: int, folder: str | None = None, cause: FailureCause = FailureCause.LOGIN) -> PollFailure:
    return PollFailure("seed-1", folder, NOON + minutes * MINUTE, cause, "the password was refused", retryable=False)


def test_failures_stand_until_a_poll_works_again(store: Store) -> None:
    poll(store, NOON, NOON - HOUR)
    for minutes in (5, 10):
        store.record_failure(failure(minutes))
    state = store.inbox_health()["seed-1"]
    assert (state.last_failure, state.consecutive_failures) == (failure(10), 2)
    poll(store, NOON + 15 * MINUTE, NOON)
    state = store.inbox_health()["seed-1"]
    assert (state.last_failure, state.consecutive_failures) == (None, 0)
    assert store.failures(since=NOON + 10 * MINUTE) == [failure(10)]


def test_a_folder_that_fails_stands_though_another_is_read(store: Store) -> None:
    poll(store, NOON, NOON - HOUR, folder="Spam")
    store.record_failure(failure(5, "Spam", FailureCause.FOLDER))
    poll(store, NOON + 10 * MINUTE, NOON)
    state = store.inbox_health()["seed-1"]
    assert state.last_failure == failure(5, "Spam", FailureCause.FOLDER)
    assert {f.folder: f.proven_at for f in state.folders} == {"INBOX": NOON + 10 * MINUTE, "Spam": NOON}


def test_the_server_that_failed_is_kept_and_another_one_begins_another_run(store: Store) -> None:
    mine = [replace(failure(minutes), server="oauth2.example.org") for minutes in (5, 6)]
    for each in (failure(1), *mine):
        store.record_failure(each)
    assert store.failures() == [failure(1), mine[1]]
    assert store.inbox_health()["seed-1"].last_failure == mine[1]


def test_an_inbox_that_never_answered_is_known_by_its_failures(store: Store) -> None:
    store.record_failure(failure(1))
    assert store.inbox_health()["seed-1"].consecutive_failures == 1


def covered(inbox: str, folder: str, start: int, end: int) -> Coverage:
    return Coverage(inbox, folder, NOON + start * HOUR, NOON + end * HOUR)


@pytest.mark.parametrize(
    ("what", "intervals", "folders", "hours"),
    [
        ("nothing was proven", [], {"a": ("INBOX",)}, 0),
        ("only the part within counts", [covered("a", "INBOX", -5, 3)], {"a": ("INBOX",)}, 3),
        (
            "all folders have to be covered",
            [covered("a", "INBOX", 0, 10), covered("a", "Spam", 4, 6)],
            {"a": ("INBOX", "Spam")},
            2,
        ),
        (
            "one witness is enough",
            [covered("a", "INBOX", 0, 4), covered("b", "INBOX", 3, 8)],
            {"a": ("INBOX",), "b": ("INBOX",)},
            8,
        ),
        ("an inbox without folders covers nothing", [covered("a", "INBOX", 0, 4)], {"a": ()}, 0),
        ("overlaps count once", [covered("a", "INBOX", 0, 4), covered("a", "INBOX", 2, 5)], {"a": ("INBOX",)}, 5),
    ],
)
def test_covered_time(what: str, intervals: list[Coverage], folders: dict[str, tuple[str, ...]], hours: int) -> None:
    assert covered_time(intervals, folders, NOON, NOON + 10 * HOUR) == timedelta(hours=hours), what
