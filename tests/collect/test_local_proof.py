"""What two looks at a Maildir or an mbox prove: only what everything that is seen agrees with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.collect.local_proof import (
    MaildirState,
    MboxState,
    cut,
    is_untouched,
    maildir_holds,
    mbox_holds,
    since_last_look,
    to_ns,
)
from monitor.model import Checkpoint, Coverage, CoverageKind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIVE = timedelta(minutes=5)
S = 1_000_000_000
BEFORE = MaildirState((100 * S, 50 * S))


@pytest.mark.parametrize(
    ("changed", "vanished", "touched", "holds"),
    [
        ((100 * S, 50 * S), False, [], True),  # nobody touched it
        ((200 * S, 50 * S), False, [200 * S], True),  # a message came
        ((201 * S, 50 * S), False, [200 * S], True),  # by link and unlink, a moment apart
        ((200 * S, 50 * S), False, [90 * S], False),  # something changed `new`, and nothing that we see
        ((200 * S, 200 * S), False, [200 * S], True),  # a message was moved to `cur`
        ((200 * S, 300 * S), False, [200 * S], False),  # and then something was taken from `cur`
        ((200 * S, 50 * S), True, [200 * S], False),  # one that was there is not
        ((100 * S, 50 * S), True, [], False),
    ],
)
def test_a_maildir_is_proven_where_every_change_is_explained(
    changed: tuple[int, int], vanished: bool, touched: list[int], holds: bool
) -> None:
    assert maildir_holds(BEFORE, MaildirState(changed), vanished, touched) is holds


@pytest.mark.parametrize(
    ("changed", "looked_after", "untouched"),
    [
        ((100 * S, 50 * S), 2 * S + 1000, True),
        ((100 * S, 50 * S), 2 * S, False),  # it may have been touched once more in the same tick
        ((100 * S, 51 * S), 60 * S, False),
    ],
)
def test_a_folder_that_nobody_touched_since_a_while_before_the_look_need_not_be_listed(
    changed: tuple[int, int], looked_after: int, untouched: bool
) -> None:
    looked_at = EPOCH + timedelta(microseconds=(100 * S + looked_after) // 1000)
    assert to_ns(looked_at) == 100 * S + looked_after
    assert is_untouched(BEFORE, changed, looked_at) is untouched


@pytest.mark.parametrize(("changed", "grew", "holds"), [(5, False, True), (6, True, True), (6, False, False)])
def test_an_mbox_is_proven_where_it_grew_or_nobody_touched_it(changed: int, grew: bool, holds: bool) -> None:
    assert mbox_holds(MboxState(1, 5, "a"), MboxState(1, changed, "a"), grew) is holds


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        (timedelta(minutes=15), CoverageKind.LIVE),
        (timedelta(minutes=16), CoverageKind.RETROSPECTIVE),
        (timedelta(0), None),
        (-FIVE, None),
    ],
)
def test_looks_that_are_close_together_prove_live_as_over_imap(after: timedelta, kind: CoverageKind | None) -> None:
    seen = Checkpoint("INBOX", 1, 3, NOON)
    found = since_last_look("local", "INBOX", seen, NOON + after, FIVE)
    assert found == ((Coverage("local", "INBOX", NOON, NOON + after, kind),) if kind else ())


def test_states_come_back_from_their_checkpoint() -> None:
    mbox = MboxState(7, 8, "ab")
    assert MaildirState.of(Checkpoint("INBOX", 1, 3, NOON, state=BEFORE.text())) == BEFORE
    assert MboxState.of(Checkpoint("INBOX", 1, 3, NOON, state=mbox.text())) == mbox
    assert MaildirState.of(Checkpoint("INBOX", 1, 3, NOON)) is None
    assert MboxState.of(None) is None


@pytest.mark.parametrize(
    ("sizes", "cuts"),
    [
        ([], []),
        ([5], [(0, 1)]),
        ([50, 50, 1], [(0, 1), (1, 3)]),
        ([1, 1, 1, 1], [(0, 3), (3, 4)]),
        ([1, 90, 1], [(0, 1), (1, 2), (2, 3)]),
    ],
)
def test_batches_are_cut_by_number_and_octets(sizes: list[int], cuts: list[tuple[int, int]]) -> None:
    assert [(some.start, some.stop) for some in cut(sizes, most=3, most_bytes=60)] == cuts
