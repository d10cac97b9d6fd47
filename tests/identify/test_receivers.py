"""Who received a message is told by the receiver's own topmost hops, in the form in which each house writes them."""

from __future__ import annotations

import pytest

from monitor.model import Confidence
from tests.identify.shipped_knowledge import identify

SENDER = (
    "DKIM-Signature: v=1; d=bounce.myngp.com; s=k1; h=from:subject; b=x; bh=y\n"
    "From: Campaign <info@campaign.example>\nSubject: x\n\nText.\n"
)
HOST, IP, ENVELOPE = "mailout862.ngpweb.com", "192.82.209.62", "bounce_1_pod2@bounce.myngp.com"
GMAIL_BORDER = (
    f"Received: from {HOST} ({HOST}. [{IP}])\n by mx.google.com with ESMTP id j2si1.2012.09.04.11.12.15;\n"
    " Tue, 04 Sep 2012 11:12:15 -0700 (PDT)\n"
)
GMAIL_RESULTS = (
    f"Received-SPF: pass (google.com: domain of {ENVELOPE} designates {IP} as permitted sender) client-ip={IP};\n"
    f"Authentication-Results: mx.google.com; spf=pass (x) smtp.mail={ENVELOPE}; dkim=pass header.i=@bounce.myngp.com\n"
)
GMAIL_2012 = (
    "Delivered-To: reader@seed.example\n"
    "Received: by 10.76.75.99 with SMTP id b3csp12345oaw;\n Tue, 4 Sep 2012 11:12:15 -0700 (PDT)\n"
    "Received: by 10.182.41.5 with SMTP id b5mr123obl.11.1346782335;\n Tue, 04 Sep 2012 11:12:15 -0700 (PDT)\n"
    f"Return-Path: <{ENVELOPE}>\n{GMAIL_BORDER}{GMAIL_RESULTS}"
)
ICLOUD = (
    f"Return-path: <{ENVELOPE}>\n"
    "Received: from p00-icloudmta-smtpin-us-west-2a-60-percent-12 by p129-mailgateway-smtpin-yoxpo (mailgateway 2513B25)\n"
    "\twith SMTP id d573ca8a for <reader@seed.example>; Tue, 8 Jul 2025 01:02:03 GMT\n"
    f"Received: from {HOST} ({HOST} [{IP}]) by p00-icloudmta-smtpin-us-west-2a-60-percent-12 (Postfix) with ESMTPS id 1\n"
    "X-ICL-SCORE: 3.3\n"
    "Authentication-Results: dmarc.icloud.com; dmarc=pass header.from=campaign.example\n"
    "Authentication-Results: dkim-verifier.icloud.com; dkim=pass header.d=bounce.myngp.com\n"
    f"Authentication-Results: spf.icloud.com; spf=pass smtp.mailfrom={ENVELOPE}\n"
)
PROTON = (
    f"Return-Path: <{ENVELOPE}>\n"
    "Authentication-Results: mail.protonmail.ch; dkim=pass (Good 2048 bit rsa-sha256 signature) header.d=bounce.myngp.com\n"
    "Authentication-Results: mail.protonmail.ch; spf=pass smtp.mailfrom=bounce.myngp.com\n"
    f"Received: from {HOST} ({HOST} [{IP}]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\n"
    " (No client certificate requested) by mailin041.protonmail.ch (Postfix) with ESMTPS id 4ABC\n"
)
ZOHO = (
    f"Authentication-Results: mx.zohomail.com; dkim=pass header.i=bounce.myngp.com; spf=pass smtp.mailfrom={ENVELOPE}\n"
    f"Return-Path: <{ENVELOPE}>\n"
    f"Received: from {HOST} ({HOST} [{IP}]) by mx.zohomail.com with SMTPS id 1571681535123456.7\n"
)
GMX = (
    f"Return-Path: <{ENVELOPE}>\nAuthentication-Results:  gmx.net; dkim=pass header.i=@bounce.myngp.com\n"
    f"Received: from {HOST} ([{IP}]) by mx-ha.gmx.net (mxgmx016 [212.227.15.9]) with ESMTPS (Nemesis) id 1MabcD\n"
)
MAIL_RU = (
    f"Return-path: <{ENVELOPE}>\n"
    f"Authentication-Results: mxs.mail.ru; spf=pass (mx5.mail.ru: x) smtp.mailfrom={ENVELOPE} smtp.helo={HOST};\n"
    "\t dkim=pass header.d=bounce.myngp.com\n"
    f"Received: from [{IP}] (port=54884 helo={HOST})\n\tby mx5.mail.ru with esmtp (envelope-from <{ENVELOPE}>)\n"
)
HOTMAIL_2014 = (
    f"Authentication-Results: hotmail.com; spf=pass (sender IP is {IP}) smtp.mailfrom={ENVELOPE};\n"
    " dkim=pass header.d=bounce.myngp.com\n"
    f"Received: from {HOST} ([{IP}]) by SNT004-MC2F2.hotmail.com over TLS secured channel with Microsoft SMTPSVC(7.5);\n"
)
YAHOO_2014 = (
    f"Return-Path: <{ENVELOPE}>\nReceived-SPF: pass (domain of bounce.myngp.com designates {IP} as permitted sender)\n"
    "Authentication-Results: mta1234.mail.gq1.yahoo.com  from=campaign.example; domainkeys=neutral (no sig);\n"
    "  from=campaign.example; dkim=pass (ok)\n"
    f"Received: from 127.0.0.1  (EHLO {HOST}) ({IP})\n  by mta1234.mail.gq1.yahoo.com with SMTP; Tue, 04 Sep 2012 18:12 -0000\n"
)
TOPS = {
    "Gmail": GMAIL_2012,
    "iCloud": ICLOUD,
    "Proton Mail": PROTON,
    "Zoho Mail": ZOHO,
    "GMX": GMX,
    "Mail.ru": MAIL_RU,
    "Outlook": HOTMAIL_2014,
    "Yahoo": YAHOO_2014,
}


