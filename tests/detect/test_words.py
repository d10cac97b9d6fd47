"""Odds and spans read as sentences."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.detect.words import odds, silence_odds, span


@pytest.mark.parametrize(
    ("years", "words"),
    [
        (0.001, "all the time"),
        (0.01, "every week or more often"),
        (0.04, "about 2 times a month"),
        (1 / 12, "about once a month"),
        (0.25, "about 4 times a year"),
        (1.0, "about once a year"),
        (3.2, "about once in 3 years"),
        (1e9, "less than once in 100 years"),
    ],
)
def test_odds_are_said_in_the_unit_that_fits(years: float, words: str) -> None:
    assert odds(years) == words


def test_a_gap_has_a_sentence() -> None:
    assert silence_odds(3.0) == "A silence this long happens about once in 3 years on this list."


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=7, minutes=10), "7 hours"),
        (timedelta(hours=29), "1 day 5 hours"),
        (timedelta(days=12, hours=4), "12 days"),
    ],
)
def test_a_span_keeps_what_matters(length: timedelta, words: str) -> None:
    assert span(length) == words
