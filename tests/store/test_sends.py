"""Sends: whatever order copies arrive in, the store ends with the same ones, and tells of every change once."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from random import Random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from monitor.model import NewCopy, Send
from monitor.store.store import Store
from tests.store.build import DAY, HOUR, MINUTE, NOON, a_copy, a_visit

ANY_COPIES = st.lists(
    st.builds(
        lambda inbox, step, job, subject, mid: (inbox, step, job, subject, mid),
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 60),
        st.integers(0, 2),
        st.integers(1, 2),
        st.integers(0, 2),
    ),
    min_size=2,
    max_size=12,
)


def what_it_is(sends: Iterable[Send]) -> list[tuple[object, ...]]:
    """Everything but the numbers, which count in order of arrival."""
    return sorted(
        (s.stream, s.at, s.inboxes, s.copies, s.subject, s.message_id, s.stored_at, *s.placements.items()) for s in sends
    )


@settings(
    max_examples=100 if os.environ.get("GONEQUIET_LONG") else 10,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)  # shrinking takes minutes
@given(ANY_COPIES, st.randoms(use_true_random=False))
def test_any_order_and_any_batches_give_the_same_sends(
    tmp_path_factory: object, drawn: list[tuple[str, int, int, int, int]], random: Random
) -> None:
    folder: Path = tmp_path_factory.mktemp("order")  # type: ignore[attr-defined]
    copies = [
        a_copy(
            n,
            NOON + step * 40 * MINUTE,
            inbox=inbox,
            subject=f"s{subject}",
            message_id=f"m{mid}" if mid else None,
            fingerprints=tuple(f for f in (job and f"job:{job}", f"subject:{subject}") if f),
        )
        for n, (inbox, step, job, subject, mid) in enumerate(drawn, 1)
    ]
    shuffled = list(copies)
    random.shuffle(shuffled)
    with (
        Store.open(f"sqlite:///{folder}/one.sqlite3", folder) as one,
        Store.open(f"sqlite:///{folder}/two.sqlite3", folder) as two,
    ):
        for copy in shuffled:
            one.save_visit(a_visit([copy], inbox=copy.raw.inbox), [copy])
        two.save_imported(sorted(copies, key=lambda c: c.at), batch=random.randint(1, 12))
        assert what_it_is(one.sends()) == what_it_is(two.sends())
        assert sum(send.copies for send in one.sends()) == len({(c.raw.inbox, c.raw.sha256) for c in copies})


def visit(store: Store, *copies: NewCopy) -> tuple[Send, ...]:
    """The sends that the last inbox's copies made."""
    for _, some in itertools.groupby(copies, key=lambda c: c.raw.inbox):
        batch = list(some)
        known = {send.id for send in store.sends()}
        saved = store.save_visit(a_visit(batch, inbox=batch[0].raw.inbox), batch)
    made = tuple(send for send in store.sends() if send.id not in known)
    assert saved.new_sends == len(made)
    return made


def test_a_change_is_told_once(store: Store) -> None:
    visit(store, a_copy(1))
    sends, number = store.changed_sends(0)
    assert [s.copies for s in sends] == [1]
    assert store.changed_sends(number) == ((), number)
    visit(store, a_copy(2, NOON + DAY))
    sends, number = store.changed_sends(number)
    assert [s.at for s in sends] == [NOON + DAY]


def test_an_earlier_copy_moves_a_send_and_keeps_its_number(store: Store) -> None:
    [made] = visit(store, a_copy(1))
    _, number = store.changed_sends(0)
    assert visit(store, a_copy(1, NOON - HOUR, inbox="seed-2")) == ()
    [[moved], _] = store.changed_sends(number)
    assert (moved.id, moved.at, moved.copies) == (made.id, NOON - HOUR, 2)


