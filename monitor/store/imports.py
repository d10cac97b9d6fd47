"""Imports: past mail by batches, each with the mark that says how far its archive has been read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import groupby, islice

from monitor.model import ArchiveMark, NewCopy
from monitor.store import import_marks, packed
from monitor.store.database import Database
from monitor.store.frames import frames_of
from monitor.store.intake import stored_digests, take_in
from monitor.store.names import folder_row, inbox_number
from monitor.store.packs import InPack
from monitor.store.raw import Originals


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import added, in numbers."""

    new_copies: int = 0
    known: int = 0
    new_sends: int = 0
    streams: frozenset[str] = field(default_factory=frozenset)

    def plus(self, more: Imported) -> Imported:
        return Imported(
            self.new_copies + more.new_copies,
            self.known + more.known,
            self.new_sends + more.new_sends,
            self.streams | more.streams,
        )


@dataclass(frozen=True, slots=True)
class ImportBatch:
    """Some copies of an archive, in its order."""

    copies: tuple[NewCopy, ...]
    mark: ArchiveMark | None = None
    """How far the archive has been read with them; None: an interrupted import begins anew."""
    frames: Mapping[str, bytes] = field(default_factory=dict)
    """SHA-256 → original, compressed already; of all others that is still to be done."""


def batches_of(copies: Iterable[NewCopy], size: int) -> Iterator[ImportBatch]:
    """Runs of `size` copies without marks."""
    waiting = iter(copies)
    return (ImportBatch(tuple(some)) for some in iter(lambda: list(islice(waiting, size)), []))


def save_batches(database: Database, originals: Originals, batches: Iterable[ImportBatch], archive: str) -> Imported:
    """Keep them, each in one transaction; two of them are in memory at a time. No coverage comes of it."""
    total = Imported()
    ahead: tuple[ImportBatch, Future[Mapping[str, InPack]]] | None = None
    for batch in batches:
        # The disk takes the originals of this batch while the database takes the batch before it.
        following = batch, originals.keep_soon(_frames_to_make(database, batch))
        if ahead is not None:
            total = total.plus(_save(database, *ahead, archive))
        ahead = following
    return total.plus(_save(database, *ahead, archive)) if ahead is not None else total


def _frames_to_make(database: Database, batch: ImportBatch) -> Callable[[], Mapping[str, bytes]]:
    """What gives the frames of what is not stored yet."""
    known: set[str] = set()
    with database.read() as connection:
        for inbox, copies in groupby(batch.copies, key=lambda c: c.raw.inbox):
            known |= stored_digests(connection, inbox, [copy.raw.sha256 for copy in copies])
    new = [copy.raw for copy in batch.copies if copy.raw.sha256 not in known]
    made = batch.frames

    def frames() -> Mapping[str, bytes]:
        all_of_them = {**made, **frames_of([raw for raw in new if raw.sha256 not in made])}
        return {raw.sha256: all_of_them[raw.sha256] for raw in new}

    return frames


def _save(database: Database, batch: ImportBatch, kept: Future[Mapping[str, InPack]], archive: str) -> Imported:
    """One batch, once its originals are on the disk."""
    done = Imported()
    places = kept.result()
    with database.write() as connection:
        if batch.mark is not None:
            import_marks.keep(connection, archive, batch.mark)
        packed.note(connection, places)
        place = sorted(batch.copies, key=lambda c: (c.raw.inbox, c.raw.folder))
        for (inbox_name, name), some in groupby(place, key=lambda c: (c.raw.inbox, c.raw.folder)):
            of_folder = list(some)
            inbox = inbox_number(connection, inbox_name)
            folder = folder_row(connection, inbox, name, of_folder[0].raw.role)
            taken = take_in(connection, inbox_name, folder, of_folder, has_uids=False)
            done = done.plus(Imported(taken.new, taken.known, taken.new_sends, frozenset(taken.streams)))
    return done
