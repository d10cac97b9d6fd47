"""Words for people, and strangers' text made harmless."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.words import count, moment_in, odds, plain, publishable, span, without_addresses, without_links


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "less than a minute"),
        (1, "1 minute"),
        (119, "119 minutes"),
        (120, "2 hours"),
        (26 * 60 + 59, "26 hours"),
        (48 * 60, "2 days"),
        (53 * 60, "2 days 5 hours"),
        (4 * 1440 + 300, "4 days"),
        (60 * 1440, "2 months"),
        (800 * 1440, "2 years"),
        (-5, "less than a minute"),
    ],
)
def test_spans_are_rounded_down(minutes: int, words: str) -> None:
    assert span(timedelta(minutes=minutes)) == words


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("America/New_York", "7 Jan 2021, 03:10 UTC (6 Jan, 22:10 EST)"),
        ("Asia/Kathmandu", "7 Jan 2021, 03:10 UTC (08:55 UTC+0545)"),
        ("Europe/London", "7 Jan 2021, 03:10 UTC"),
    ],
)
def test_moments_stand_in_utc_with_the_lists_zone_beside(zone: str, words: str) -> None:
    assert moment_in(datetime(2021, 1, 7, 3, 10, tzinfo=UTC), ZoneInfo(zone)) == words


@pytest.mark.parametrize(
    ("years", "words"),
    [
        (float("nan"), None),
        (0.001, None),
        (0.1, "about 10 times a year"),
        (1.0, "once in about a year"),
        (3.1, "once in about 3 years"),
        (float("inf"), "less than once in 1,000 years"),
    ],
)
def test_odds(years: float, words: str | None) -> None:
    assert odds(years) == words


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [(1, "poll", "1 poll"), (1204, "poll", "1,204 polls"), (0, "poll", "0 polls"), (0, "seed inbox", "0 seed inboxes")],
)
def test_counts(number: int, noun: str, words: str) -> None:
    assert count(number, noun) == words


@given(st.text(max_size=400), st.integers(min_value=2, max_value=200))
def test_strangers_text_is_one_bounded_line_that_can_be_sent(text: str, limit: int) -> None:
    line = plain(text, limit)
    assert len(line) <= limit
    assert line.splitlines() in ([], [line])
    assert not set(line) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x00\x1b")
    line.encode()


@pytest.mark.parametrize(
    "unseen",
    [
        "\u200b",
        "\ufeff",
        "\u2060",
        "\u00ad",
        "\u202e",
        "\u3164",
        "\uffa0",
        "\u115f",
        "\u1160",
        "\U000e0000",
        "\U000e0041",
        "\U000e007f",
    ],
)
def test_what_is_not_seen_is_left_out_and_joiners_stay(unseen: str) -> None:
    assert plain(f"Vo{unseen}te{unseen * 3}") == "Vote"
    assert plain(unseen * 9) == ""
    assert plain("\U0001f469\u200d\U0001f4bb می\u200cخواهم") == "\U0001f469\u200d\U0001f4bb می\u200cخواهم"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<bounce-123_HTML-9@bounce.example.com>", "<…@bounce.example.com>"),
        ("Jane (jane.doe+x@example.net), hello", "Jane (…@example.net), hello"),
        ("rcpt=jane@example.net;x", "…@example.net;x"),
        ("seed%40example.org seed%2540example.org", "…@example.org …@example.org"),
        ("seed\uff20example.org seed\ufe6bexample.org", "…@example.org …@example.org"),
        ("bounces+12345-ab12-seed=example.org@em1.example.net", "…@em1.example.net"),
        ('"jane doe"@example.net o\'hara@[192.0.2.1] jane@überall.example', "…@example.net …@[192.0.2.1] …@überall.example"),
        ("see you @ noon, @handle", "see you @ noon, @handle"),
        ("a@b@c.example", "…@c.example"),
    ],
)
def test_the_part_before_the_at_is_taken_out_of_addresses(text: str, left: str) -> None:
    assert without_addresses(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<https://click.example.com/unsub?qs=abc>, <mailto:x>", "<click.example.com/…>, <mailto:x>"),
        ("see HTTP://example.org and http://user:pw@host.example:8080/x", "see example.org and host.example:8080/…"),
        ("https://example.org?x=1", "example.org/…"),
        ("https:// nothing", "https:// nothing"),
        (
            "Click www.x.example/u/TOKEN, x.example?u=TOKEN or x.example:8080/TOKEN",
            "Click www.x.example/… x.example/… or x.example:8080/…",
        ),
        ("https://x.example/a'TOKEN ftp://x.example/TOKEN", "x.example/… x.example/…"),
        ("<mailto:x@x.example?subject=TOKEN>", "<mailto:x@x.example/…>"),
        ("9/11 and 4.5/5 stars, and/or www.example.org.", "9/11 and 4.5/5 stars, and/or www.example.org."),
    ],
)
def test_of_links_only_the_host_is_left(text: str, left: str) -> None:
    assert without_links(text) == left


def test_an_address_or_link_that_the_limit_would_cut_is_taken_out_whole() -> None:
    assert publishable("Vote now " + "seed.one@example.org", 15) == "Vote now …@exa…"
    assert publishable("https://x.example/u/TOKEN" + "9" * 400, 20) == "x.example/…"
    assert publishable(None) == ""


@given(st.text(alphabet="ab.@=%40/:?#\"' \uff20", max_size=60))
def test_no_local_part_is_left_before_an_address(text: str) -> None:
    assert not re.search(r"[^\s<>,;:\"()…@\uff20]@\w", without_addresses(text))
