"""A volume drop is told from a lull, from a stop and from our own blindness."""

from __future__ import annotations

from datetime import datetime, timedelta

from monitor.detect.volume import volume_drop, volume_finding
from monitor.model import FindingKind, Level
from tests.detect.streams import DAY, HOUR, START

BEFORE = [START + k * 3 * HOUR for k in range(8 * 7 * 8)]
NOW = START + 63 * DAY
SEVEN = timedelta(days=7)


def last_week(count: int) -> list[datetime]:
    return [*BEFORE, *(NOW - SEVEN + (k + 1) * (SEVEN / (count + 1)) for k in range(count))]


def test_a_tenth_of_the_usual_volume_is_found() -> None:
    finding = volume_finding("a.example", "a", last_week(5), NOW, 1.0)
    assert finding is not None
    assert (finding.kind, finding.key, finding.level) == (FindingKind.VOLUME_DROP, "volume_drop:a.example", Level.ALERT)
    assert finding.note == "We have seen 5 sends in the last 7 days, where the weeks before lead us to expect 56."


def test_the_usual_volume_and_a_lull_are_not() -> None:
    assert volume_drop(last_week(56), NOW, 1.0) is None
    assert volume_drop(last_week(30), NOW, 1.0) is None


def test_a_full_stop_is_a_gap_and_no_drop() -> None:
    assert volume_drop(BEFORE, NOW, 1.0) is None


def test_what_we_could_not_see_is_not_missed() -> None:
    assert volume_drop(last_week(5), NOW, 1.0, covered_share=0.5) is None


def test_a_tighter_budget_asks_for_a_deeper_drop() -> None:
    deepest = [max((n for n in range(1, 56) if volume_drop(last_week(n), NOW, b)), default=0) for b in (10.0, 1.0, 0.1)]
    assert deepest == sorted(deepest, reverse=True)
    assert deepest[0] > deepest[-1] > 0
