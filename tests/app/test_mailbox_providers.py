"""Which inboxes one mailbox provider filters, and that no domain of a seed is named."""

from __future__ import annotations

import pytest

from monitor.app.mailbox_providers import mailbox_providers
from monitor.settings import InboxKind, InboxSettings
from tests.identify.shipped_knowledge import identifier


def at(host: str, name: str, **more: object) -> InboxSettings:
    return InboxSettings(name=name, host=host, user=name, password_env="UNUSED").model_copy(update=more)


@pytest.mark.parametrize(
    ("one", "two", "is_same"),
    [
        (at("imap.seeds.example", "a"), at("mail.seeds.example", "b"), True),
        (at("imap.seeds.example", "a"), at("imap.other.example", "b"), False),
        (at("imap.seeds.co.uk", "a"), at("imap.other.co.uk", "b"), False),
        (at("10.0.0.1", "a"), at("10.1.0.1", "b"), False),
        (at("imap.gmail.com", "a"), at("imap.googlemail.com", "b"), True),
        (at("imap.seeds.example", "a", receiver="Gmail"), at("imap.gmail.com", "b"), True),
        (
            at("", "a", kind=InboxKind.MAILDIR, user="", addresses=("@seeds.example",)),
            at("", "b", kind=InboxKind.LISTENER, user="", addresses=("@in.seeds.example",)),
            True,
        ),
        (at("", "a", kind=InboxKind.MAILDIR, user=""), at("", "b", kind=InboxKind.MBOX, user=""), False),
    ],
)
def test_who_runs_a_mailbox(one: InboxSettings, two: InboxSettings, is_same: bool) -> None:
    found = mailbox_providers((one, two), identifier())
    assert (found["a"] == found["b"]) == is_same
    assert not any("seeds" in text for provider in found.values() for text in (provider.key, provider.named))
