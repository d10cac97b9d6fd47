"""To which of our addresses a message came: what our server wrote counts, not what the sender did."""

from __future__ import annotations

import pytest

from monitor.identify.address import OwnAddresses, our_address

SEED = OwnAddresses(["seed@mail.example", "@seeds.example"])
RECEIVED = ("received", "from a by b; Wed, 07 Jan 2026 03:10:00 +0000")


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ([("delivered-to", "Seed@Mail.Example"), RECEIVED], "seed@mail.example"),
        ([("delivered-to", "seed+acme@mail.example"), RECEIVED], "seed+acme@mail.example"),
        ([("envelope-to", "<acme@seeds.example>"), RECEIVED], "acme@seeds.example"),
        # Postfix with a catch-all: the address that was written to, then the mailbox that it leads to.
        ([("x-original-to", "acme@seeds.example"), ("delivered-to", "seed@mail.example"), RECEIVED], "acme@seeds.example"),
        ([("delivered-to", "seed@mail.example"), ("x-original-to", "acme@seeds.example"), RECEIVED], "acme@seeds.example"),
        # Of another's address nothing is kept, and one further down that is ours still counts: the mail was forwarded.
        (
            [("delivered-to", "other@else.example"), RECEIVED, ("delivered-to", "acme@seeds.example"), RECEIVED],
            "acme@seeds.example",
        ),
        # The sender wrote one too.
        ([("delivered-to", "seed@mail.example"), RECEIVED, ("delivered-to", "victim@seeds.example")], "seed@mail.example"),
        ([RECEIVED, ("to", "acme@seeds.example")], None),
        ([("delivered-to", "seed"), ("delivered-to", ""), ("delivered-to", "a@b@seeds.example"), RECEIVED], None),
        ([("delivered-to", "x" * 90 + "@seeds.example")], None),
        ([("delivered-to", "seedling@mail.example")], None),
        ([], None),
    ],
)
def test_the_topmost_server_that_notes_one_of_ours_is_believed(headers: list[tuple[str, str]], address: str | None) -> None:
    assert our_address(headers, SEED) == address


def test_without_addresses_in_the_settings_the_topmost_that_was_noted_is_ours() -> None:
    headers = [("x-original-to", "acme@anything.example"), ("delivered-to", "box@host.example"), RECEIVED]
    assert our_address(headers, OwnAddresses([])) == "acme@anything.example"
    assert our_address(headers, OwnAddresses(["seed"])) == "acme@anything.example"  # a user's name that is no address