def test_two_sends_that_turn_out_to_be_one_leave_one_to_be_forgotten(store: Store) -> None:
    [first] = visit(store, a_copy(1, fingerprints=("subject:a",)))
    [second] = visit(store, a_copy(1, NOON + HOUR, inbox="seed-2", fingerprints=("subject:b",)))
    _, number = store.changed_sends(0)
    between = a_copy(1, NOON + HOUR, inbox="seed-3", fingerprints=("subject:b", "subject:a"), text="between")
    before = a_copy(2, NOON - HOUR, inbox="seed-4", fingerprints=("subject:a", "subject:b"), text="before")
    visit(store, between, before)
    changed = {s.id: s.copies for s in store.changed_sends(number)[0]}
    [left] = store.sends()
    assert left.copies == 4
    assert changed == {left.id: 4, ({first.id, second.id} - {left.id}).pop(): 0}
    assert [s.id for s in store.changed_sends(0)[0]] == [left.id]


def test_a_long_chain_of_mails_under_one_subject_never_melts(store: Store) -> None:
    copies = [a_copy(n, NOON + n * 7 * HOUR, subject="Daily") for n in range(30)]
    Random(5).shuffle(copies)
    store.save_imported(copies, batch=4)
    assert [s.at for s in store.sends()] == [NOON + n * 7 * HOUR for n in range(30)]


def test_a_late_copy_can_shift_what_comes_after_it_far_beyond_the_window(store: Store) -> None:
    rest = [a_copy(n, NOON + n * 11 * HOUR, inbox=f"seed-{n}", subject="Drip", text=str(n)) for n in range(1, 25)]
    first = a_copy(99, NOON, inbox="seed-0", subject="Drip")
    store.save_imported(rest, batch=6)
    visit(store, first)
    assert [s.at for s in store.sends()] == [NOON + n * 22 * HOUR for n in range(13)]


def test_sends_are_read_by_stream_and_time(store: Store) -> None:
    visit(
        store,
        *(a_copy(day, NOON + day * DAY, subject=str(day)) for day in range(4)),
        a_copy(9, NOON + DAY, stream="other.example", organisation="other.example"),
    )
    assert [s.subject for s in store.sends(stream="news.example.org", since=NOON + DAY, until=NOON + 3 * DAY)] == ["1", "2"]
    assert [s.at for s in store.sends()] == sorted(s.at for s in store.sends())
    last = store.last_send("news.example.org")
    assert last is not None
    assert last.subject == "3"
    after = store.first_send_after("news.example.org", NOON + DAY)
    assert after is not None
    assert after.subject == "2"
    assert store.first_send_after("news.example.org", NOON + 3 * DAY) is None
    assert store.last_send("nobody.example") is None


def test_witnesses_are_the_inboxes_that_get_a_stream_nowadays(store: Store) -> None:
    old = [a_copy(n, NOON + n * DAY, inbox="gone", subject=str(n)) for n in range(3)]
    new = [a_copy(n, NOON + (3 + n) * DAY, inbox="seed-1", subject=str(n)) for n in range(25)]
    store.save_imported(old + new)
    assert store.witnesses("news.example.org") == ("seed-1",)
    assert store.identified()["news.example.org"].delivery == "Postbird"


def test_half_read_sends_do_not_keep_a_writer_waiting(store: Store) -> None:
    store.save_imported(a_copy(n, NOON + n * timedelta(days=1), subject=str(n)) for n in range(5))
    reading = store.sends()
    next(reading)
    visit(store, a_copy(50, NOON + 50 * DAY))
    reading.close()  # type: ignore[attr-defined]
    assert len(list(store.sends())) == 6


def test_changes_far_apart_that_meet_through_what_they_shift_give_the_same_sends(store: Store, tmp_path: Path) -> None:
    def drip(n: int) -> NewCopy:
        return a_copy(n, NOON + n * 11 * HOUR, inbox=f"seed-{n}", subject="Drip", text=str(n))

    chain = [drip(n) for n in range(1, 30)]
    late = [a_copy(n, NOON + hours * HOUR, inbox="late", subject="Drip") for n, hours in ((76, 0), (77, 100), (78, 230))]
    imported = [*chain, *late]
    store.save_imported(chain, batch=50)
    store.save_imported(late, batch=50)
    with Store.open(f"sqlite:///{tmp_path / 'fresh.sqlite3'}", tmp_path / "fresh") as fresh:
        fresh.save_imported(sorted(imported, key=lambda c: c.at), batch=100)
        assert what_it_is(store.sends()) == what_it_is(fresh.sends())
        assert sum(send.copies for send in store.sends()) == len(imported)
