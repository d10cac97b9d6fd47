"""FETCH answers, as servers write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.collect.fetch_reply import Fetched, read_fetched, read_internaldate

AT = datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC)


@pytest.mark.parametrize(
    ("texts", "literals", "expected"),
    [
        (
            [b'* 1 FETCH (UID 5 INTERNALDATE " 6-Jan-2021 13:22:46 -0500" RFC822.SIZE 4 BODY[] ', b")\r\n"],
            [b"a\r\nb"],
            Fetched(5, 4, AT, b"a\r\nb"),
        ),
        (
            [b"* 12 FETCH (FLAGS (\\Seen) BODY[]<0> ", b' MODSEQ (9) INTERNALDATE "06-jan-2021 18:22:46 +0000" UID 5)\r\n'],
            [b"x"],
            Fetched(5, None, AT, b"x"),
        ),
        ([b'* 1 fetch (uid 5 body[] "UID 7 \\"x\\"" rfc822.size 9)\r\n'], [], Fetched(5, 9, None, b'UID 7 "x"')),
        ([b"* 1 FETCH (UID 5 BODY[] NIL)\r\n"], [], Fetched(5)),
        ([b"* 1 FETCH (BODY[HEADER] ", b" UID 5)\r\n"], [b""], Fetched(5, body=b"")),
        ([b"* 1 FETCH (FLAGS ())\r\n"], [], None),
        ([b"* 4 EXISTS\r\n"], [], None),
        ([b"* OK FETCH (UID 5)\r\n"], [], None),
    ],
)
def test_items_are_found_in_any_order(texts: list[bytes], literals: list[bytes], expected: Fetched | None) -> None:
    assert read_fetched(texts, literals) == expected


@pytest.mark.parametrize(
    "date", [b"31-Feb-2021 00:00:00 +0000", b"01-Foo-2021 00:00:00 +0000", b"01-Jan-0001 00:00:00 +0100", b""]
)
def test_a_date_that_is_none_is_left_out(date: bytes) -> None:
    assert read_internaldate(b'(INTERNALDATE "' + date + b'" UID 1)') is None


@given(st.binary(max_size=200), st.lists(st.binary(max_size=20), max_size=3))
def test_no_bytes_make_it_raise(text: bytes, literals: list[bytes]) -> None:
    read_fetched([b"* 1 FETCH (" + text, *literals], literals)
