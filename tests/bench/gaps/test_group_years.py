"""The groups of the simulation, and what counts as one false alarm."""

from __future__ import annotations

from collections import Counter

import numpy as np

from monitor.detect.groups import ACCOUNT, DELIVERY
from tests.bench.gaps.group_years import SIZES, _divided, _Open, group_years
from tests.bench.gaps.simulate import simulate

LISTS = simulate(3, 90, start=(2019, 2, 1), end=(2019, 2, 8)).lists


def test_a_providers_lists_are_alike_and_an_accounts_are_mixed() -> None:
    def kinds(of: str) -> list[int]:
        names = _divided(LISTS, of, np.random.default_rng(1))
        return [len({x.kind for x, n in zip(LISTS, names, strict=True) if n == name}) for name in set(names)]

    assert np.mean(kinds(DELIVERY)) < np.mean(kinds(ACCOUNT))


def test_groups_have_the_wanted_sizes_but_for_a_rest() -> None:
    sizes = Counter(_divided(LISTS, ACCOUNT, np.random.default_rng(1))).values()
    assert sum(n not in SIZES[ACCOUNT] for n in sizes) <= 1
    assert sum(sizes) == len(LISTS)


def test_what_is_told_of_again_within_a_day_is_one_false_alarm() -> None:
    told = _Open()
    assert [told.begins("a", hour) for hour in (0.0, 1.0, 25.0, 50.0)] == [True, False, False, True]
    assert told.begins("b", 50.0)


def test_years_count_after_two_months() -> None:
    found = group_years(3, 30, start=(2019, 2, 1), end=(2019, 4, 8))
    assert sum(x.years for x in found.values()) < 0.3
