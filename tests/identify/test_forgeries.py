"""Copied headers, fake hops, fake results and detours never make anything certain."""

from __future__ import annotations

import pytest

from monitor.model import Confidence, Identification, Trust
from tests.identify.shipped_knowledge import identify, real

ESP = "Salesforce Marketing Cloud"
EXACTTARGET_FIELDS = real("exacttarget").partition("\n\n")[0].partition("From: ")[2]


def certain_of(found: Identification) -> set[str | None]:
    """The names that the answer is certain of."""
    pairs = ((found.platform, found.platform_confidence), (found.delivery, found.delivery_confidence))
    return {name for name, sure in pairs if sure is Confidence.CERTAIN}


def at_gmail(hop: str, spf: str = "none", dkim: str = "", rest: str = "", envelope: str = "a@stranger.example") -> str:
    """A message as Gmail received it: the hop, what Gmail noted, then whatever the sender wrote."""
    return (
        "Delivered-To: reader@seed.example\n"
        "Received: by 2002:aa7:829a:0:0:0:0:0 with SMTP id s26csp1pfm; Mon, 21 Oct 2019 11:12:15 -0700 (PDT)\n"
        f"Return-Path: <{envelope}>\n"
        f"Received: from {hop}\n by mx.google.com with ESMTPS id x1 for <reader@seed.example>; Mon, 21 Oct 2019 11:12:15 -0700\n"
        f"Authentication-Results: mx.google.com; {dkim} spf={spf} smtp.mailfrom={envelope}\n"
        f"{rest}From: {EXACTTARGET_FIELDS}\n\nText.\n"
    )


STRANGER = "mta4.email.aarp.org (vps23.stranger.example. [198.18.7.23])"
EXACTTARGET_HOP = "mta4.email.aarp.org (mta4.email.aarp.org. [68.232.195.188])"


def test_the_genuine_message_is_certain() -> None:
    assert certain_of(identify(real("exacttarget"))) == {ESP}


def test_exacttarget_headers_from_an_unrelated_address_name_nobody() -> None:
    found = identify(at_gmail(STRANGER))
    assert (found.platform, found.delivery) == (None, None)
    assert any("68.232.195.188" in conflict for conflict in found.conflicts)


def test_exacttarget_headers_that_repeat_the_strangers_address_name_nobody() -> None:
    found = identify(at_gmail(STRANGER).replace("68.232.195.188:sfmktgcld", "198.18.7.23:sfmktgcld"))
    assert (found.platform, found.delivery) == (None, None)


def test_exacttarget_headers_signed_by_the_stranger_are_not_certain() -> None:
    signed = "DKIM-Signature: d=stranger.example; s=200608; h=from:message-id:list-id:feedback-id:x-job; b=x; bh=y\n"
    envelope = "bounce-21_HTML-0-4035811-1062583-224212@bounce.stranger.example"
    found = identify(at_gmail(STRANGER, "pass", "dkim=pass header.i=@stranger.example header.s=200608;", signed, envelope))
    assert certain_of(found) == set()


def test_a_fake_received_below_the_border_changes_nothing() -> None:
    fake = f"Received: from {EXACTTARGET_HOP}\n by mx.google.com with ESMTPS id y2; Mon, 21 Oct 2019 11:12:14 -0700\n"
    found = identify(at_gmail(STRANGER, rest=fake))
    assert found.sending_ip == "198.18.7.23"
    assert (found.platform, found.delivery) == (None, None)


def test_a_fake_received_above_nothing_known_is_only_a_claim() -> None:
    text = f"Received: from {EXACTTARGET_HOP}\n by mx.stranger.example with ESMTPS; Mon, 21 Oct 2019 11:12:14 -0700\n"
    found = identify(text + "From: " + EXACTTARGET_FIELDS + "\n\nText.\n")
    assert found.receiver is None
    assert found.delivery == ESP
    assert certain_of(found) == set()


