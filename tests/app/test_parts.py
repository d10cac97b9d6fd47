"""What a change of settings needs beside a SIGHUP."""

from __future__ import annotations

import pytest

from monitor.app.parts import needs_rebuild
from monitor.settings import Settings


@pytest.mark.parametrize(
    ("changed", "needed"),
    [
        ({}, False),
        ({"streams": [{"name": "news.example.org", "domains": ["news.example.org"], "gap": {"floor": "9h"}}]}, False),
        ({"streams": [{"name": "noise", "domains": ["noise.example"], "ignore": True}]}, False),
        ({"streams": [{"name": "campaign", "domains": ["news.example.org", "mail.example.org"]}]}, True),
        ({"organisations": [{"name": "Joint committee", "domains": ["example.org"]}]}, True),
    ],
)
def test_stored_mail_is_to_be_read_again_where_it_would_belong_to_others(changed: dict[str, object], needed: bool) -> None:
    before, after = Settings(), Settings.model_validate(changed)
    assert (needs_rebuild(before, after), needs_rebuild(after, before), needs_rebuild(after, after)) == (needed, needed, False)
