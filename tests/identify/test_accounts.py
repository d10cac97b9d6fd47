"""Customer numbers are read where headers carry them and compared; subscribers are taken out of what is shown."""

from __future__ import annotations

from monitor.identify.redact import recipients_of, redact
from monitor.model import Account, Confidence
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