@pytest.mark.parametrize(
    "fake",
    [
        "Authentication-Results: mx.google.com; dkim=pass header.d=bounce.myngp.com; spf=pass smtp.mailfrom=a@bounce.myngp.com\n",
        "Authentication-Results: mx.google.com 1; dkim=pass header.i=@bounce.myngp.com\nReceived-SPF: pass\n",
        "ARC-Authentication-Results: i=1; mx.google.com; dkim=pass header.d=bounce.myngp.com\n",
    ],
)
def test_a_fake_authentication_results_is_not_believed(fake: str) -> None:
    signature = "DKIM-Signature: v=1; d=bounce.myngp.com; s=x; h=from; b=x; bh=y\n"
    found = identify(at_gmail(STRANGER, rest=fake + signature))
    assert certain_of(found) == set()
    assert found.delivery != "NGP VAN"


def test_results_hidden_in_the_envelope_address_are_not_believed() -> None:
    envelope = '"a; dkim=pass header.d=bounce.myngp.com header.s=x"@stranger.example'
    signature = "DKIM-Signature: v=1; d=bounce.myngp.com; s=x; h=from; b=x; bh=y\n"
    found = identify(at_gmail(STRANGER, "pass", "", signature, envelope))
    assert certain_of(found) == set()


def test_without_any_noted_authentication_a_known_receiver_is_not_taken_for_it() -> None:
    text = real("exacttarget")
    start, end = text.index("Authentication-Results:"), text.index("DKIM-Signature:")
    found = identify(text[:start] + text[end:])
    assert found.receiver is None
    assert certain_of(found) == set()


def test_a_newsletter_forwarded_by_gmail_is_likely_and_keeps_its_first_sender() -> None:
    found = identify(real("exacttarget-newsletter-forwarded-by-gmail"))
    assert (found.platform, found.delivery, found.sending_ip) == (ESP, ESP, "68.232.195.188")
    assert certain_of(found) == set()


def test_a_newsletter_forwarded_by_hand_is_not_certain() -> None:
    text = (
        "Received: by 2002:aa7:829a:0:0:0:0:0 with SMTP id s26csp1pfm; Mon, 21 Oct 2019 11:12:15 -0700 (PDT)\n"
        "Return-Path: <somebody@gmail.com>\n"
        "Received: from mail-sor-f41.google.com (mail-sor-f41.google.com. [209.85.220.41])\n"
        " by mx.google.com with SMTPS id k1 for <reader@seed.example>; Mon, 21 Oct 2019 11:12:15 -0700\n"
        "Authentication-Results: mx.google.com; dkim=pass header.i=@gmail.com; spf=pass smtp.mailfrom=somebody@gmail.com\n"
        "DKIM-Signature: v=1; d=gmail.com; s=20161025; h=from:to:subject; b=x; bh=y\n"
        "From: Somebody <somebody@gmail.com>\nTo: reader@seed.example\nSubject: Fwd: Action Required\n\n"
        "---------- Forwarded message ---------\nFrom: AARP <AARP@email.aarp.org>\nhttps://click.email.aarp.org/?qs=1\n"
    )
    found = identify(text)
    assert certain_of(found) == set()
    assert found.platform is None


@pytest.mark.parametrize(
    "list_fields",
    [
        "X-BeenThere: friends@lists.example.org\nX-Mailman-Version: 2.1.29\nList-Id: Friends <friends.lists.example.org>\n",
        "X-Google-Group-Id: 1234567\nX-Original-Sender: info@email.aarp.org\nList-ID: <friends.googlegroups.com>\n",
    ],
)
def test_a_mailing_list_copy_is_not_certain(list_fields: str) -> None:
    lower = f"Received: from {EXACTTARGET_HOP}\n by lists.example.org with ESMTPS; Mon, 21 Oct 2019 11:12:10 -0700\n"
    hop = "lists.example.org (lists.example.org. [198.18.9.9])"
    found = identify(at_gmail(hop, "pass", "", list_fields + lower, "friends-bounces@lists.example.org"))
    assert certain_of(found) == set()


