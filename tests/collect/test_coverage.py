"""Coverage: a look proves the time since the last one only if nothing can have come and gone unseen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.collect.coverage import Sight, prove
from monitor.model import Checkpoint, Coverage, CoverageKind

NOON = datetime(2021, 1, 6, 12, tzinfo=UTC)
FIVE = timedelta(minutes=5)
SEEN = Checkpoint("INBOX", uidvalidity=7, last_uid=40, proven_at=NOON)
LIVE, RETROSPECTIVE = CoverageKind.LIVE, CoverageKind.RETROSPECTIVE


def sight(minutes: float, uidnext: int, *uids: int, uidvalidity: int = 7, oldest: datetime | None = None) -> Sight:
    return Sight(NOON + timedelta(minutes=minutes), uidvalidity, uidnext, uids, oldest)


@pytest.mark.parametrize(
    ("minutes", "kind"),
    [(5, LIVE), (15, LIVE), (16, RETROSPECTIVE), (60 * 24, RETROSPECTIVE)],
)
def test_looks_close_together_prove_live_and_later_ones_in_retrospect(minutes: float, kind: CoverageKind) -> None:
    proven = prove("a", "INBOX", SEEN, sight(minutes, 43, 41, 42), FIVE)
    assert proven == (Coverage("a", "INBOX", NOON, NOON + timedelta(minutes=minutes), kind),)


def test_an_inbox_that_is_polled_hourly_is_live_for_three_hours() -> None:
    (proven,) = prove("a", "INBOX", SEEN, sight(180, 41), timedelta(hours=1))
    assert proven.kind is LIVE


@pytest.mark.parametrize(
    "now",
    [
        sight(5, 43, 41),  # 42 came and went
        sight(5, 43, 42),  # 41 did
        sight(5, 43),
        sight(5, 30),  # UIDNEXT fell
        sight(5, 43, *range(1, 43), uidvalidity=8),
        sight(5, 43, 41, 42, uidvalidity=8),  # numbers that would go on, had they the same meaning
        sight(0, 41),  # no time has passed
        sight(-60, 41),  # our clock was set back
        sight(5, 2**32 - 1),
    ],
)
def test_what_cannot_be_shown_stays_unknown(now: Sight) -> None:
    assert prove("a", "INBOX", SEEN, now, FIVE) == ()


def test_at_a_first_visit_the_history_is_proven_in_retrospect_if_no_uid_is_missing() -> None:
    oldest = NOON - timedelta(days=30)
    assert prove("a", "Junk", None, sight(0, 104, 101, 102, 103, oldest=oldest), FIVE) == (
        Coverage("a", "Junk", oldest, NOON, RETROSPECTIVE),
    )
    assert prove("a", "Junk", None, sight(0, 104, 101, 103, oldest=oldest), FIVE) == ()
    assert prove("a", "Junk", None, sight(0, 106, 101, 102, 103, oldest=oldest), FIVE) == ()
    assert prove("a", "Junk", None, sight(0, 1), FIVE) == ()
