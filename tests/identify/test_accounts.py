"""Customer numbers are read where headers carry them and compared; subscribers are taken out of what is shown."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode

import pytest

from monitor.identify.redact import recipients_of, redact
from monitor.model import Account, Confidence, Identification
from tests.identify.shipped_knowledge import identify, real

ESP = "Salesforce Marketing Cloud"


def test_the_exacttarget_number_is_certain_where_envelope_and_headers_agree() -> None:
    found = identify(real("exacttarget"))
    assert found.account == Account(ESP, "mid", "1062583")
    assert found.account_confidence is Confidence.CERTAIN
    assert found.job == f"{ESP}:4035811"


def test_two_different_numbers_are_a_conflict() -> None:
    found = identify(real("exacttarget").replace("x-job: 1062583_", "x-job: 7777777_"))
    assert found.account == Account(ESP, "mid", "1062583")
    assert found.account_confidence is Confidence.POSSIBLE
    assert any("7777777" in conflict for conflict in found.conflicts)


def test_a_number_that_only_the_sender_claims_is_not_certain() -> None:
    found = identify(real("blue-state-digital"))
    assert (found.platform_confidence, found.account_confidence) == (Confidence.CERTAIN, Confidence.LIKELY)


def exacttarget_with_token(payload: str) -> Identification:
    """The real message with a list link that holds a JSON Web Token, as mail since 2021 has it."""
    token = ".".join(urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in ('{"typ":"JWT","alg":"HS256"}', payload))
    link = f"\nList-Unsubscribe: <https://click.email.aarp.org/subscription_center.aspx?jwt={token}.sig>\nSubject:"
    return identify(real("exacttarget").replace("\nSubject:", link, 1))


def test_the_token_of_the_list_link_is_checked_against_the_other_numbers() -> None:
    same = exacttarget_with_token('{"mid":"1062583","s":"50385603","lid":"21","j":"4035811","jb":"5","d":"40001"}')
    assert (same.account, same.account_confidence) == (Account(ESP, "mid", "1062583"), Confidence.CERTAIN)
    other = exacttarget_with_token('{"mid":"5240000","s":"50385603","lid":"21","j":"4035811","jb":"5","d":"40001"}')
    assert other.account_confidence is Confidence.POSSIBLE
    assert any("5240000" in conflict for conflict in other.conflicts)
    assert not [fact for fact in same.evidence if "50385603" in fact.value or "eyJtaWQ" in fact.value]


@pytest.mark.parametrize("payload", ["", "{", '{"mid":1}', "\xff" * 50, '{"mid":"' + "1" * 5000])
def test_a_token_that_holds_no_number_is_passed_over(payload: str) -> None:
    assert exacttarget_with_token(payload).account == Account(ESP, "mid", "1062583")


def test_sparkposts_customer_is_read_and_the_recipient_beside_it_is_not_shown() -> None:
    inside = b'{"r":"reader@seed.example","customer_id":"14721","tenant_id":"spc"}'
    hop = "mta1.sparkpostmail.com (mta1.sparkpostmail.com. [198.18.7.23])"
    found = identify(
        f"Received: from {hop} by mx.google.com with ESMTPS id x1\n"
        "Authentication-Results: mx.google.com; spf=pass smtp.mailfrom=a@a.example\n"
        f"X-MSFBL: abc=|{b64encode(inside).decode()}\nFrom: a@a.example\n\nText.\n"
    )
    assert (found.delivery, found.account) == ("SparkPost", Account("SparkPost", "customer_id", "14721"))
    assert found.account_confidence is Confidence.LIKELY
    assert not [fact for fact in found.evidence if "reader" in fact.value or b64encode(inside).decode()[:30] in fact.value]


def test_the_platforms_number_comes_before_the_deliverys() -> None:
    text = real("nationbuilder-through-sendgrid")
    assert identify(text).account == Account("SendGrid", "user_id", "5727655")
    own = "List-Unsubscribe: <https://somenation.nationbuilder.com/unsubscribe>\nSubject:"
    assert identify(text.replace("Subject:", own, 1)).account == Account("NationBuilder", "nation", "somenation")


def test_subscribers_and_tokens_are_taken_out_of_what_is_shown() -> None:
    envelope = "bounce-21_HTML-50385603-4035811-1062583-224212@bounce.example.org"
    assert "50385603" not in redact(envelope)
    assert "leave-0123" not in redact("<mailto:leave-0123456789abcdef-fe61@leave.example.org>")
    assert redact("token=0123456789abcdef0123456789abcdef") != "token=0123456789abcdef0123456789abcdef"
    assert len(redact("x y " * 1000)) <= 160


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("<https://click.x.com/unsub/TOK12345>", "<https://click.x.com/…>"),
        ("https://x.com/u?id=98765&l=42", "https://x.com/…"),
        ("http://x.co/u/9", "http://x.co/…"),
        (
            "<https://x.com?e=seed%40example.org>, <mailto:u-98765@x.com?subject=TOK12345>",
            "<https://x.com/…>, <mailto:…@x.com/…>",
        ),
        ("<mailto:u@x?subject=TOK12345>", "<mailto:…@x?…>"),
        ("a?e=seed%40example.org", "…@example.org"),
        ("//click.x.com/unsub/TOK12345", "//click.x.com/…"),
        ("bounces+12345-ab12-seed=example.org@em.x.com", "…@em.x.com"),
        ("https://www.x.com", "https://www.x.com"),
        ("PHPMailer 5.2.22", "PHPMailer 5.2.22"),
    ],
)
def test_of_links_and_addresses_only_the_host_is_shown(value: str, shown: str) -> None:
    assert redact(value) == shown


def test_the_recipient_is_taken_out_in_every_form() -> None:
    forms = recipients_of(("Reader@seed.example",))
    assert forms
    shown = redact("https://x.example/?m=Reader=seed.example&n=Reader", forms)
    assert "Reader" not in shown


def test_no_evidence_of_a_real_message_names_its_reader() -> None:
    for name in ("exacttarget", "mailchimp-sign-up", "hubspot-through-sendgrid", "mailgun-application", "ngp-van"):
        for fact in identify(real(name)).evidence:
            assert "reader" not in fact.value, fact


def test_what_the_receiver_noted_of_authentication_is_kept() -> None:
    assert dict(identify(real("exacttarget")).authentication) == {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
    assert dict(identify(real("own-servers")).authentication) == {"spf": "pass", "dmarc": "fail"}
    assert identify(real("exacttarget"), "none").authentication == ()


PUBLICATION = '{"account_name":"https://daily.beehiiv.com/","campaign_id":"33df71dc-2b25-4227-a3e3-5efa003d7225","user_id":"71fc7e6d-cd28-47c6-aa1e-5d673d88c28e"}'


@pytest.mark.parametrize(
    ("fields", "account", "job"),
    [
        ("Feedback-ID: 8288185:6168550:9774:iterable\n", Account("Iterable", "project", "9774"), "6168550"),
        (
            "Feedback-ID: 2287853:activecampaign\nX-250ok-CID: 2287853-53\nMessage-ID: <2.swift@shop.activehosted.com>\n",
            Account("ActiveCampaign", "client", "2287853"),
            "53",
        ),
        ("Message-ID: <2.swift@shop.activehosted.com>\n", Account("ActiveCampaign", "account_name", "shop"), None),
        (
            f"X-Beehiiv-Ids: {PUBLICATION}\n",
            Account("beehiiv", "publication", "daily.beehiiv.com"),
            "33df71dc-2b25-4227-a3e3-5efa003d7225",
        ),
        ("X-campaignid: Convio-poola-tsg-17041\n", Account("Luminate Online", "organisation", "tsg"), "17041"),
        ("X-Sail-Id: 4249.5239044.28700238\n", Account("Sailthru", "client", "4249"), None),
        (
            "X-Mailer: Zendesk Mailer\nX-Zendesk-From-Account-Id: 68b8aed\n",
            Account("Zendesk", "account", "68b8aed"),
            None,
        ),
        ("X-elqSiteID: 123456\nX-elqPod: 0xA\n", Account("Oracle Eloqua", "site", "123456"), None),
        (
            "Feedback-ID: pod1:2:ibmsilverpop\nx-orgId: 15120\nx-mid: 12345678\n",
            Account("Acoustic", "organisation", "15120"),
            "12345678",
        ),
        ("Feedback-ID: 2129:74:2100156951.56276.167:iConstituent\n", Account("iConstituent", "client", "2129"), "74"),
    ],
)
def test_numbers_are_read_where_each_house_writes_them(fields: str, account: Account, job: str | None) -> None:
    found = identify(f"{fields}From: a@shop.example\nSubject: x\n\nText.\n")
    assert found.account == account
    assert found.account_confidence is not Confidence.CERTAIN
    assert found.job == (f"{account.provider}:{job}" if job else None)
    assert "cd28-47c6" not in "".join(fact.value for fact in found.evidence)
