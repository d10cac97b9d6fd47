"""Which stream writes to which of our addresses, and what a folder without numbers left for its next look."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from monitor.model import Checkpoint, Subscription
from monitor.store.store import Store
from tests.store.build import DAY, NOON, a_copy, a_visit


def test_a_subscription_is_a_stream_and_an_address_with_its_first_and_last_mail(url: str, tmp_path: Path) -> None:
    with Store.open(url, tmp_path / "originals") as store:
        for uid, at, stream, address in (
            (1, NOON + DAY, "a.example", "seed+a@x.example"),
            (2, NOON, "a.example", "seed+a@x.example"),
            (3, NOON, "a.example", "seed@x.example"),
            (4, NOON, "b.example", None),
            (5, NOON, "", "seed+none@x.example"),
        ):
            copy = replace(a_copy(uid, at, stream=stream), address=address)
            store.save_visit(a_visit([copy]), [copy])
        expected = (
            Subscription("a.example", "seed-1", "seed+a@x.example", NOON, NOON + DAY, 2),
            Subscription("a.example", "seed-1", "seed@x.example", NOON, NOON, 1),
            Subscription("b.example", "seed-1", None, NOON, NOON, 1),
        )
        assert store.subscriptions() == expected
        assert store.subscriptions("b.example") == expected[2:]


def test_a_checkpoint_keeps_its_state_and_uids_that_were_stored_are_known(url: str, tmp_path: Path) -> None:
    with Store.open(url, tmp_path / "originals") as store:
        copies = [a_copy(2**61 + n, uidvalidity=2**60) for n in (1, 2)]
        checkpoint = Checkpoint("INBOX", 2**60, 2, NOON, state='{"there": 2}')
        store.save_visit(replace(a_visit(copies), checkpoint=checkpoint), copies)
        assert store.checkpoints("seed-1") == {"INBOX": checkpoint}
        assert store.known_uids("seed-1", "INBOX", 2**60) == {2**61 + 1, 2**61 + 2}
        assert store.known_uids("seed-1", "INBOX", 1) == store.known_uids("seed-2", "INBOX", 2**60) == frozenset()


@pytest.mark.parametrize(("address", "kept"), [("b@seeds.example", 2), ("a@seeds.example", 1)])
def test_one_message_to_two_of_our_addresses_is_two_copies(address: str, kept: int, url: str, tmp_path: Path) -> None:
    with Store.open(url, tmp_path) as store:
        for uid, to in ((1, "a@seeds.example"), (2, address)):
            copy = replace(a_copy(uid, NOON, message_id="one@news.example.org"), address=to)
            store.save_visit(a_visit([copy]), [copy])
            store.save_visit(replace(a_visit(), vanished=((1, 1),)), [])
        assert [send.copies for send in store.sends()] == [kept]
