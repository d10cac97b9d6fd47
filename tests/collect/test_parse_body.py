"""Link hosts and the fingerprint of the text come out of any MIME structure, broken ones too."""

from __future__ import annotations

from base64 import b64encode

import pytest

from monitor.collect.parse import parse_message

TEXT = "We have seen the same words in both copies of this newsletter, dear reader."
HEAD = b"From: a@example.org\nDate: Wed, 6 Jan 2021 12:22:46 -0600\nMessage-ID: <1@example.org>\n"


def multipart(*parts: bytes) -> bytes:
    body = b"".join(b"--x\n" + part + b"\n" for part in parts)
    return HEAD + b'Content-Type: multipart/alternative;\n boundary="x"\n\npreamble http://no.example/\n' + body + b"--x--\n"


def html(text: str) -> bytes:
    page = (
        f"<html><head><title>T</title><style>a {{}}</style></head><body><p>{text}</p><!-- c --><a href='https://L.example/'>x</a>"
    )
    return b"Content-Type: text/html\n\n" + page.encode()


def test_copies_for_two_readers_have_one_fingerprint() -> None:
    one = parse_message(HEAD + f"\n{TEXT} https://c.example/?t=abc reader1@seed.example 12345\n".encode())
    two = parse_message(HEAD + f"\n{TEXT}  https://c.example/?t=xyz reader2@seed.example 98765\n".encode())
    assert one.body_fingerprint == two.body_fingerprint is not None


def test_other_words_have_another_fingerprint() -> None:
    one, two = parse_message(HEAD + f"\n{TEXT}\n".encode()), parse_message(HEAD + f"\n{TEXT} More.\n".encode())
    assert one.body_fingerprint != two.body_fingerprint


@pytest.mark.parametrize(
    ("header", "body", "detail"),
    [
        (b"Content-Type: multipart/mixed; boundary=never\n", b"--other\n\nx\n--other--\n", "its boundary does not occur"),
        (b"Content-Type: multipart/mixed\n", b"--other\n\nx\n--other--\n", "no boundary is named"),
        (b"Content-Transfer-Encoding: base64\n", b"!!!!\n", "base64 with characters that are none of its own"),
        (b"Content-Transfer-Encoding: rot13\n", b"uryyb\n", "an unknown Content-Transfer-Encoding"),
        (
            b"Content-Type: multipart/mixed; boundary=x\n",
            b"--x\nContent-Transfer-Encoding: base64\n\n{}\n" * 30 + b"--x--\n",
            "base64 with characters that are none of its own",
        ),
        (b"Subject: =?no-such-charset?Q?Hello?=\n", b"x\n", "an unknown character set"),
        (b"Subject: =?idna?Q?Hello?=\n", b"x\n", "an unknown character set"),
        (b"Subject: =?utf-8?B?!!!!?=\n", b"x\n", "an encoded word in base64"),
        (b"Subject: =?utf-8?X?Hello?=\n", b"x\n", "an encoded word that cannot be read"),
    ],
)
def test_broken_mime_is_noted_once_and_the_message_kept(header: bytes, body: bytes, detail: str) -> None:
    [problem] = parse_message(HEAD + header + b"\n" + body).problems
    assert problem.field == "mime"
    assert detail in problem.detail


@pytest.mark.parametrize(
    "mail",
    [
        HEAD + b"Content-Transfer-Encoding: base64\n\n" + b64encode(TEXT.encode()) + b"\r\n",
        HEAD + b"Content-Transfer-Encoding: 8BIT\n\nx\n",
        HEAD + b"Content-Type: multipart/alternative; boundary=x\n\n",
        HEAD + b"Subject: Really=? =?utf-8?B?R3LDvMOfZQ==?= =?iso-8859-1?q?a_b?=\n\nx\n",
        HEAD + b"Subject: =?utf-8?B??=\n\nx\n",
        multipart(html(TEXT)),
    ],
)
def test_sound_mime_is_not_noted(mail: bytes) -> None:
    assert parse_message(mail).problems == ()


def test_encodings_are_undone() -> None:
    encoded = b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + b64encode(f"{TEXT} http://b.example/".encode())
    quoted = (
        b"Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n" + TEXT.encode() + b" http://b.exam=\nple/"
    )
    assert parse_message(multipart(encoded)).link_hosts == parse_message(multipart(quoted)).link_hosts == ("b.example",)
    assert parse_message(multipart(encoded)).body_fingerprint == parse_message(multipart(quoted)).body_fingerprint


def test_nested_parts_are_read() -> None:
    inner = b"Content-Type: multipart/alternative; boundary=y\n\n--y\n" + html(TEXT) + b"\n--y--\n"
    assert parse_message(multipart(inner)).link_hosts == ("l.example",)


def test_html_without_a_text_part_is_stripped_of_its_tags() -> None:
    plain = parse_message(multipart(b"Content-Type: text/plain\n\n" + TEXT.encode() + b" x"))
    page = parse_message(multipart(html(TEXT)))
    assert page.body_fingerprint == parse_message(multipart(html(f"<b>{TEXT}</b>"))).body_fingerprint
    assert plain.body_fingerprint is not None


def test_broken_mime_is_kept() -> None:
    for raw in (
        HEAD + b"Content-Type: multipart/mixed\n\nno boundary named",
        multipart(b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!! not base64 ###"),
        multipart(b"Content-Type: text/plain; charset=no-such-charset\n\n\xff\xfe " + TEXT.encode()),
        HEAD + b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n" * 5000,
        HEAD + b"Content-Type: text/html\n\n" + b"<" * 50_000,
    ):
        assert parse_message(raw).from_domain == "example.org"


def test_a_message_without_a_body_has_no_fingerprint() -> None:
    message = parse_message(HEAD + b"\n")
    assert (message.link_hosts, message.body_fingerprint) == ((), None)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("charset", ["utf-8", "punycode", "idna"])
def test_a_body_of_one_long_run_comes_to_an_end_in_any_charset(charset: str) -> None:
    message = parse_message(
        HEAD + f"Content-Type: text/plain; charset={charset}\n\n".encode() + b"a" * 200_000 + b"-" + b"z9" * 100_000
    )
    assert message.from_domain == "example.org"
