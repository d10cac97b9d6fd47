"""Tails: surprise and its inverse, and what they say about a known distribution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.detect.defaults import load_defaults
from monitor.detect.tails import KINDS, Tails, between, classes_of, fit_tail, kinds_of, stricter

EXPONENTIAL = fit_tail(np.random.default_rng(1).exponential(size=20_000))


def test_the_tail_of_exponential_gaps_is_their_length() -> None:
    v = np.array([0.5, 2.0, 5.0, 12.0])
    assert EXPONENTIAL.surprise(v) == pytest.approx(v, rel=0.15)


@given(st.floats(0, 30), st.integers(0, len(KINDS) - 1))
def test_surprise_and_its_inverse_agree_for_every_kind(surprise: float, kind: int) -> None:
    tails = load_defaults().tails
    kinds = np.array([kind])
    v = tails.inverse(np.array([surprise]), kinds)
    assert tails.surprise(v, kinds)[0] == pytest.approx(surprise, abs=1e-6)


@given(st.lists(st.floats(0, 50), min_size=2, max_size=20))
def test_longer_is_never_less_surprising(values: list[float]) -> None:
    tails = Tails([EXPONENTIAL] * len(KINDS))
    surprises = tails.surprise(np.sort(values), np.ones(len(values), np.int64))
    assert (np.diff(surprises) >= 0).all()


def test_rate_classes_by_sessions_a_day() -> None:
    assert classes_of(np.array([20.0, 5.0, 1.5, 1.0, 0.2, 1 / 7, 0.01])).tolist() == [0, 1, 1, 2, 2, 3, 3]


def test_a_class_has_one_tail_for_regular_and_one_for_irregular_streams() -> None:
    assert kinds_of(np.array([0, 0, 3]), np.array([0.8, 1.2, 0.9])).tolist() == [0, 1, 6]
    assert KINDS[6] == ("<1/week", "regular")


@given(st.floats(0, 30))
def test_the_stricter_of_two_tails_is_never_bolder_than_either(surprise: float) -> None:
    shipped = load_defaults().tails.by_kind[0]
    wanted = np.array([surprise])
    both = max(shipped.inverse(wanted)[0], EXPONENTIAL.inverse(wanted)[0])
    assert stricter(shipped, EXPONENTIAL).inverse(wanted)[0] >= both * 0.9


@given(st.floats(0, 20), st.floats(0, 1))
def test_a_tail_between_two_asks_for_silences_between_theirs(surprise: float, share: float) -> None:
    shipped, wanted = load_defaults().tails.by_kind[1], np.array([surprise])
    one, other = shipped.inverse(wanted)[0], EXPONENTIAL.inverse(wanted)[0]
    assert between(shipped, EXPONENTIAL, share).inverse(wanted)[0] == pytest.approx((1 - share) * one + share * other, abs=0.3)