def test_a_list_field_in_genuine_mail_lowers_but_names_the_same() -> None:
    found = identify(real("ngp-van").replace("X-Binding:", "X-BeenThere: x@lists.example.org\nX-Binding:"))
    assert (found.platform, found.delivery) == ("NGP VAN", "NGP VAN")
    assert certain_of(found) == set()


def at_outlook(greeting: str, ip: str, results: str, rest: str) -> str:
    return (
        "Received: from BN7PR01.namprd01.prod.outlook.com (2603:10b6:408:f8::8)\n"
        " by BN8PR02.namprd02.prod.outlook.com with HTTPS; Mon, 21 Oct 2019 18:12:16 +0000\n"
        f"Authentication-Results: {results}\n"
        f"Received: from {greeting} ({ip}) by BN8NAM11FT063.mail.protection.outlook.com\n"
        " (10.13.177.110) with Microsoft SMTP Server id 15.20.2387.20; Mon, 21 Oct 2019 18:12:15 +0000\n"
        f"{rest}From: {EXACTTARGET_FIELDS}\n\nText.\n"
    )


def test_exacttarget_headers_through_a_microsoft_365_tenant_are_microsofts_delivery() -> None:
    results = "spf=pass (sender IP is 40.107.93.77) smtp.mailfrom=tenant.example; dkim=none (message not signed)"
    found = identify(at_outlook("NAM10-DM6-obe.outbound.protection.outlook.com", "40.107.93.77", results, ""))
    assert (found.receiver, found.platform, found.delivery) == ("Outlook", None, "Microsoft 365")
    assert any(ESP in conflict for conflict in found.conflicts)


def test_a_name_in_helo_proves_nothing_where_the_receiver_looks_none_up() -> None:
    results = "spf=none (sender IP is 198.18.7.23) smtp.mailfrom=stranger.example; dkim=none (message not signed)"
    found = identify(at_outlook("mailout862.ngpweb.com", "198.18.7.23", results, ""))
    assert certain_of(found) == set()


def test_an_address_that_ses_repeats_wrongly_is_a_conflict() -> None:
    ses = (
        "X-SES-Outgoing: 2019.10.21-54.240.8.9\nFeedback-ID: 1.us-east-1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AmazonSES\n"
    )
    text = at_gmail(STRANGER, rest=ses)
    found = identify(text)
    assert found.delivery is None
    assert any("54.240.8.9" in conflict for conflict in found.conflicts)


def test_a_receiver_that_does_not_fit_leaves_everything_a_claim() -> None:
    found = identify(real("exacttarget"), receiver="Outlook")
    assert found.receiver is None
    assert certain_of(found) == set()
    assert found.conflicts


@pytest.mark.parametrize("receiver", ["none", "no such house"])
def test_an_unknown_receiver_leaves_everything_a_claim(receiver: str) -> None:
    found = identify(real("exacttarget"), receiver=receiver)
    assert (found.receiver, found.sending_ip) == (None, None)
    assert certain_of(found) == set()
    assert found.platform == ESP


def test_a_replayed_signature_alone_does_not_make_the_delivery_certain() -> None:
    signature = "DKIM-Signature: v=1; d=sendgrid.info; s=smtpapi; h=from:subject; b=x; bh=y\n"
    found = identify(at_gmail(STRANGER, "pass", "dkim=pass header.i=@sendgrid.info header.s=smtpapi;", signature))
    assert found.delivery == "SendGrid"
    assert found.delivery_confidence is Confidence.LIKELY


