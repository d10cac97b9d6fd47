"""The archived facts come through whole, and nothing a sender would have written is added."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, date, datetime

from monitor.demo.archive import ArchivedMail, as_message, read_january

MAILS = read_january()


def mail_from(domain: str) -> list[ArchivedMail]:
    return [mail for mail in MAILS if mail.domain == domain]


def test_january_is_218_messages_of_twelve_whole_days_in_the_order_of_sending() -> None:
    assert len(MAILS) == 218
    assert {mail.date.date() for mail in MAILS} == {date(2021, 1, day) for day in range(3, 15)}
    assert list(MAILS) == sorted(MAILS, key=lambda mail: mail.at)


def test_the_committees_last_mail_is_at_18_22_46_utc_on_the_sixth() -> None:
    mails = mail_from("victory.donaldtrump.com")
    assert [sum(mail.date.day == day for mail in mails) for day in (3, 4, 5, 6)] == [6, 8, 7, 4]
    assert mails[-1].at == datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC)


def test_a_message_has_the_archived_fields_our_received_line_and_mime_framing_only() -> None:
    for mail in MAILS:
        parsed = email.message_from_bytes(as_message(mail), policy=email.policy.compat32)
        assert parsed.keys() == [
            "Received",
            "Date",
            "Message-ID",
            "From",
            "Subject",
            "MIME-Version",
            "Content-Type",
            "Content-Transfer-Encoding",
        ]
        assert "from archive.example ([192.0.2.1]) by seed.gonequiet.example" in parsed["Received"]


def test_archived_values_are_read_back_unchanged() -> None:
    for mail in MAILS:
        parsed = email.message_from_bytes(as_message(mail), policy=email.policy.default)
        assert parsed["Subject"] == mail.subject
        assert parsed["From"].addresses[0].addr_spec == mail.address
        assert parsed["Date"].datetime == mail.date
        assert parsed["Message-ID"].strip() == mail.message_id
        body = parsed.get_content()
        assert [line for line in body.splitlines() if line.startswith("https://")] == [f"https://{h}/" for h in mail.link_hosts]


def test_a_name_archived_as_raw_encoded_words_is_not_encoded_again() -> None:
    raw = next(mail for mail in MAILS if mail.name.startswith("=?UTF-8?B?4q2Q77iPIERv"))
    assert f"From: {raw.name} <contact@victory.donaldtrump.com>".encode() in as_message(raw)
