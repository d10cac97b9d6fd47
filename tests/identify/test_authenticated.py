"""What SPF, DKIM and DMARC said is told in detail: for which domain, with which key, and whether it is the author's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from monitor.collect.parse import parse_message
from monitor.identify.authenticated import NOT_NOTED, alignment
from monitor.identify.render import explain
from monitor.model import Alignment, Authenticated, DkimProof
from monitor.store.documents import identification_from_json, identification_to_json
from tests.identify.shipped_knowledge import identifier, identify, real
from tests.identify.test_forgeries import STRANGER, at_gmail


@pytest.mark.parametrize(
    ("domain", "author", "aligned"),
    [
        ("news.shop.example", "news.shop.example", Alignment.STRICT),
        ("bounce.shop.example", "news.shop.example", Alignment.RELAXED),
        ("shop.example", "news.shop.example", Alignment.RELAXED),
        ("shop.co.uk", "other.co.uk", None),  # co.uk is a public suffix
        ("a.shop.co.uk", "shop.co.uk", Alignment.RELAXED),
        ("sendgrid.net", "news.shop.example", None),
        ("shop.example.evil.example", "shop.example", None),
        (None, "shop.example", None),
        ("shop.example", None, None),
    ],
)
def test_alignment(domain: str | None, author: str | None, aligned: Alignment | None) -> None:
    assert alignment(domain, author) == aligned


def test_a_real_message_tells_each_signature_with_its_key() -> None:
    assert identify(real("nationbuilder-through-sendgrid")).authenticated == (
        Authenticated("spf", "pass", "em1.susanbrooksforcongress.com", None, Alignment.RELAXED),
        Authenticated("dkim", "pass", "susanbrooksforcongress.com", "s1", Alignment.STRICT),
        Authenticated("dkim", "pass", "sendgrid.info", "smtpapi", None),
    )


def test_a_signature_that_did_not_pass_has_the_receivers_word_or_ours() -> None:
    signatures = "".join(
        f"DKIM-Signature: v=1; d={d}.example; s=k1; h=from; b=x; bh=y\n" for d in ("good", "bad", "untold", "own")
    )
    text = at_gmail(STRANGER, "softfail", "dkim=pass header.i=@good.example; dkim=fail header.i=@bad.example;", signatures)
    proof = DkimProof("own.example", "k1", "temperror", None, datetime(2026, 3, 1, tzinfo=UTC))
    found = identifier().identify(parse_message(text.encode()), None, [proof])
    assert [(entry.method, entry.result) for entry in found.authenticated] == [
        ("spf", "softfail"),
        ("dkim", "pass"),
        ("dkim", "fail"),
        ("dkim", NOT_NOTED),
        ("dkim", "temperror"),
    ]


def test_results_of_nobody_we_trust_are_not_told() -> None:
    fake = "Authentication-Results: mx.google.com; dkim=pass header.d=email.aarp.org; dmarc=pass\n"
    assert (
        identify(fake + "DKIM-Signature: d=email.aarp.org; s=x; h=from; b=x; bh=y\nFrom: a@email.aarp.org\n\n").authenticated
        == ()
    )


def test_people_read_it_and_it_is_kept() -> None:
    found = identify(real("exacttarget"))
    shown = explain(found, parse_message(real("exacttarget").encode("latin-1")), identifier().provider)
    assert (
        "Authentication: SPF pass for bounce.email.aarp.org (the author's organisation); "
        "DKIM pass for email.aarp.org with key 200608 (the author's domain); DMARC pass"
    ) in shown
    assert identification_from_json(identification_to_json(found)) == found
    assert identification_from_json(identification_to_json(replace(found, authenticated=()))).authenticated == ()
