"""Archives: imported mail, and how far each import came."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.model import ArchiveMark, NewCopy
from monitor.store import import_marks, imports
from monitor.store.faces.opened import Opened
from monitor.store.imports import ImportBatch, Imported


class Archives(Opened):
    def save_imported(self, copies: Iterable[NewCopy], batch: int = 500) -> Imported:
        """Keep copies from archives, one transaction for each `batch`.

        A message that an inbox (`import:NAME`) has already is known, so an import can be repeated.
        """
        return self.save_batches(imports.batches_of(copies, batch))

    def save_batches(self, batches: Iterable[ImportBatch], archive: str = "") -> Imported:
        """The same by batches, with the marks that say how far `archive` has been read."""
        return imports.save_batches(self._database, self._originals, batches, archive)

    def import_mark(self, archive: str) -> ArchiveMark:
        """How far an interrupted import of this archive came; the beginning where none was."""
        with self._database.read() as connection:
            return import_marks.read(connection, archive)

    def forget_import_mark(self, archive: str) -> None:
        """The archive has been read to its end."""
        with self._database.write() as connection:
            import_marks.forget(connection, archive)

    def tidy_originals(self) -> None:
        """Remove what processes that were killed had begun to write."""
        self._originals.tidy()