def test_outlook_writes_the_return_path_below_and_the_envelopes_domain_vouches_for_it() -> None:
    results = "spf=pass (sender IP is 192.28.149.62) smtp.mailfrom=correspondence.aei.example; dkim=none"
    below = "Return-Path: 475-PBQ-971.0.26872.0.0.30791.9.1-5@correspondence.aei.example\nX-MarketoID: 475-PBQ-971:2:3\n"
    text = at_outlook("correspondence.aei.example", "192.28.149.62", results, below).partition("From: ")[0]
    found = identify(text + "From: a@aei.example\nSubject: x\n\nText.\n")
    assert (found.platform, found.delivery) == ("Marketo", "Marketo")
    assert any(fact.field == "return-path" and fact.trust.value == "observed" for fact in found.evidence)


def test_icloud_notes_one_result_a_field_below_its_hop() -> None:
    own = (
        "Received: from p01-icloudmta-smtpin.me.com by p01-mailgateway-smtp (mailgateway) with SMTP\n"
        "Received: from mail.a.example (mail.a.example [198.18.7.23]) by p01-icloudmta-smtpin.me.com (Postfix) with ESMTPS id 1\n"
        "X-ICL-SCORE: 3.3\n"
        "Authentication-Results: bimi.icloud.com; bimi=none\n"
        "Authentication-Results: dmarc.icloud.com; dmarc=fail header.from=a.example\n"
        "Authentication-Results: dkim-verifier.icloud.com; dkim=fail header.d=bounce.myngp.com\n"
        "Authentication-Results: spf.icloud.com; spf=pass smtp.mailfrom=a@a.example\n"
    )
    fake = "Authentication-Results: dkim-verifier.icloud.com; dkim=pass header.d=bounce.myngp.com\n"
    rest = "DKIM-Signature: d=bounce.myngp.com; s=x; h=from; b=x; bh=y\nFrom: a@a.example\n\nText.\n"
    found = identify(own + fake + rest)
    assert (found.receiver, found.sending_ip) == ("iCloud", "198.18.7.23")
    assert certain_of(found) == set()
    assert found.delivery != "NGP VAN"
    genuine = own.replace("dkim=fail", "dkim=pass")
    assert identify(genuine + rest).delivery == "NGP VAN"


def test_behind_a_companys_gateway_the_hop_before_it_is_a_hint() -> None:
    inner = (
        "Received: from NAM10-DM6-obe.outbound.protection.outlook.com (NAM10-DM6-obe.outbound.protection.outlook.com\n"
        " [40.107.93.77]) by mx0a-001.pphosted.com (PPS) with ESMTPS id y2\n"
    )
    hop = "mx0a-001.pphosted.com (mx0a-001.pphosted.com. [198.18.5.5])"
    text = at_gmail(hop, "pass", "", inner).partition("From: ")[0] + "From: a@company.example\nSubject: x\n\nText.\n"
    found = identify(text)
    assert (found.delivery, found.delivery_confidence) == ("Microsoft 365", Confidence.LIKELY)
    assert any("Proofpoint" in conflict for conflict in found.conflicts)
    alone = identify(text.replace(inner, ""))
    assert alone.delivery is None


def test_a_repeated_address_that_did_connect_makes_a_claim_likely_but_not_certain() -> None:
    ses = "X-SES-Outgoing: 2019.10.21-198.18.7.23\n"
    text = at_gmail(STRANGER, rest=ses).partition("From: ")[0] + "From: a@a.example\nSubject: x\n\nText.\n"
    found = identify(text)
    assert (found.delivery, found.delivery_confidence) == ("Amazon SES", Confidence.LIKELY)


