"""A shift from inbox to junk is told from mail that lies there now and then, or always."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from scipy.stats import betabinom

from monitor.detect.own_budget import Budget
from monitor.detect.placement import Placed, placement_finding, placement_shift, so_many
from monitor.model import Level
from tests.detect.streams import DAY, HOUR, START

ONCE_A_YEAR = Budget(1.0)


def sends(pattern: str, every: timedelta = DAY) -> list[Placed]:
    """One send a day: `i` in the inbox, `j` in junk."""
    return [Placed(START + k * every, letter == "j") for k, letter in enumerate(pattern)]


def test_a_shift_is_found_from_its_first_send() -> None:
    placed = sends("i" * 30 + "jjjjjj")
    shift = placement_shift(placed, ONCE_A_YEAR)
    assert shift is not None
    assert (shift.since, shift.junk, shift.of, shift.junk_before) == (START + 30 * DAY, 6, 6, 0)
    finding = placement_finding("a.example", "a", "gmail", "Gmail", placed, START + 40 * DAY, ONCE_A_YEAR)
    assert finding is not None
    assert finding.note == "At Gmail, 6 of the last 6 sends were in junk; of the 30 before, 0 were."
    assert finding.found_at == START + 35 * DAY
    assert finding.level is shift.level
    assert shift.level >= Level.ALERT


def test_busy_lists_must_show_more_for_they_have_more_chances() -> None:
    def needed(every: timedelta) -> int:
        shifts = {n: placement_shift(sends("ij" + "i" * 28 + "j" * n, every), ONCE_A_YEAR) for n in range(4, 40)}
        return next(n for n, shift in shifts.items() if shift is not None and shift.level >= Level.ALERT)

    assert needed(HOUR) > needed(DAY)


def test_where_sends_go_to_junk_in_runs_a_run_says_less() -> None:
    scattered, in_runs = "iijiiii" * 8, "iiiiiiiiijjjiiiiiiiiijjjiiiii" + "i" * 27
    shifted = placement_shift(sends(scattered + "jjjjjj"), ONCE_A_YEAR)
    same_run = placement_shift(sends(in_runs + "jjjjjj"), ONCE_A_YEAR)
    assert shifted is not None
    assert shifted.level >= Level.ALERT
    assert same_run is None or same_run.level is Level.WATCH


def test_always_in_junk_is_no_shift() -> None:
    assert placement_shift(sends("j" * 40), ONCE_A_YEAR) is None


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6])
def test_chance_alone_is_told_of_no_more_often_than_the_budget_allows(share: float) -> None:
    """Eight sends a day for 150 days; alerts that a run of luck opens."""
    luck = random.Random(7)
    placed = [Placed(START + k * 3 * HOUR, luck.random() < share) for k in range(1200)]
    alerts, is_open = 0, False
    for k in range(20, len(placed)):
        shift = placement_shift(placed[: k + 1], ONCE_A_YEAR) if placed[k].in_junk else None
        is_alert = shift is not None and shift.level >= Level.ALERT
        alerts += is_alert and not is_open
        is_open = is_alert or (is_open and shift is not None)
    assert alerts <= 1


def test_now_and_then_in_junk_is_no_shift() -> None:
    assert placement_shift(sends("iijiiijiij" * 4 + "iijj"), ONCE_A_YEAR) is None


def test_too_little_history_says_nothing() -> None:
    assert placement_shift(sends("iiiiijjjj"), ONCE_A_YEAR) is None


def test_order_of_arrival_changes_nothing() -> None:
    placed = sends("i" * 30 + "jjjjjj")
    assert placement_shift(placed[::-1], ONCE_A_YEAR) == placement_shift(placed, ONCE_A_YEAR)


def test_a_shift_lasts_as_long_as_it_lasts_and_ends_in_the_inbox() -> None:
    long = placement_shift(sends("i" * 30 + "j" * 80), ONCE_A_YEAR)
    assert long is not None
    assert (long.since, long.of) == (START + 30 * DAY, 80)
    assert placement_shift(sends("i" * 30 + "j" * 80 + "ii"), ONCE_A_YEAR) is not None
    assert placement_shift(sends("i" * 30 + "j" * 80 + "iii"), ONCE_A_YEAR) is None


def test_a_shift_of_a_part_does_not_end_with_a_few_sends_in_the_inbox() -> None:
    partly = "i" * 30 + "jjijjjijij" * 3
    assert placement_shift(sends(partly + "iii"), ONCE_A_YEAR) is not None
    assert placement_shift(sends(partly + "i" * 8), ONCE_A_YEAR) is None


@pytest.mark.parametrize(
    ("junk", "count", "a", "b"), [(1, 1, 0.5, 3.5), (6, 7, 1.5, 40.5), (60, 100, 10.5, 10.5), (3, 60, 5.5, 0.5)]
)
def test_the_chance_of_so_many_in_junk_is_beta_binomial(junk: int, count: int, a: float, b: float) -> None:
    assert so_many(junk, count, a, b) == pytest.approx(float(betabinom.sf(junk - 1, count, a, b)), rel=1e-9)
