"""Rebuild: what better signatures or other stream rules say today replaces what was stored, from the originals alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from monitor.model import Confidence, Identification, NewCopy, ParseProblem, StreamKey
from monitor.store.store import Store
from tests.store.build import HOUR, NOON, POSTBIRD, a_copy, a_visit

BETTER = replace(POSTBIRD, delivery="Ravenmail", delivery_confidence=Confidence.CERTAIN)


def stored(store: Store, *copies: NewCopy) -> dict[str, NewCopy]:
    for copy in copies:
        store.save_visit(a_visit([copy], inbox=copy.raw.inbox), [copy])
    return {copy.raw.sha256: copy for copy in copies}


def rebuild(store: Store, known: dict[str, NewCopy], read: Callable[[NewCopy], NewCopy], size: int = 2) -> tuple[str, ...]:
    """Read all again with `read`; what was said of lost originals."""
    lost: tuple[str, ...] = ()
    while (batch := store.rebuild_next(size)) is not None:
        store.rebuild_keep(batch, {n: replace(read(known[raw.sha256]), raw=raw) for n, raw in batch.messages.items()})
        lost += batch.lost
    return lost


def test_a_new_signature_is_applied_to_old_mail(store: Store) -> None:
    known = stored(
        store, *(a_copy(n, NOON + n * HOUR, subject=str(n), problems=(ParseProblem("date", "x"),)) for n in range(1, 6))
    )
    before = [(s.id, s.at, s.copies) for s in store.sends()]
    rebuild(store, known, lambda c: replace(c, identification=BETTER, message=replace(c.message, problems=())))
    assert {s.delivery for s in store.sends()} == {"Ravenmail"}
    assert [(s.id, s.at, s.copies) for s in store.sends()] == before
    last = store.last_identification("news.example.org")
    assert last is not None
    assert last.identification == BETTER
    assert store.copies_total() == {("news.example.org", "Ravenmail", "INBOX"): 5}
    assert store.identified_total() == {("Ravenmail", "certain"): 5}
    assert store.problems_total() == {}


def test_nothing_changes_where_the_same_is_read(store: Store) -> None:
    known = stored(store, a_copy(1), a_copy(1, inbox="seed-2"), a_copy(2, NOON + HOUR, subject="b"), a_copy(3, stream=None))
    before = (list(store.sends()), store.copies_total(), store.identified_total(), store.changed_sends(0))
    rebuild(store, known, lambda copy: copy)
    assert (list(store.sends()), store.copies_total(), store.identified_total(), store.changed_sends(0)) == before


def test_mail_moves_to_another_stream_with_its_sends(store: Store) -> None:
    known = stored(
        store, *(a_copy(n, NOON + n * HOUR, subject=str(n)) for n in range(4)), a_copy(9, NOON + HOUR, subject="1", inbox="b")
    )
    _, number = store.changed_sends(0)

    def moved(copy: NewCopy) -> NewCopy:
        return replace(copy, key=StreamKey("merged.example", "merged.example")) if copy.message.subject in {"1", "3"} else copy

    rebuild(store, known, moved)
    assert [(s.stream, s.subject, s.copies) for s in store.sends()] == [
        ("news.example.org", "0", 1),
        ("merged.example", "1", 2),
        ("news.example.org", "2", 1),
        ("merged.example", "3", 1),
    ]
    forgotten = [s.subject for s in store.changed_sends(number)[0] if s.copies == 0]
    assert set(forgotten) == {"1", "3"}
    rebuild(store, known, lambda copy: copy)
    assert {s.stream for s in store.sends()} == {"news.example.org"}


def test_other_fingerprints_split_and_join_sends(store: Store) -> None:
    known = stored(store, a_copy(1), a_copy(1, NOON + HOUR, inbox="seed-2"))
    assert [s.copies for s in store.sends()] == [2]
    rebuild(store, known, lambda copy: replace(copy, send_fingerprints=(f"job:{copy.raw.inbox}",)), size=1)
    assert [s.copies for s in store.sends()] == [1, 1]
    rebuild(store, known, lambda copy: replace(copy, send_fingerprints=("job:1",)), size=1)
    assert [s.copies for s in store.sends()] == [2]


def test_an_interrupted_rebuild_goes_on_where_it_was(store: Store) -> None:
    known = stored(store, *(a_copy(n, NOON + n * HOUR, subject=str(n)) for n in range(1, 5)))
    first = store.rebuild_next(3)
    assert first is not None
    assert len(first.messages) == 3
    assert store.rebuild_next(3) == first
    store.rebuild_keep(first, {n: known[raw.sha256] for n, raw in first.messages.items()})
    second = store.rebuild_next(3)
    assert second is not None
    assert [raw.sha256 for raw in second.messages.values()] == [list(known)[3]]


def test_a_lost_original_leaves_its_copy_as_it_is(store: Store, tmp_path: Path) -> None:
    known = stored(store, a_copy(1), a_copy(2, NOON + HOUR, subject="b"))
    gone = next(iter(known))
    (tmp_path / "originals" / gone[:2] / f"{gone}.zst").unlink()
    [said] = rebuild(store, known, lambda copy: replace(copy, identification=Identification()))
    assert gone in said
    assert [s.delivery for s in store.sends()] == ["Postbird", None]


def test_recorded_events_are_not_read_as_mail(store: Store) -> None:
    event = a_copy(1, inbox="import:list", text='{"sender_id":"a"}')
    bare = replace(event.message, from_address=None, message_id=None)
    store.save_imported([replace(event, message=bare)])
    batch = store.rebuild_next()
    assert batch is not None
    assert batch.messages == {}