def test_a_tool_on_another_houses_servers_is_told_apart() -> None:
    hop = "a8-31.smtp-out.amazonses.com (a8-31.smtp-out.amazonses.com. [54.240.8.31])"
    rest = (
        "DKIM-Signature: d=amazonses.com; s=x; h=from; b=x; bh=y\n"
        "X-SES-Outgoing: 2019.10.21-54.240.8.31\n"
        "X-Feedback-ID: 123:campaign:iterable\n"
        "List-Unsubscribe: <https://links.a.example/e/encryptedUnsubscribe?_r=abc>\n"
    )
    envelope = "0100016d9-01234567-89ab-cdef-0123-456789abcdef-000000@bounces.a.example"
    text = at_gmail(hop, "pass", "dkim=pass header.i=@amazonses.com header.s=x;", rest, envelope)
    found = identify(text.partition("From: ")[0] + "From: a@a.example\nSubject: x\n\nText.\n")
    assert (found.platform, found.platform_confidence) == ("Iterable", Confidence.LIKELY)
    assert (found.delivery, found.delivery_confidence) == ("Amazon SES", Confidence.CERTAIN)


def signed_message(signatures: str, results: str) -> Identification:
    claims = "List-Unsubscribe: <https://click.stranger.example/unsub>\nX-Job: 7002_1\n"
    return identify(at_gmail(STRANGER, "pass", results, signatures + claims))


GOOD = "DKIM-Signature: v=1; d=stranger.example; s=k1; h=from:to; b=x; bh=y\n"
BOGUS = "DKIM-Signature: v=1; d=stranger.example; s=k1; h=from:to:message-id:list-id:feedback-id:x-job; b=z; bh=y\n"


@pytest.mark.parametrize("signatures", [GOOD + BOGUS, BOGUS + GOOD, GOOD * 12 + BOGUS])
def test_a_bogus_signature_beside_a_good_one_of_the_same_key_signs_nothing_more(signatures: str) -> None:
    found = signed_message(signatures, "dkim=pass header.i=@stranger.example header.s=k1;")
    assert not [
        e for e in found.evidence if e.trust is Trust.SIGNED and e.field in ("x-job", "feedback-id", "list-id", "message-id")
    ]
    assert "stranger.example" in found.sdids


def test_two_signatures_that_both_passed_sign_what_either_covers() -> None:
    passed = "dkim=pass header.i=@stranger.example header.s=k1; dkim=pass header.i=@stranger.example header.s=k1;"
    found = signed_message(GOOD + BOGUS, passed)
    assert [e for e in found.evidence if e.trust is Trust.SIGNED]


NGP = "DKIM-Signature: v=1; d=bounce.myngp.com; s=k1; i=@stranger.example; h=from:to; b=z; bh=y\n"


@pytest.mark.parametrize("signatures", [GOOD + NGP, NGP + GOOD, NGP])
def test_a_signature_whose_identity_is_not_below_its_domain_borrows_no_result(signatures: str) -> None:
    found = signed_message(signatures, "dkim=pass header.i=@stranger.example header.s=k1;")
    assert certain_of(found) == set()
    assert not [e for e in found.evidence if e.field == "dkim-d" and e.trust is not Trust.CLAIMED]


def test_a_field_added_above_the_signed_one_of_its_name_is_nobodys() -> None:
    signed = "DKIM-Signature: v=1; d=stranger.example; s=k1; h=from:x-job; b=x; bh=y\n"
    once = identify(at_gmail(STRANGER, "pass", "dkim=pass header.i=@stranger.example header.s=k1;", signed))
    assert [e.trust for e in once.evidence if e.field == "x-job"] == [Trust.SIGNED]
    added = "X-Job: 7002222_1\n"
    twice = identify(at_gmail(STRANGER, "pass", "dkim=pass header.i=@stranger.example header.s=k1;", signed + added))
    assert [e.trust for e in twice.evidence if e.field == "x-job"] == [Trust.CLAIMED]


