"""Plan: from where to read, and how much at once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.collect.plan import BATCH_BYTES, BATCH_MESSAGES, FetchPlan, FolderState, batches, plan_fetch, uid_set
from monitor.model import Checkpoint

SEEN = Checkpoint("INBOX", uidvalidity=7, last_uid=40, proven_at=datetime(2021, 1, 6, tzinfo=UTC))


@pytest.mark.parametrize(
    ("seen", "state", "plan"),
    [
        (None, FolderState(7, 41), FetchPlan(1)),
        (SEEN, FolderState(7, 41), FetchPlan(None)),
        (SEEN, FolderState(7, 43), FetchPlan(41)),
        (SEEN, FolderState(7, None), FetchPlan(41)),
        (SEEN, FolderState(8, 41), FetchPlan(1, restarted=True)),
        (SEEN, FolderState(7, 12), FetchPlan(1)),  # an older copy of the folder was brought back
    ],
)
def test_reading_goes_on_where_it_ended_and_starts_anew_where_uids_mean_something_else(
    seen: Checkpoint | None, state: FolderState, plan: FetchPlan
) -> None:
    assert plan_fetch(seen, state) == plan


@given(st.dictionaries(st.integers(1, 10_000), st.integers(0, 3 * BATCH_BYTES), max_size=700))
def test_every_uid_is_in_one_batch_and_no_batch_is_too_large(sizes: dict[int, int]) -> None:
    uids = sorted(sizes)
    limit = BATCH_BYTES // 2
    cut = list(batches(uids, sizes, limit))
    assert [uid for batch in cut for uid in batch] == uids
    for batch in cut:
        assert len(batch) <= BATCH_MESSAGES
        assert len(batch) == 1 or sum(sizes[uid] for uid in batch if sizes[uid] <= limit) <= BATCH_BYTES


@given(st.sets(st.integers(1, 2000)))
def test_a_uid_set_names_each_uid_once(uids: set[int]) -> None:
    named: list[int] = []
    for part in uid_set(sorted(uids)).split(","):
        first, _, last = part.partition(":")
        named += range(int(first), int(last or first) + 1) if first else []
    assert named == sorted(uids)
