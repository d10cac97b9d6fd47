"""Signatures are verified against a key that is looked up, and the key is kept."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache

import dkim
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
