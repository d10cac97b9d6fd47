"""A shift to junk is told from a stream that was in junk all along."""

from __future__ import annotations

from monitor.detect.placement import Placed, placement_finding, placement_shift
from tests.detect.streams import DAY, START


def copies(pattern: str) -> list[Placed]:
    """One copy a day: `i` in the inbox, `j` in junk."""
    return [Placed(START + k * DAY, letter == "j") for k, letter in enumerate(pattern)]


def test_a_shift_is_found_from_its_first_copy() -> None:
    placed = copies("i" * 30 + "jjjjjj")
    shift = placement_shift(placed, 1.0)
    assert shift is not None
    assert (shift.since, shift.junk, shift.of, shift.junk_before) == (START + 30 * DAY, 6, 6, 0)
    finding = placement_finding("a.example", "a", "Gmail", placed, START + 40 * DAY, 1.0)
    assert finding is not None
    assert finding.note == "At Gmail, 6 of the last 6 copies were in junk; of the 30 before, 0 were."
    assert finding.found_at == START + 35 * DAY


def test_always_in_junk_is_no_shift() -> None:
    assert placement_shift(copies("j" * 40), 1.0) is None


def test_now_and_then_in_junk_is_no_shift() -> None:
    assert placement_shift(copies("iijiiijiij" * 4 + "iijj"), 1.0) is None


def test_too_little_history_says_nothing() -> None:
    assert placement_shift(copies("iiiiijjjj"), 1.0) is None


def test_order_of_arrival_changes_nothing() -> None:
    placed = copies("i" * 30 + "jjjjjj")
    assert placement_shift(placed[::-1], 1.0) == placement_shift(placed, 1.0)


def test_a_shift_lasts_as_long_as_it_lasts_and_ends_in_the_inbox() -> None:
    long = placement_shift(copies("i" * 30 + "j" * 80), 1.0)
    assert long is not None
    assert (long.since, long.of) == (START + 30 * DAY, 80)
    assert placement_shift(copies("i" * 30 + "j" * 80 + "iii"), 1.0) is None
