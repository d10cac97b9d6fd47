"""Which copies are one send, as values in and values out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detect.sends import OPEN_FOR, Group, GroupedCopy, group, regroup

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def copy_of(number: int, inbox: str, after: timedelta, *fingerprints: str, message_id: str | None = None) -> GroupedCopy:
    return GroupedCopy(number, inbox, NOON + after, f"{number:064x}", message_id, fingerprints)


def members(groups: list[Group]) -> list[set[int]]:
    return [{c.id for c in g.copies} for g in groups]


@pytest.mark.parametrize(
    ("what", "copies", "expected"),
    [
        (
            "one mailing over three inboxes is one send",
            [copy_of(n, f"seed-{n}", n * timedelta(minutes=20), "subject:a", f"body:{n}") for n in (1, 2, 3)],
            [{1, 2, 3}],
        ),
        (
            "the same subject a day later is another send",
            [copy_of(1, "a", 0 * HOUR, "subject:a"), copy_of(2, "b", 24 * HOUR, "subject:a")],
            [{1}, {2}],
        ),
        (
            "two subjects of one job are one send",
            [copy_of(1, "a", 0 * HOUR, "job:7", "subject:a"), copy_of(2, "b", HOUR, "job:7", "subject:b")],
            [{1, 2}],
        ),
        (
            "a resend under the same subject with another job is another send, in whatever inbox",
            [
                copy_of(1, "a", 0 * HOUR, "job:7", "subject:a"),
                copy_of(2, "a", 5 * HOUR, "job:8", "subject:a"),
                copy_of(3, "b", 5 * HOUR, "job:8", "subject:a"),
            ],
            [{1}, {2, 3}],
        ),
        (
            "a resend to the same inbox without any job is another send",
            [copy_of(1, "a", 0 * HOUR, "subject:a"), copy_of(2, "a", 3 * HOUR, "subject:a")],
            [{1}, {2}],
        ),
        (
            "two addresses of one inbox get one send",
            [copy_of(1, "a", 0 * HOUR, "subject:a"), copy_of(2, "a", HOUR, "subject:a")],
            [{1, 2}],
        ),
        (
            "one Message-ID is one send, whatever else differs",
            [
                copy_of(1, "a", 0 * HOUR, "job:1", "subject:a", message_id="x@y"),
                copy_of(2, "a", 5 * HOUR, "job:2", "subject:b", message_id="x@y"),
            ],
            [{1, 2}],
        ),
        (
            "a personal subject over the same body is one send",
            [copy_of(1, "a", 0 * HOUR, "subject:a", "body:x"), copy_of(2, "b", HOUR, "subject:b", "body:x")],
            [{1, 2}],
        ),
        (
            "copies that share nothing are sends of their own",
            [copy_of(1, "a", 0 * HOUR, "subject:a"), copy_of(2, "b", 0 * HOUR, "subject:b"), copy_of(3, "c", 0 * HOUR)],
            [{1}, {2}, {3}],
        ),
        (
            "a mailing triggered every hour under one subject stays one send an hour",
            [copy_of(n, "a", n * 2 * HOUR, "subject:a") for n in range(1, 6)],
            [{1}, {2}, {3}, {4}, {5}],
        ),
        (
            "the last moment at which a send is open still counts",
            [copy_of(1, "a", 0 * HOUR, "job:1"), copy_of(2, "b", OPEN_FOR, "job:1")],
            [{1, 2}],
        ),
    ],
)
def test_copies_are_grouped_to_sends(what: str, copies: list[GroupedCopy], expected: list[set[int]]) -> None:
    assert members(group(copies)) == expected, what


def test_a_send_begins_with_its_earliest_copy() -> None:
    found = group([copy_of(1, "a", HOUR, "job:1"), copy_of(2, "b", 0 * HOUR, "job:1")])
    assert [g.at for g in found] == [NOON]


COPIES = st.lists(
    st.builds(
        lambda inbox, minutes, job, subject, body, mid: (
            inbox,
            timedelta(minutes=minutes * 20),
            tuple(f"{kind}:{value}" for kind, value in (("job", job), ("subject", subject), ("body", body)) if value),
            f"m{mid}" if mid else None,
        ),
        st.sampled_from("abc"),
        st.integers(0, 200),
        st.integers(0, 2),
        st.integers(0, 2),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=300, deadline=None)
@given(COPIES, st.randoms(use_true_random=False))
def test_growing_in_any_order_and_in_any_batches_gives_the_same_sends(drawn: list, random: object) -> None:  # type: ignore[type-arg]
    copies = [copy_of(n, inbox, after, *marks, message_id=mid) for n, (inbox, after, marks, mid) in enumerate(drawn)]
    shuffled = list(copies)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    stored: list[GroupedCopy] = []
    ids = iter(range(1, 10_000))
    while shuffled:
        size = random.randint(1, 4)  # type: ignore[attr-defined]
        batch, shuffled = shuffled[:size], shuffled[size:]
        stored = _arrive(stored, batch, ids)
    assert all(c.send_at == min(o.at for o in stored if o.send == c.send) for c in stored)
    grown = {frozenset(c.id for c in stored if c.send == send) for send in {c.send for c in stored}}
    assert grown == {frozenset(m) for m in members(group(copies))}


def _arrive(stored: list[GroupedCopy], batch: list[GroupedCopy], ids: object) -> list[GroupedCopy]:
    """What the store does with a batch: walk again around it, and keep where each copy is now."""
    everything = stored + batch
    first = min(c.at for c in batch)
    window = [c for c in everything if c.at >= first - OPEN_FOR]
    homes: dict[int, GroupedCopy] = {}
    for found in regroup(window, first, max(c.at for c in batch)).groups:
        send = found.id if found.id is not None else next(ids)  # type: ignore[call-overload]
        homes |= {c.id: replace(c, send=send, send_at=found.at) for c in found.copies}
    return [homes.get(c.id, c) for c in everything]
