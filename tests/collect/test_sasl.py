"""OAUTHBEARER and XOAUTH2: what is said, and what is understood of a refusal."""

from __future__ import annotations

import pytest

from monitor.collect.sasl import BearerLogin


def test_oauthbearer_says_what_rfc_7628_shows() -> None:
    login = BearerLogin(
        "OAUTHBEARER", "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", "server.example.com", 143
    )
    assert login.answer(b"") == (
        b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01"
        b"auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
    )


def test_a_comma_in_a_users_name_is_no_end_of_it() -> None:
    assert BearerLogin("OAUTHBEARER", "a,b=c", "t", "h", 1).answer(b"").startswith(b"n,a=a=2Cb=3Dc,\x01")


def test_xoauth2_says_what_google_and_microsoft_document() -> None:
    login = BearerLogin("XOAUTH2", "someuser@example.com", "ya29.vF9", "imap.gmail.com", 993)
    assert login.answer(b"") == b"user=someuser@example.com\x01auth=Bearer ya29.vF9\x01\x01"


@pytest.mark.parametrize(
    ("challenge", "refusal"),
    [
        (b'{"status":"invalid_token","scope":"example_scope"}', "invalid_token"),
        (b'{"status":"400","schemes":"bearer","scope":"https://mail.google.com/"}', "400"),
        (b'{"status":400}', "400"),
        (b'{"status":"the token ya29.vF9 is bad"}', None),
        (b"{", None),
        (b"[]", None),
        (b"[" * 100_000, None),
        (b"\xff", None),
    ],
)
def test_of_a_refusal_only_a_plain_word_is_kept(challenge: bytes, refusal: str | None) -> None:
    login = BearerLogin("XOAUTH2", "u", "t", "h", 1)
    login.answer(b"")
    login.answer(challenge)
    assert login.refusal == refusal


@pytest.mark.parametrize(("mechanism", "word"), [("OAUTHBEARER", b"\x01"), ("XOAUTH2", b"")])
def test_the_token_is_said_once_and_a_refusal_gets_the_word_that_ends_it(mechanism: str, word: bytes) -> None:
    login = BearerLogin(mechanism, "u", "t", "h", 1)
    assert b"Bearer t" in login.answer(b"")
    assert [login.answer(b'{"status":"401"}'), login.answer(b"")] == [word, word]
