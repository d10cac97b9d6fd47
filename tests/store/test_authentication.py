"""What receivers noted of SPF, DKIM and DMARC stays with a send, and so do the domains that signed it."""

from __future__ import annotations

from dataclasses import replace

from monitor.model import Confidence
from monitor.store.store import Store
from tests.store.build import POSTBIRD, a_copy, a_visit

NOTED = replace(POSTBIRD, sdids=("example.org", "postbird.example"), authentication=(("spf", "pass"), ("dkim", "fail")))


def test_they_come_back_with_the_send(store: Store) -> None:
    copy = a_copy(1, identification=NOTED)
    store.save_visit(a_visit([copy]), [copy])
    (send,) = store.sends()
    assert send.sdids == ("example.org", "postbird.example")
    assert send.authentication == (("spf", "pass"), ("dkim", "fail"))
    assert (send.platform_confidence, send.delivery_confidence) == (None, Confidence.LIKELY)


def test_one_receiver_that_saw_it_pass_outweighs_another_that_did_not(store: Store) -> None:
    other = replace(NOTED, authentication=(("dkim", "pass"), ("dmarc", "fail"), ("spf", "softfail")))
    copies = [a_copy(1, identification=NOTED), a_copy(1, inbox="seed-2", identification=other)]
    for copy in copies:
        store.save_visit(a_visit([copy], inbox=copy.raw.inbox), [copy])
    (send,) = store.sends()
    assert send.copies == 2
    assert dict(send.authentication) == {"spf": "pass", "dkim": "pass", "dmarc": "fail"}


def test_where_nothing_was_noted_nothing_is_said(store: Store) -> None:
    copy = a_copy(1)
    store.save_visit(a_visit([copy]), [copy])
    (send,) = store.sends()
    assert (send.sdids, send.authentication) == ((), ())


def test_a_rebuild_brings_them_to_older_mail(store: Store) -> None:
    copy = a_copy(1)
    store.save_visit(a_visit([copy]), [copy])
    batch = store.rebuild_next()
    assert batch is not None
    store.rebuild_keep(batch, {number: replace(copy, raw=raw, identification=NOTED) for number, raw in batch.messages.items()})
    (send,) = store.sends()
    assert send.authentication == NOTED.authentication