@pytest.mark.parametrize("receiver", TOPS)
def test_a_house_is_recognised_by_the_hops_it_writes(receiver: str) -> None:
    found = identify(TOPS[receiver] + SENDER)
    assert (found.receiver, found.sending_ip) == (receiver, IP)
    assert (found.platform, found.delivery) == ("NGP VAN", "NGP VAN")
    assert any(fact.field == "dkim-d" and fact.trust.value == "signed" for fact in found.evidence)


@pytest.mark.parametrize("receiver", [name for name in TOPS if name != "GMX"])
def test_the_envelope_that_passed_spf_makes_it_certain(receiver: str) -> None:
    assert identify(TOPS[receiver] + SENDER).delivery_confidence is Confidence.CERTAIN


def test_spf_that_stands_in_a_field_of_its_own_is_noted_too() -> None:
    assert identify(YAHOO_2014 + SENDER).authentication == (("spf", "pass"), ("dkim", "pass"))


def test_what_was_sent_from_one_gmail_account_to_another_can_hold_no_border_of_its_own_making() -> None:
    """In 2012 such mail had no hop by mx.google.com; one that stands there was written by the sender."""
    inner = "Received: from mr.google.com ([10.60.27.166]) by 10.60.27.166 with SMTP id m6mr1;\n Tue, 4 Sep 2012 11:12 -0700\n"
    top = "Received: by 10.76.75.99 with SMTP id b3csp12345oaw;\n Tue, 4 Sep 2012 11:12:15 -0700 (PDT)\n"
    found = identify(top + "Return-Path: <a@gmail.com>\n" + inner + GMAIL_BORDER + GMAIL_RESULTS + SENDER)
    assert found.receiver is None
    assert found.delivery_confidence is not Confidence.CERTAIN


@pytest.mark.parametrize(
    "top",
    [
        "by 10.1.2.3 with SMTP id abc (filter)",
        "from gateway ([10.1.2.3]) by 10.1.2.4 with SMTP id abc;",
        "from p00-icloudmta-smtpin-x by mailhost (mailgateway 1)",
        "from p00-icloudmta-smtpin-x by mailhost with ESMTP",
    ],
)
def test_inner_hops_of_another_form_tell_no_house(top: str) -> None:
    assert identify(f"Received: {top}\n{GMAIL_BORDER}{GMAIL_RESULTS}{SENDER}").receiver is None


def test_icloud_is_not_recognised_where_another_host_wrote_the_border() -> None:
    text = ICLOUD.replace("by p00-icloudmta-smtpin-us-west-2a-60-percent-12 (Postfix)", "by mailhost (Postfix)")
    assert identify(text + SENDER).receiver is None


def at_outlook(greeting: str, spf: str = "pass", ip: str = "198.18.7.23") -> str:
    return (
        f"Authentication-Results: spf={spf} (sender IP is {ip}) smtp.mailfrom=shop.example; dkim=none (message not signed)\n"
        f"Received: from {greeting} ({ip}) by BN8NAM11FT063.mail.protection.outlook.com\n"
        " (10.13.177.110) with Microsoft SMTP Server id 15.20.2387.20; Mon, 21 Oct 2019 18:12:15 +0000\n"
        "From: a@shop.example\nSubject: x\n\nText.\n"
    )


def test_a_greeting_is_a_hint_where_no_name_is_looked_up_and_no_more() -> None:
    found = identify(at_outlook("smtp109.iad3a.emailsrvr.com"))
    assert (found.receiver, found.delivery, found.delivery_confidence) == ("Outlook", "Rackspace Email", Confidence.POSSIBLE)
    assert any("greeting" in conflict for conflict in found.conflicts)


@pytest.mark.parametrize(
    "text",
    [
        at_outlook("emailsrvr.com"),
        at_outlook("smtp109.iad3a.emailsrvr.com", "fail"),
        at_outlook("o1.ptr1.outbound-mail.sendgrid.net"),
        at_outlook("mail-sor-f41.google.com"),
    ],
    ids=["a bare domain", "SPF fails", "a house whose addresses are known", "a mailbox house whose addresses are known"],
)
def test_a_greeting_that_does_not_fit_names_nobody(text: str) -> None:
    assert identify(text).delivery is None
