"""Authentication-Results and Received-SPF are read as RFC 8601 and the big receivers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.collect.auth_results import parse_auth_results, parse_received_spf
from monitor.collect.dkim_signature import parse_dkim_signature


def test_gmails_form() -> None:
    found = parse_auth_results(
        "mx.google.com;       dkim=pass header.i=@example.org header.s=cm header.b=iiciZ9Pl;       "
        "dkim=fail header.i=@other.example header.s=x;       "
        "spf=pass (google.com: domain of a@b.example designates 192.0.2.1 as permitted sender) smtp.mailfrom=a@B.example;       "
        "dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=example.org"
    )
    assert found.authserv_id == "mx.google.com"
    assert [(result.domain(), result.properties["header.s"]) for result in found.passed("dkim")] == [("example.org", "cm")]
    assert [result.domain() for result in found.passed("spf")] == ["b.example"]
    assert [result.domain() for result in found.of("dmarc")] == ["example.org"]


def test_gmail_quotes_an_address_that_holds_another() -> None:
    found = parse_auth_results(
        "mx.google.com; dkim=pass header.i=@example.org header.b=a/B=; "
        'spf=pass smtp.mailfrom="bounces+1-reader=seed.example@em.example.org"; dmarc=pass header.from=example.org'
    )
    assert found.of("spf")[0].properties == {"smtp.mailfrom": "bounces+1-reader=seed.example@em.example.org"}
    assert [result.method for result in found.results] == ["dkim", "spf", "dmarc"]


def test_outlooks_form_has_no_authserv_id_and_names_the_address() -> None:
    found = parse_auth_results(
        "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=a.example; hotmail.com; dkim=pass (signature was verified) "
        "header.d=a.example;hotmail.com; dmarc=bestguesspass action=none header.from=a.example;compauth=pass reason=109"
    )
    assert (found.authserv_id, found.sender_ip) == (None, "192.0.2.1")
    assert [result.method for result in found.results] == ["spf", "dkim", "dmarc", "compauth"]
    assert found.passed("dkim")[0].domain() == "a.example"


def test_a_version_and_no_result() -> None:
    assert parse_auth_results("mx.example 1; none").authserv_id == "mx.example"
    assert parse_auth_results("mx.example 1; none").results == ()


@pytest.mark.parametrize(
    "value",
    [
        'mx.example; spf=fail smtp.mailfrom="a; dkim=pass header.d=evil.example"@x.example',
        'mx.example; spf=fail (domain of "a) ; dkim=pass header.d=evil.example"@x) smtp.mailfrom=a@x.example',
        "mx.example; spf=fail (open ; dkim=pass header.d=evil.example",
        "mx.example; spf=fail smtp.mailfrom=a ) ; dkim=pass header.d=evil.example",
        'mx.example; spf=fail smtp.mailfrom="a ; dkim=pass header.d=evil.example',
        'mx.example; spf=fail reason="x ; dkim=pass header.d=evil.example" smtp.mailfrom=a',
        r'mx.example; spf=fail smtp.mailfrom="a=\"b\"; dkim=pass header.d=evil.example"@x.example',
        'mx.example; spf=fail smtp.mailfrom="a ="@x.example reason="; dkim=pass header.d=evil.example"',
    ],
)
def test_nothing_that_the_sender_chose_reads_as_a_result(value: str) -> None:
    found = parse_auth_results(value)
    assert found.of("dkim") == ()
    assert [result.result for result in found.of("spf")] == ["fail"]


def test_received_spf() -> None:
    found = parse_received_spf(
        "Pass (protection.outlook.com: domain of a.example designates 192.0.2.1 as permitted sender) "
        'receiver=protection.outlook.com; client-ip=192.0.2.1; helo=h.example; envelope-from="x@a.example";'
    )
    assert found is not None
    assert (found.result, found.domain(), found.properties["client-ip"]) == ("pass", "a.example", "192.0.2.1")
    assert parse_received_spf("") is None


def test_a_dkim_signature() -> None:
    found = parse_dkim_signature(
        "v=1; a=rsa-sha256; d=Example.ORG.; s=S1; i=@mail.example.org;\th=From: To :Subject; b=ab=; bh=c"
    )
    assert found is not None
    assert (found.sdid, found.selector, found.identity) == ("example.org", "s1", "mail.example.org")
    assert found.signed_fields() == {"from", "to", "subject"}


@pytest.mark.parametrize("value", ["", "v=1", "d=a.example", "s=x", "d=;s=;"])
def test_a_signature_without_domain_or_selector_is_none(value: str) -> None:
    assert parse_dkim_signature(value) is None


@given(st.text(max_size=400))
def test_no_text_raises(value: str) -> None:
    parse_auth_results(value)
    parse_received_spf(value)
    parse_dkim_signature(value)
