"""Canary mail is recognised by a token that only we can sign."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from monitor.collect.canary import canary_mail, sign, token_in
from monitor.collect.parse import parse_message

KEY, TOKEN = b"k" * 32, "0123456789" * 2
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_our_own_mail_is_recognised_whatever_the_way_added() -> None:
    mail = canary_mail(TOKEN, KEY, "canary@example.org", "quiet-1@example.net", NOW)
    raw = b"Received: from a by b; Mon, 2 Mar 2026 12:00:01 +0000\r\n" + mail.as_bytes()
    message = parse_message(raw)
    assert token_in(message.headers, KEY) == TOKEN
    assert (message.from_address, message.sent_at, message.problems) == ("canary@example.org", NOW, ())
    assert mail["To"] == "quiet-1@example.net"
    assert mail["Auto-Submitted"] == "auto-generated"


def test_the_mail_names_neither_inbox_nor_address_in_its_text() -> None:
    mail = canary_mail(TOKEN, KEY, "canary@example.org", "quiet-1@example.net", NOW)
    assert "quiet-1" not in mail.get_content()
    assert not mail.is_multipart()


@pytest.mark.parametrize(
    "value",
    [
        TOKEN,
        f"{TOKEN}.{'0' * 32}",
        sign(TOKEN, b"another key"),
        sign("f" * 20, KEY).replace("f" * 20, TOKEN),
        sign(TOKEN, KEY).upper(),
        f"{sign(TOKEN, KEY)}0",
        "",
    ],
)
def test_what_we_did_not_sign_is_other_mail(value: str) -> None:
    assert token_in((("x-gonequiet-canary", value),), KEY) is None


def test_without_a_key_nothing_is_a_canary() -> None:
    assert token_in((("x-gonequiet-canary", sign(TOKEN, KEY)),), None) is None