@pytest.mark.parametrize(
    "hop",
    [STRANGER, "mail-sor-f41.google.com (mail-sor-f41.google.com. [209.85.220.41])"],
    ids=["a server", "a mailbox provider"],
)
def test_signed_mail_that_somebody_passed_on_without_a_word_is_not_certain(hop: str) -> None:
    signature = "DKIM-Signature: v=1; d=bounce.myngp.com; s=k1; h=from:subject; b=x; bh=y\n"
    text = at_gmail(hop, "pass", "dkim=pass header.i=@bounce.myngp.com header.s=k1;", signature)
    found = identify(text.partition("From: ")[0] + "From: a@campaign.example\nSubject: x\n\nText.\n")
    assert "NGP VAN" not in certain_of(found)


@pytest.mark.parametrize(
    "top",
    [
        "from mx.google.com (vps23.stranger.example [198.18.7.23]) by mail.corp.example with ESMTP",
        "from mx.google.com (vps23.stranger.example [198.18.7.23]) by mailhost with ESMTP (envelope-from a@mx.google.com)",
        "from filter (localhost [127.0.0.1]) by mailhost with LMTP (envelope-from <a@mx.google.com>)",
    ],
)
def test_a_known_receivers_name_anywhere_else_in_the_topmost_hop_tells_nothing(top: str) -> None:
    found = identify(f"Received: {top}\n" + at_gmail("mailout862.ngpweb.com (mailout862.ngpweb.com. [192.82.209.62])", "pass"))
    assert found.receiver is None
    assert certain_of(found) == set()


WHITE_LABEL = "mail3.news.shop.example (mail3.news.shop.example. [198.18.7.23])"
TOOL = "Feedback-ID: 50021:10567834:engaging\n"


def white_label(hop: str = WHITE_LABEL, dmarc: str = "pass", more: str = "") -> Identification:
    """What a house sends under its customer's name: own server name, own signature, that covers nothing of the house."""
    signature = "DKIM-Signature: v=1; d=news.shop.example; s=k1; h=from:subject; b=x; bh=y\n"
    results = f"dkim=pass header.i=@news.shop.example header.s=k1; dmarc={dmarc} header.from=news.shop.example;"
    text = at_gmail(hop, "pass", results, signature + more + TOOL, "a@news.shop.example").partition("From: ")[0]
    return identify(text + "From: Shop <a@news.shop.example>\nSubject: x\n\nText.\n")


def test_mail_under_the_authors_own_name_may_say_whose_servers_sent_it() -> None:
    found = white_label()
    assert (found.platform, found.delivery) == ("Engaging Networks", "Engaging Networks")
    assert certain_of(found) == set()


@pytest.mark.parametrize(
    "found",
    [
        white_label(hop=STRANGER),
        white_label(dmarc="fail"),
        white_label(more="DKIM-Signature: v=1; d=e-activist.com; s=old; h=from:feedback-id; b=z; bh=y\n"),
    ],
    ids=["a stranger's server", "DMARC fails", "a broken signature beside it"],
)
def test_a_strangers_copy_of_it_names_nobody(found: Identification) -> None:
    assert (found.platform, found.delivery) == (None, None)


@pytest.mark.parametrize(("length", "trust"), [("", Trust.SIGNED), (" l=40;", Trust.CLAIMED)])
def test_a_link_below_the_signed_part_of_the_body_is_nobodys(length: str, trust: Trust) -> None:
    signature = f"DKIM-Signature: v=1; d=stranger.example; s=k1;{length} h=from; b=x; bh=y\n"
    found = identify(
        at_gmail(STRANGER, "pass", "dkim=pass header.i=@stranger.example header.s=k1;", signature).partition("From: ")[0]
        + "From: a@stranger.example\nSubject: x\n\nhttps://click.ngpvan.com/1\n"
    )
    assert {fact.trust for fact in found.evidence if fact.field == "body-link-host"} == {trust}


MAILCHIMP_FIELDS = "X-MC-User: 0123456789abcdef012345678\nFeedback-ID: 1:2:campaign:mc\n"
MAILCHIMP_SIGNED = "DKIM-Signature: v=1; d=shop.example; s=k1; h=from:x-mc-user:feedback-id; b=x; bh=y\n" + MAILCHIMP_FIELDS


