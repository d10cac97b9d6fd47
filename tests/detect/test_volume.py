"""A volume drop is told from a lull, from a stop and from our own blindness."""

from __future__ import annotations

from datetime import datetime, timedelta

from monitor.detect.volume import Mailer, VolumeDrop, volume_findings, week_of
from monitor.detect.volume import volume_drop as drop_of
from monitor.model import FindingKind, Level
from tests.detect.streams import DAY, HOUR, START

BEFORE = [START + k * 3 * HOUR for k in range(8 * 7 * 8)]
NOW = START + 63 * DAY
SEVEN = timedelta(days=7)


def last_week(count: int) -> list[datetime]:
    return [*BEFORE, *(NOW - SEVEN + (k + 1) * (SEVEN / (count + 1)) for k in range(count))]


def volume_drop(sends: list[datetime], now: datetime, budget: float, covered_share: float = 1.0) -> VolumeDrop | None:
    return drop_of(week_of(sends, now), budget, covered_share)


def mailer(name: str = "a.example", covered_share: float = 1.0) -> Mailer:
    return Mailer(name, "a", 1.0, lambda: covered_share)


def test_a_tenth_of_the_usual_volume_is_found() -> None:
    (finding,) = volume_findings([mailer()], {"a.example": last_week(5)}, NOW)
    assert (finding.kind, finding.key, finding.level) == (FindingKind.VOLUME_DROP, "volume_drop:a.example", Level.ALERT)
    assert finding.note == "We have seen 5 sends in the last 7 days. By the weeks before, 56 were to be expected."


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


def test_where_everybody_mails_less_nobody_is_told_of() -> None:
    fleet = {f"{k}.example": last_week(5) for k in range(12)}
    everyone = [mailer(name) for name in fleet]
    assert volume_findings(everyone, fleet, NOW) == ()
    assert len(volume_findings(everyone, fleet | {f"{k}.example": last_week(56) for k in range(1, 12)}, NOW)) == 1


def test_coverage_is_asked_for_only_where_it_matters() -> None:
    def never() -> float:
        raise AssertionError("nobody needs to know")

    assert volume_findings([Mailer("a.example", "a", 1.0, never)], {"a.example": last_week(56)}, NOW) == ()


def test_a_list_that_is_back_after_a_silence_is_not_told_of_again() -> None:
    back = [*BEFORE, *(NOW - DAY + k * 3 * HOUR for k in range(8))]
    assert volume_findings([mailer()], {"a.example": back}, NOW) == ()
    assert volume_findings([mailer()], {"a.example": last_week(8)}, NOW) != ()
