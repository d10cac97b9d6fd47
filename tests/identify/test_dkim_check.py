"""Signatures are verified against a key that is looked up, and the key is kept."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, datetime
from functools import lru_cache

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.identify.dkim_check import check_signatures

MESSAGE = b"From: News <info@example.org>\r\nTo: reader@seed.example\r\nSubject: Hello\r\n\r\nThe text.\r\n"
NAME = "s1._domainkey.example.org"


@lru_cache(maxsize=1)
def keys() -> tuple[bytes, str]:
    """A private key (PEM) and the TXT record of its public half."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, f"v=DKIM1; k=rsa; p={b64encode(public).decode()}"


@lru_cache(maxsize=1)
def signed() -> bytes:
    head: bytes = dkim.sign(MESSAGE, b"s1", b"example.org", keys()[0], include_headers=[b"from", b"subject"])
    return head + MESSAGE


def dns(name: str) -> str | None:
    return keys()[1] if name == NAME else None


def no_answer(name: str) -> str | None:
    raise TimeoutError(f"no answer for {name}")


def test_a_good_signature_passes_and_its_key_is_kept() -> None:
    (verdict,) = check_signatures(signed(), dns)
    assert (verdict.sdid, verdict.selector, verdict.result) == ("example.org", "s1", "pass")
    assert verdict.key == keys()[1]


# RFC 8463, appendix A
FOOTBALL = b"""DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
"""
BRISBANE = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def test_an_ed25519_signature_is_verified_too() -> None:
    assert [verdict.result for verdict in check_signatures(FOOTBALL, lambda name: BRISBANE)] == ["pass"]
    changed = FOOTBALL.replace(b"Is dinner ready?", b"Is lunch ready?")
    assert [verdict.result for verdict in check_signatures(changed, lambda name: BRISBANE)] == ["fail"]
    assert [verdict.result for verdict in check_signatures(FOOTBALL, lambda name: "v=DKIM1; k=ed25519; p=AAAA")] == ["fail"]


def expired_in_2017() -> bytes:
    return re.sub(rb" t=\d+;", b" t=1400000000; x=1500000000;", signed(), count=1)


@pytest.mark.parametrize(
    ("delivered_at", "result"),
    [
        (datetime(2017, 7, 14, 2, 39, 59, tzinfo=UTC), "temperror"),  # x= is 14 July 2017, 02:40:00
        (datetime(2017, 7, 14, 2, 40, 1, tzinfo=UTC), "fail"),
        (None, "fail"),
    ],
)
def test_a_signature_that_expired_after_the_mail_came_is_no_failure(delivered_at: datetime | None, result: str) -> None:
    (verdict,) = check_signatures(expired_in_2017(), dns, delivered_at)
    assert (verdict.result, verdict.detail) == (result, "it has expired")


def test_a_changed_message_fails() -> None:
    (verdict,) = check_signatures(signed().replace(b"Subject: Hello", b"Subject: Other"), dns)
    assert (verdict.result, verdict.key) == ("fail", keys()[1])
    (verdict,) = check_signatures(signed().replace(b"The text.", b"Another text."), dns)
    assert (verdict.result, verdict.key, verdict.detail) == ("fail", keys()[1], "the body was changed")


def test_dns_without_an_answer_says_nothing_about_the_message() -> None:
    (verdict,) = check_signatures(signed(), no_answer)
    assert (verdict.result, verdict.key) == ("temperror", None)


def test_a_missing_or_broken_key_is_a_permanent_error() -> None:
    assert check_signatures(signed(), lambda name: None)[0].result == "permerror"
    assert check_signatures(signed(), lambda name: "v=DKIM1; p=AAAA")[0].result in ("permerror", "fail")


def test_each_signature_is_judged_by_itself() -> None:
    other = b"DKIM-Signature: v=1; a=rsa-sha256; d=other.example; s=x; h=from; bh=AAAA; b=AAAA\r\n"
    assert [verdict.result for verdict in check_signatures(other + signed(), dns)] == ["permerror", "pass"]


def test_unsigned_mail_has_no_verdict() -> None:
    assert check_signatures(MESSAGE, dns) == ()
    assert check_signatures(b"", dns) == ()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 400), st.integers(0, 60))
def test_no_change_raises(new: bytes, at: int, length: int) -> None:
    raw = signed()
    check_signatures(raw[:at] + new + raw[at + length :], dns)