@pytest.mark.parametrize(
    ("spf", "delivery"),
    [("pass", None), ("softfail", "Mailchimp")],
    ids=["the author sends it from elsewhere", "somebody passed it on"],
)
def test_a_house_that_lists_all_its_addresses_is_not_believed_of_another(spf: str, delivery: str | None) -> None:
    text = at_gmail(STRANGER, spf, "dkim=pass header.i=@shop.example header.s=k1;", MAILCHIMP_SIGNED, "a@shop.example")
    found = identify(text.partition("From: ")[0] + "From: Shop <a@shop.example>\nSubject: x\n\nText.\n")
    assert found.delivery == delivery
    assert certain_of(found) == set()


def test_an_envelope_form_that_anybody_can_choose_names_no_house() -> None:
    envelope = "msprvs1=18000abcDEF=bounces-12-3@stranger.example"
    text = at_gmail(STRANGER, "pass", "", "", envelope)
    assert identify(text.partition("From: ")[0] + "From: a@stranger.example\nSubject: x\n\nText.\n").delivery is None


INNER = (
    "Received: from mailout862.ngpweb.com (mailout862.ngpweb.com [192.82.209.62]) by mx.forwarder.example (Postfix) with ESMTPS\n"
)


def plainly_forwarded(spf: str, dkim: str) -> Identification:
    """The envelope sender stays as it was, as where `.forward` or an alias passes mail on."""
    signature = "DKIM-Signature: v=1; d=campaign.example; s=k1; h=from:subject; b=x; bh=y\n"
    results = f"dkim={dkim} header.i=@campaign.example header.s=k1;"
    text = at_gmail(
        "mx.forwarder.example (mx.forwarder.example. [198.18.9.9])", spf, results, signature + INNER, "a@campaign.example"
    )
    return identify(text.partition("From: ")[0] + "From: a@campaign.example\nSubject: x\n\nText.\n")


def test_mail_that_was_passed_on_without_a_word_is_likely_of_the_house_before() -> None:
    found = plainly_forwarded("softfail", "pass")
    assert (found.delivery, found.delivery_confidence) == ("NGP VAN", Confidence.LIKELY)
    assert any("without a word" in conflict for conflict in found.conflicts)


@pytest.mark.parametrize(("spf", "dkim"), [("pass", "pass"), ("softfail", "fail")])
def test_a_hop_below_a_border_that_fits_or_that_nobody_signed_is_no_hint(spf: str, dkim: str) -> None:
    assert plainly_forwarded(spf, dkim).delivery is None


def test_outlook_keeps_the_envelope_of_a_former_receiver_above_its_own() -> None:
    results = "spf=pass (sender IP is 209.85.220.41) smtp.mailfrom=gmail.com; dkim=none (message not signed)"
    below = f"Return-Path: <b@bounce.myngp.com>\n{INNER}Return-Path: somebody+caf_=reader=seed.example@gmail.com\n"
    text = at_outlook("mail-sor-f41.google.com", "209.85.220.41", results, below).partition("From: ")[0]
    found = identify(text + "From: a@campaign.example\nSubject: x\n\nText.\n")
    assert (found.delivery, found.delivery_confidence) == ("NGP VAN", Confidence.LIKELY)


def test_a_tool_that_says_itself_that_it_uses_a_house_is_likely() -> None:
    text = at_gmail("a1.mxout.mta2.net (a1.mxout.mta2.net. [198.18.7.24])", "pass", "", "List-Id: <77.mdrctr.com>\n")
    found = identify(text.partition("From: ")[0] + "From: a@shop.example\nSubject: x\n\nText.\n")
    assert (found.platform, found.platform_confidence) == ("MDirector", Confidence.LIKELY)
    assert (found.delivery, found.delivery_confidence) == ("Elastic Email", Confidence.CERTAIN)
