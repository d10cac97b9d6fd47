"""Words for people are short, right at their limits, and harmless."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.show.words import Block, letter, rarity, rate
from monitor.words import count, iso, moment, plain, span
from tests.show.snapshots import NOW, facts

DAY = timedelta(days=1)
EPIPHANY = datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (0.01, "less than a minute"),
        (1 / 60, "1 minute"),
        (1.99, "119 minutes"),
        (2, "2 hours"),
        (47.9, "47 hours"),
        (48, "2 days"),
        (53, "2 days 5 hours"),
        (24 * 9 + 5, "9 days"),
        (24 * 60, "2 months"),
        (24 * 800, "2 years"),
        (-1, "less than a minute"),
    ],
)
def test_a_span_is_said_in_one_unit_or_two(hours: float, words: str) -> None:
    assert span(timedelta(hours=hours)) == words


def test_a_moment_leaves_out_the_present_year() -> None:
    assert moment(EPIPHANY) == "6 Jan 2021, 18:22 UTC"
    assert moment(EPIPHANY, EPIPHANY + timedelta(days=2)) == "6 Jan, 18:22 UTC"
    assert iso(EPIPHANY) == "2021-01-06T18:22:46Z"
    assert iso(None) is None


@pytest.mark.parametrize(
    ("per_day", "words"),
    [
        (14.6, "about 15 a day"),
        (1.7, "about 1.7 a day"),
        (1, "about 1 a day"),
        (3 / 7, "about 3 a week"),
        (2 / 30, "about 2 a month"),
        (0.001, "less than one a month"),
        (0, "not known yet"),
    ],
)
def test_a_rate_is_said_in_the_unit_that_fits(per_day: float, words: str) -> None:
    assert rate(per_day) == words


@pytest.mark.parametrize(
    ("years", "words"),
    [
        (3.2, "expected once in about 3 years"),
        (1, "expected once in about a year"),
        (0.1, "expected about 10 times a year"),
        (0.001, "usual here"),
        (math.inf, "less than once in 1,000 years"),
        (0, "not known yet"),
        (math.nan, "not known yet"),
    ],
)
def test_a_return_period_is_said_as_odds(years: float, words: str) -> None:
    assert rarity(replace(facts(NOW - DAY, 1.0, NOW), return_period_years=years)).endswith(words)


def test_of_a_silence_that_was_seen_in_part_only_that_part_is_judged() -> None:
    """Three days, of which we were blind for most: three days are not what is usual."""
    silence = replace(facts(NOW - 3 * DAY, 24.0, NOW), silence=3 * DAY, covered=timedelta(hours=2), return_period_years=0.004)
    assert rarity(silence) == "a silence of 2 hours, so much of it counts, is usual here"
    assert rarity(replace(silence, covered=3 * DAY - timedelta(hours=5))) == "a silence this long is usual here"
    none = "nothing can be said of this silence yet, as none of it counts so far"
    assert rarity(replace(silence, covered=timedelta(0))) == none


def test_counts_agree_with_their_noun() -> None:
    assert [count(1, "list"), count(1204, "list"), count(2, "inbox", "inboxes")] == ["1 list", "1,204 lists", "2 inboxes"]


def test_direction_overrides_and_control_characters_do_not_reach_the_reader() -> None:
    assert plain("Invoice\u202efdp.exe\r\nBcc:\tx\x07") == "Invoicefdp.exe Bcc: x"
    assert plain(None) == ""
    assert plain("a" * 300, 10) == "aaaaaaaaa…"


@given(st.text(max_size=400), st.integers(2, 50))
def test_strangers_text_is_one_bounded_line(text: str, limit: int) -> None:
    assert len(plain(text, limit)) <= limit
    assert "\n" not in plain(text, limit)
    assert "\x00" not in plain(text, limit)


def test_a_notice_is_read_back_as_headings_paragraphs_and_items() -> None:
    assert letter("We have seen no mail.\n\nWHAT WE SAW\n- Last mail: 6 Jan\n- It came through X\n\nHTTPS\n") == [
        Block("", ("We have seen no mail.",), ()),
        Block("What we saw", (), ("Last mail: 6 Jan", "It came through X")),
        Block("", ("HTTPS",), ()),
    ]
