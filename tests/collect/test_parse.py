"""Every message becomes a Message: odd ones are kept with a ParseProblem, none raises."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.collect.author import AUTHOR_LIMIT, USUAL_AUTHOR, _known_author
from monitor.collect.dates import parse_date
from monitor.collect.header import FIELD_LIMIT
from monitor.collect.parse import parse_message
from tests.identify.shipped_knowledge import MESSAGES

PLAIN = (
    b"Received: from a ([192.0.2.1]) by mx.example; Wed, 6 Jan 2021 12:22:50 -0600\r\n"
    b"Date: Wed, 6 Jan 2021 12:22:46 -0600\r\n"
    b"Message-ID: <one@example.org>\r\n"
    b"From: =?utf-8?Q?Juli=C3=A1n?= <Info@Example.ORG>\r\n"
    b"Subject: =?utf-8?q?This_is_a?=\r\n =?utf-8?q?_test?=\r\n"
    b"List-Id: Friends <Friends.example.org>\r\n"
    b"List-Unsubscribe: <https://example.org/u?a=1>,\r\n <mailto:leave@example.org>\r\n"
    b"Return-Path: <bounce@example.org>\r\n"
    b"Delivered-To: reader@seed.example\r\n"
    b"\r\n"
    b"Hello https://click.example.org/a and https://click.example.org/b and http://www.example.net\r\n"
)


def fields_with_problems(raw: bytes) -> set[str]:
    return {problem.field for problem in parse_message(raw).problems}


def test_a_plain_message_is_read_whole() -> None:
    message = parse_message(PLAIN)
    assert message.message_id == "one@example.org"
    assert (message.from_name, message.from_address, message.from_domain) == ("Julián", "info@example.org", "example.org")
    assert message.subject == "This is a test"
    assert message.sent_at == datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC)
    assert message.list_id == "friends.example.org"
    assert message.list_unsubscribe == ("https://example.org/u?a=1", "mailto:leave@example.org")
    assert message.return_path == "bounce@example.org"
    assert message.delivered_to == ("reader@seed.example",)
    assert message.link_hosts == ("click.example.org", "www.example.net")
    assert message.headers[0] == ("received", "from a ([192.0.2.1]) by mx.example; Wed, 6 Jan 2021 12:22:50 -0600")
    assert message.problems == ()


def test_line_ends_make_no_difference() -> None:
    assert parse_message(PLAIN) == parse_message(PLAIN.replace(b"\r\n", b"\n"))
    mixed = PLAIN.replace(b"\r\n =?", b"\n =?").replace(b"\r\n <mailto", b"\n\t<mailto")
    assert parse_message(mixed).subject == "This is a test"
    assert parse_message(mixed).list_unsubscribe == parse_message(PLAIN).list_unsubscribe


def test_an_address_far_behind_in_a_from_is_not_looked_for() -> None:
    message = parse_message(b"From: " + b"a" * AUTHOR_LIMIT + b" b@example.org\n\n")
    assert message.from_address is None
    assert [problem.field for problem in message.problems if problem.detail == "no usable address"] == ["from"]


def test_a_from_is_remembered_only_while_it_is_short() -> None:
    before = _known_author.cache_info().currsize
    name = "a" * USUAL_AUTHOR
    message = parse_message(b'From: "%s" <long@example.org>\n\n' % name.encode())
    assert (message.from_name, message.from_address) == (name, "long@example.org")
    assert _known_author.cache_info().currsize == before
    odd = [parse_message(b"From: Nobody at this place\n\n") for _ in range(2)]
    assert [[p.field for p in m.problems][:1] for m in odd] == [["from"], ["from"]], "what is odd is said each time"
    assert _known_author.cache_info().currsize == before + 1


def test_an_mbox_from_line_is_skipped() -> None:
    assert parse_message(b"From a@b Wed Oct 23 00:22:00 2019\n" + PLAIN) == parse_message(PLAIN)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ((b"Date: Wed, 6 Jan 2021 12:22:46 -0600\r\n", b""), "date"),
        ((b"6 Jan 2021 12:22:46", b"45 Foo 20x1 12:22:46"), "date"),
        ((b"6 Jan 2021 12:22:46", b"9 Jan 2021 12:22:46"), "date"),
        ((b"Message-ID: <one@example.org>\r\n", b""), "message-id"),
        ((b"From: =?utf-8?Q?Juli=C3=A1n?= <Info@Example.ORG>\r\n", b""), "from"),
        ((b"<Info@Example.ORG>", b"nobody at all"), "from"),
        ((b"From: ", b"From: x@y.example\r\nFrom: "), "from"),
        ((b"From: =?utf-8?Q?Juli=C3=A1n?=", b"From: Juli\xe1n"), "header"),
        ((b"Message-ID", b"this is no field at all\r\nMessage-ID"), "header"),
        ((b"\r\n\r\n", b"\r\n"), "header"),
    ],
)
def test_an_odd_field_is_noted_and_the_rest_read(change: tuple[bytes, bytes], problem: str) -> None:
    raw = PLAIN.replace(*change, 1)
    assert raw != PLAIN
    assert problem in fields_with_problems(raw)
    assert parse_message(raw).subject == "This is a test"


def test_a_future_date_is_measured_against_delivery_where_that_is_known() -> None:
    late = datetime(2021, 1, 4, tzinfo=UTC)
    assert "date" in {problem.field for problem in parse_message(PLAIN, received_at=late).problems}
    assert parse_message(PLAIN, received_at=late).sent_at == datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC)


def test_a_header_of_a_megabyte_is_cut_and_the_fields_after_it_are_read() -> None:
    raw = PLAIN.replace(b"Message-ID", b"X-Long: " + b"a" * 1_000_000 + b"\r\nMessage-ID", 1)
    message = parse_message(raw)
    assert message.message_id == "one@example.org"
    assert [p.field for p in message.problems if p.detail.startswith("x-long is longer")] == ["header"]
    assert max(len(value) for _, value in message.headers) == FIELD_LIMIT


def test_raw_8_bit_headers_are_read_as_utf_8_or_else_as_windows() -> None:
    assert parse_message("Subject: Zürich\n\n".encode()).subject == "Zürich"
    assert parse_message("Subject: Zürich\n\n".encode("cp1252")).subject == "Zürich"


@pytest.mark.parametrize("raw", [b"", b"\n", b"\r\n\r\n", b"   \n \n"])
def test_an_empty_message_is_kept(raw: bytes) -> None:
    assert fields_with_problems(raw) >= {"message", "date", "from", "message-id"}


@pytest.mark.parametrize(
    ("value", "address", "name"),
    [
        ('"Doe, <fake@evil.example>" <real@example.org>', "real@example.org", "Doe, <fake@evil.example>"),
        ("real@example.org", "real@example.org", None),
        ("real@example.org (Some One)", "real@example.org", None),
        ("One <one@example.org>, Two <two@example.org>", "one@example.org", "One"),
        ("=?utf-8?q?X_=3Creal=40example=2Eorg=3E?=", "real@example.org", "X"),
        ("Müller <info@müller.example>", "info@xn--mller-kva.example", "Müller"),
        ("nobody <no address>", None, "nobody <no address>"),
    ],
)
def test_the_author_is_the_first_address_outside_quotes(value: str, address: str | None, name: str | None) -> None:
    message = parse_message(f"From: {value}\n\n".encode())
    assert message.from_address == address
    if name is not None:
        assert message.from_name == name


def test_an_encoded_list_unsubscribe_is_read() -> None:
    raw = b"List-Unsubscribe: =?us-ascii?Q?=3Chttps=3A//example.org/u=3E?=\n\n"
    assert parse_message(raw).list_unsubscribe == ("https://example.org/u",)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Wed, 06 Jan 2021 12:22:46 -0600 (CST)", datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC)),
        ("6 Jan 2021 12:22:46 +0000", datetime(2021, 1, 6, 12, 22, 46, tzinfo=UTC)),
        ("Wed, 6 Jan 2021 12:22:46 GMT", datetime(2021, 1, 6, 12, 22, 46, tzinfo=UTC)),
        ("Wed, 6 Jan 2021 12:22:46 -0000", datetime(2021, 1, 6, 12, 22, 46, tzinfo=UTC)),
        ("Wed, 31 Feb 2021 12:22:46 +0000", None),
        ("yesterday", None),
        ("6 Jan 99999 12:22:46 +9999", None),
    ],
)
def test_dates(text: str, moment: datetime | None) -> None:
    assert parse_date(text) == moment


@given(st.binary(max_size=2000))
def test_no_bytes_raise(raw: bytes) -> None:
    parse_message(raw)
    parse_message(b"From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n--x\n" + raw + b"\n--x--\n")


@given(st.data())
def test_no_change_of_a_real_message_raises(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(sorted(MESSAGES.glob("*.eml")))).read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    parse_message(bytes(raw))


@pytest.mark.parametrize(
    "part",
    [
        b"Received: by a\n",
        b"a:\n",
        b'From: "',
        b"Subject: =?utf-8?q?a?= ",
        b"(((((",
        b"X: \n\t",
        b"<style><style>",
        b"--x\n",
        b"https://a.b ",
        b"<a@b>,",
    ],
)
@pytest.mark.timeout(20)
def test_a_megabyte_of_one_hostile_part_comes_to_an_end(part: bytes) -> None:
    head = b"From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n"
    repeated = part * (1_000_000 // len(part))
    assert parse_message(head + repeated + b"\n\n" + repeated).from_domain == "b.example"
