"""A signature that we verified ourselves makes what it covers signed evidence, where the receiver noted nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from monitor.collect.parse import parse_message
from monitor.identify.dkim_proof import good_signatures, with_own_check
from monitor.model import DkimProof, Trust
from tests.identify.shipped_knowledge import identifier

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAIL = b"""Received: from out.example.net (out.example.net [192.0.2.7]) by mx.seed.example with ESMTPS id 1;
	Sun, 1 Mar 2026 12:00:00 +0000
DKIM-Signature: v=1; a=rsa-sha256; d=sendgrid.net; s=smtpapi; h=from:subject:message-id; bh=AAAA; b=AAAA
From: News <news@paper.example>
Date: Sun, 1 Mar 2026 12:00:00 +0000
Message-ID: <1@paper.example>
Subject: Today

Hello
"""


def proof(result: str, selector: str = "smtpapi") -> DkimProof:
    return DkimProof("sendgrid.net", selector, result, "v=DKIM1; p=AAAA", NOW)


def trusts(*proofs: DkimProof) -> set[Trust]:
    found = identifier().identify(parse_message(MAIL, NOW), "none", proofs)
    assert found.dkim == proofs
    return {evidence.trust for evidence in found.evidence if evidence.field == "dkim-d"}


def test_our_own_check_makes_it_signed() -> None:
    assert trusts() == {Trust.CLAIMED}
    assert trusts(proof("pass")) == {Trust.SIGNED}
    assert trusts(proof("fail")) == {Trust.CLAIMED}
    assert trusts(proof("pass", selector="other")) == {Trust.CLAIMED}


def test_a_bad_signature_of_the_same_name_spoils_it() -> None:
    assert good_signatures([proof("pass"), proof("fail")]) == frozenset()
    assert good_signatures([proof("pass"), proof("fail", "other")]) == {("sendgrid.net", "smtpapi")}


def test_the_receivers_word_comes_before_ours_and_no_answer_says_nothing() -> None:
    assert with_own_check((("spf", "pass"),), [proof("fail"), proof("pass", "b")]) == (("spf", "pass"), ("dkim", "pass"))
    assert with_own_check((("dkim", "fail"),), [proof("pass")]) == (("dkim", "fail"),)
    assert with_own_check((), [proof("temperror")]) == ()
    assert with_own_check((), [proof("fail"), proof("permerror", "b")]) == (("dkim", "fail"),)
