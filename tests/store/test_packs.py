"""Packs: originals that came at once share a file, and each is found in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from monitor.errors import StoreError
from monitor.store.raw import MANY
from monitor.store.store import Store
from tests.store.build import HOUR, NOON, a_copy, a_visit


def packs(folder: Path) -> list[Path]:
    return sorted((folder / "originals" / "packs").iterdir())


def test_what_came_at_once_lies_in_one_file_that_any_zstandard_reads(store: Store, tmp_path: Path) -> None:
    copies = [a_copy(n, NOON + n * HOUR) for n in range(MANY)]
    store.save_visit(a_visit(copies), copies)
    (pack,) = packs(tmp_path)
    assert list((tmp_path / "originals").rglob("*.zst")) == [pack]
    with pack.open("rb") as file:
        whole = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
    assert whole == b"".join(copy.raw.raw for copy in copies)
    assert [store.original(copy.raw.sha256) for copy in copies] == [copy.raw.raw for copy in copies]


def test_a_pack_says_itself_what_lies_where(store: Store, tmp_path: Path) -> None:
    copies = [a_copy(n) for n in range(MANY)]
    store.save_visit(a_visit(copies), copies)
    content = packs(tmp_path)[0].read_bytes()
    found, start = [], 0
    while start < len(content):
        assert content[start : start + 8] == bytes.fromhex("502a4d1824000000")
        found.append(content[start + 8 : start + 40].hex())
        start += 44 + int.from_bytes(content[start + 40 : start + 44], "little")
    assert found == [copy.raw.sha256 for copy in copies]


def test_what_is_stored_already_is_not_written_again(store: Store, tmp_path: Path) -> None:
    copies = [a_copy(n, text=f"text {n}") for n in range(MANY)]
    store.save_visit(a_visit(copies), copies)
    again = [a_copy(n, uidvalidity=2, text=f"text {n}") for n in range(MANY)]
    assert store.save_visit(a_visit(again, uidvalidity=2), again).known == MANY
    store.save_imported(copies)
    store.save_imported(copies)
    assert len(packs(tmp_path)) == 1
    more = [*copies, *(a_copy(n, inbox="seed-2", text=f"more {n}") for n in range(MANY))]
    store.save_visit(a_visit(more, inbox="seed-2"), more)
    assert [store.original(copy.raw.sha256) for copy in more] == [copy.raw.raw for copy in more]


def test_a_pack_that_was_damaged_or_lost_is_said_so(store: Store, tmp_path: Path) -> None:
    copies = [a_copy(n) for n in range(MANY)]
    store.save_visit(a_visit(copies), copies)
    (pack,) = packs(tmp_path)
    first, last = copies[0].raw.sha256, copies[-1].raw.sha256
    pack.write_bytes(pack.read_bytes()[:-3])
    assert store.original(first) == copies[0].raw.raw
    with pytest.raises(StoreError, match=f"{last} in pack {pack.stem}.*restore it from a backup"):
        store.original(last)
    pack.unlink()
    with pytest.raises(StoreError, match="missing; restore it from a backup"):
        store.original(first)


def test_a_half_written_pack_is_not_taken_for_one(store: Store, tmp_path: Path) -> None:
    copies = [a_copy(n) for n in range(MANY)]
    store.save_visit(a_visit(copies), copies)
    (pack,) = packs(tmp_path)
    whole = pack.read_bytes()
    pack.rename(pack.with_name(f"{pack.stem}.1-1.partial"))
    store.save_visit(a_visit(copies, inbox="seed-2"), [a_copy(n, inbox="seed-2", text="x") for n in range(MANY)])
    elsewhere = [a_copy(n) for n in range(MANY)]
    store.save_visit(a_visit(elsewhere, inbox="seed-3"), elsewhere)
    assert pack.read_bytes() == whole


@pytest.mark.parametrize("number", [1, MANY])
def test_nothing_is_kept_of_messages_whose_originals_cannot_be(store: Store, tmp_path: Path, number: int) -> None:
    copies = [a_copy(n) for n in range(number)]
    in_the_way = tmp_path / "originals" / ("packs" if number == MANY else copies[0].raw.sha256[:2])
    in_the_way.write_bytes(b"")
    with pytest.raises(StoreError, match="an original could not be written"):
        store.save_visit(a_visit(copies), copies)
    assert (store.copies_total(), list(store.sends()), store.checkpoints("seed-1")) == ({}, [], {})
    in_the_way.unlink()
    assert store.save_visit(a_visit(copies), copies).new_copies == number
