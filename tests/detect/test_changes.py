"""Following sends as they come gives the same changes as the whole history in order, however they come."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.detect.changes import WAIT, Changes, sent_through
from monitor.detect.infrastructure import Aspect, find_changes
from monitor.model import Confidence, Send

START = datetime(2021, 3, 1, 12, tzinfo=UTC)
END = START + timedelta(days=100)
ALWAYS = START - timedelta(days=1)


def a_send(number: int, platform: str | None, result: str = "pass", stream: str = "news.example.org") -> Send:
    at = START + timedelta(hours=number)
    return Send(
        number, stream, "example.org", at, at, ("seed-1",), 1, {"INBOX": 1}, platform=platform, authentication=(("dkim", result),)
    )


def followed(sends: list[Send], *, now: datetime = END) -> Changes:
    changes = Changes()
    changes.add_sends(sends)
    assert changes.settle(now) == ()
    return changes


MOVED = [a_send(n, "Old" if n < 20 else "New", "pass" if n < 20 else "fail") for n in range(30)]


def test_a_move_and_a_breakage_are_found() -> None:
    changes = followed(MOVED)
    assert [(c.aspect, c.after.value) for c in changes.changes(ALWAYS)] == [(Aspect.PLATFORM, "New")]
    assert [b.method for b in changes.breakages()] == ["dkim"]
    assert changes.changes(START + timedelta(hours=25)) == []


@given(st.integers(1, 29), st.randoms(use_true_random=False))
def test_batches_and_order_within_them_make_no_difference(cut: int, dice: random.Random) -> None:
    changes = Changes()
    for batch in (MOVED[:cut], MOVED[cut:]):
        changes.add_sends(dice.sample(batch, len(batch)))
        assert changes.settle(batch[-1].stored_at + WAIT) == ()
    whole = followed(MOVED)
    assert changes.changes(ALWAYS) == whole.changes(ALWAYS) == list(find_changes(map(sent_through, MOVED)))
    assert changes.breakages() == whole.breakages()


def test_the_same_sends_again_change_nothing() -> None:
    changes = followed(MOVED)
    before = changes.changes(ALWAYS)
    changes.add_sends([replace(send, copies=2, inboxes=("seed-1", "seed-2")) for send in MOVED])
    assert changes.settle(END) == ()
    assert changes.changes(ALWAYS) == before


def test_a_send_waits_for_its_other_copies() -> None:
    changes = Changes()
    changes.add_sends(MOVED)
    assert changes.settle(MOVED[5].stored_at) == ()
    assert changes.changes(ALWAYS) == []
    changes.settle(END)
    assert len(changes.changes(ALWAYS)) == 1


def test_a_late_send_puts_its_stream_behind_until_the_history_is_given() -> None:
    late, others = MOVED[3], [send for send in MOVED if send is not MOVED[3]]
    changes = followed(others)
    changes.add_sends([late])
    assert changes.settle(END) == ("news.example.org",)
    changes.restart("news.example.org", MOVED, END)
    assert changes.settle(END) == ()
    assert changes.changes(ALWAYS) == followed(MOVED).changes(ALWAYS)


def test_sends_that_read_otherwise_now_or_are_gone_put_their_stream_behind() -> None:
    changes = followed(MOVED)
    changes.add_sends([replace(MOVED[25], platform="Old")])
    assert changes.settle(END) == ("news.example.org",)
    changes.restart("news.example.org", MOVED, END)
    changes.add_sends([replace(MOVED[25], copies=0)])
    assert changes.settle(END) == ("news.example.org",)


def test_what_is_only_possible_is_not_followed() -> None:
    unsure = [replace(send, platform_confidence=Confidence.POSSIBLE) for send in MOVED[20:]]
    assert followed([*MOVED[:20], *unsure]).changes(ALWAYS) == []
