"""A volume drop is told from a lull, from a stop and from our own blindness."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from scipy.stats import nbinom

from monitor.detect.own_budget import Budget
from monitor.detect.volume import Mailer, so_few, volume_findings
from monitor.model import Finding, FindingKind, Level
from tests.detect.streams import DAY, HOUR, START

NOW = START + 84 * DAY
SEVEN = timedelta(days=7)
ONCE_A_YEAR = Budget(1.0)


def every(span: timedelta, until: datetime = NOW - SEVEN) -> list[datetime]:
    """One send each `span` from START on."""
    return [START + k * span for k in range(-((START - until) // span))]


def evenly(number: int, since: datetime, until: datetime = NOW) -> list[datetime]:
    return [since + (k + 1) * ((until - since) / (number + 1)) for k in range(number)]


BEFORE = every(3 * HOUR)
UNSTEADY = [at for at in every(1.5 * HOUR) if (NOW - at).days // 7 % 2]
"""As many on average: in one week twice as many, in the next none."""
MOODY = sorted([*every(6 * HOUR), *UNSTEADY[::2]])
"""As many on average: in one week three times as many as in the next."""


def last_week(number: int) -> list[datetime]:
    return [*BEFORE, *evenly(number, NOW - SEVEN)]


def moody(number: int) -> list[datetime]:
    return [*MOODY, *evenly(number, NOW - SEVEN)]


def mailer(name: str = "a.example", budget: Budget = ONCE_A_YEAR, covered_share: float = 1.0) -> Mailer:
    return Mailer(name, "a", budget, lambda _: covered_share)


def told(sends: list[datetime], budget: Budget = ONCE_A_YEAR, covered_share: float = 1.0) -> tuple[Finding, ...]:
    """What is said of a list that is alone."""
    return volume_findings([mailer(budget=budget, covered_share=covered_share)], {"a.example": sends}, NOW)


def test_a_quarter_of_the_usual_volume_is_found() -> None:
    (finding,) = told(last_week(14))
    assert (finding.kind, finding.key) == (FindingKind.VOLUME_DROP, "volume_drop:a.example")
    assert finding.level >= Level.ALERT
    assert (finding.since, finding.found_at) == (NOW - SEVEN, NOW)
    assert finding.note == "We have seen 14 sends in the last 7 days. By the weeks before, 56 were to be expected."


@pytest.mark.parametrize(("every_hours", "days"), [(3, 7), (8, 14), (24, 28), (72, 28)])
def test_slower_lists_are_compared_over_longer_times(every_hours: int, days: int) -> None:
    since = NOW - days * DAY
    usual = days * 24 // every_hours
    (finding,) = told([*every(every_hours * HOUR, since), *evenly(usual // 6, since)])
    assert f"in the last {days} days" in finding.note
    assert any(f" {n} were to be expected" in finding.note for n in (usual - 1, usual))
    assert finding.since == since


def test_a_list_that_mails_once_a_week_is_not_judged() -> None:
    since = NOW - 28 * DAY
    assert told([*every(SEVEN, since), since + 14 * DAY]) == ()


def test_the_usual_volume_and_a_lull_are_not() -> None:
    assert told(last_week(56)) == ()
    assert told(last_week(30)) == ()


def test_a_full_stop_is_a_gap_and_no_drop() -> None:
    assert told(BEFORE) == ()


def test_what_we_could_not_see_is_not_missed() -> None:
    assert told(last_week(5), covered_share=0.5) == ()


def test_a_tighter_budget_asks_for_a_deeper_drop() -> None:
    def deepest(budget: float) -> int:
        alerts = (n for n in range(1, 56) if any(f.level >= Level.ALERT for f in told(moody(n), Budget(budget))))
        return max(alerts, default=0)

    assert deepest(12.0) > deepest(1.0) > deepest(0.1) > 0


def test_levels_come_twelve_times_and_a_tenth_as_often_and_can_be_off() -> None:
    by_number = {n: next((f.level for f in told(moody(n))), None) for n in range(1, 56)}
    assert [level for level in Level if level in by_number.values()] == list(Level)
    levels = [by_number[n] or 0 for n in range(1, 56)]
    assert levels == sorted(levels, reverse=True)
    without = {f.level for n in range(1, 56) for f in told(moody(n), Budget(1.0, with_levels=False))}
    assert without == {Level.ALERT}


def test_a_list_whose_weeks_differ_is_given_more_room() -> None:
    assert not any(f.level >= Level.ALERT for f in told([*UNSTEADY, *evenly(14, NOW - SEVEN)]))
    assert any(f.level >= Level.ALERT for f in told(last_week(14)))


def test_where_everybody_mails_less_nobody_is_told_of() -> None:
    fleet = {f"{k}.example": last_week(5) for k in range(12)}
    everyone = [mailer(name) for name in fleet]
    assert volume_findings(everyone, fleet, NOW) == ()
    assert len(volume_findings(everyone, fleet | {f"{k}.example": last_week(56) for k in range(1, 12)}, NOW)) == 1


def test_coverage_is_asked_for_only_where_it_matters() -> None:
    def never(_window: timedelta) -> float:
        raise AssertionError("nobody needs to know")

    assert volume_findings([Mailer("a.example", "a", ONCE_A_YEAR, never)], {"a.example": last_week(56)}, NOW) == ()


def test_a_list_that_is_back_after_a_silence_is_not_told_of_again() -> None:
    back = [*BEFORE, *(NOW - DAY + k * 3 * HOUR for k in range(8))]
    assert told(back) == ()
    assert told(last_week(8)) != ()


def test_order_of_arrival_changes_nothing() -> None:
    assert told(last_week(14)[::-1]) == told(last_week(14))


@pytest.mark.parametrize(("seen", "size", "expected"), [(0, 0.7, 3.0), (2, 25.0, 30.0), (28, 12.5, 60.0), (5, 3.0, 1e-9)])
def test_the_chance_of_so_few_is_negative_binomial(seen: int, size: float, expected: float) -> None:
    assert so_few(seen, size, expected) == pytest.approx(float(nbinom.cdf(seen, size, size / (size + expected))), rel=1e-9)
