"""Mail: what each look at a folder brings, and what it left to be read; where each message lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from monitor.model import Awaited, Bodies, Checkpoint, FolderVisit, NewCopy
from monitor.store import counters, coverage, packed, reread
from monitor.store.faces.opened import Opened
from monitor.store.frames import frames_of
from monitor.store.grouping import group_again
from monitor.store.intake import Taken, stored_digests, take_in
from monitor.store.names import folder_row, inbox_number
from monitor.store.packs import InPack
from monitor.store.places import Place, note_vanished, read_moves, read_placed
from monitor.store.raw import MANY
from monitor.store.reread import keep_whole
from monitor.store.tabs import note_roles


@dataclass(frozen=True, slots=True)
class Saved:
    """What a visit or an import added."""

    new_copies: int = 0
    known: int = 0
    """Copies that were stored already."""
    new_sends: int = 0
    streams: frozenset[str] = field(default_factory=frozenset)
    """Those that got a copy."""


class Mail(Opened):
    def save_visit(self, visit: FolderVisit, copies: Sequence[NewCopy]) -> Saved:
        """Keep what one look at one folder brought: copies, their sends, checkpoint and coverage, all or nothing.

        The originals are on the disk before it is kept. The same visit twice is the same as once.
        """
        originals = self._keep_originals(visit.inbox, copies)
        with self._database.write() as connection:
            inbox = inbox_number(connection, visit.inbox)
            folder = folder_row(connection, inbox, visit.folder, visit.role)
            taken = take_in(connection, visit.inbox, folder, copies) if copies else Taken()
            counters.add_fetched(connection, visit.inbox, visit.at, sum(len(copy.raw.raw) for copy in copies))
            coverage.keep_checkpoint(connection, folder, visit.checkpoint, sum(c.polls for c in visit.coverage))
            coverage.keep_coverage(connection, folder.id, visit.coverage)
            if visit.vanished is not None:
                taken.note_moved(note_vanished(connection, folder.id, visit.checkpoint.uidvalidity, visit.vanished, visit.at))
            taken.note_moved(note_roles(connection, folder.id, visit.checkpoint.uidvalidity, visit.roles, visit.at))
            made = taken.new_sends + group_again(connection, taken.changes).made
            keep_whole(connection, taken.whole)
            packed.note(connection, originals())
        return Saved(taken.new, taken.known, made, frozenset(taken.streams))

    def awaited(self, inbox: str, most: int) -> dict[str, Awaited]:
        """Folder → messages whose headers alone are stored, the newest `most` of the inbox."""
        with self._database.read() as connection:
            return reread.awaited(connection, inbox, most)

    def stored_headers(self, inbox: str, folder: str, uidvalidity: int, before: int) -> frozenset[str]:
        """The SHA-256 of the headers of messages there that await their bodies and have a UID below `before`."""
        with self._database.read() as connection:
            return reread.stored_headers(connection, inbox, folder, uidvalidity, before)

    def save_bodies(self, bodies: Bodies, copies: Sequence[NewCopy]) -> None:
        """Put whole messages in place of the headers that were stored before; one transaction."""
        originals = self._keep_originals(bodies.inbox, copies)
        with self._database.write() as connection:
            reread.keep_bodies(connection, bodies, {copy.raw.uid: copy for copy in copies})
            if copies:
                octets = sum(len(copy.raw.raw) for copy in copies)
                counters.add_fetched(connection, bodies.inbox, copies[0].raw.seen_at, octets)
            packed.note(connection, originals())

    def fetched(self, inbox: str, at: datetime) -> int:
        """Octets of messages that came from an inbox on this day (UTC)."""
        with self._database.read() as connection:
            return counters.fetched(connection, inbox, at)

    def checkpoints(self, inbox: str) -> dict[str, Checkpoint]:
        """Folder → how far it has been read."""
        with self._database.read() as connection:
            return coverage.checkpoints(connection, inbox)

    def known_uids(self, inbox: str, folder: str, uidvalidity: int) -> frozenset[int]:
        """The UIDs of what is stored and lay in this folder at the last look."""
        with self._database.read() as connection:
            return coverage.known_uids(connection, inbox, folder, uidvalidity)

    def moves(
        self, since: datetime | None = None, until: datetime | None = None, stream: str | None = None, inbox: str | None = None
    ) -> list[Place]:
        """Where the copies that left a folder in [since, until) lay and lie, in order of copy and time."""
        with self._database.read() as connection:
            return read_moves(connection, since, until, stream, inbox)

    def placed_copies(self, stream: str, since: datetime) -> list[tuple[str, int, datetime, str]]:
        """(inbox, send, when it was sent, role) of a stream's copies since then that lie where the mailbox provider put them."""
        with self._database.read() as connection:
            return read_placed(connection, stream, since)

    def original(self, sha256: str) -> bytes:
        """The bytes of a message as they were received (up to the size limit if it was truncated)."""
        with self._database.read() as connection:
            where = packed.find(connection, (sha256,)).get(sha256)
        return self._originals.read(sha256, where)

    def _keep_originals(self, inbox: str, copies: Sequence[NewCopy]) -> Callable[[], Mapping[str, InPack]]:
        """Bring them to the disk, many in the background; what this gives waits until they are there.

        What lies in a pack, which it then says, has to be noted in the transaction that keeps the copies.
        """
        if len(copies) < MANY:
            places = self._originals.keep(frames_of(copy.raw for copy in copies))
            return lambda: places
        with self._database.read() as connection:
            known = stored_digests(connection, inbox, [copy.raw.sha256 for copy in copies])
        new = [copy.raw for copy in copies if copy.raw.sha256 not in known]
        return self._originals.keep_soon(partial(frames_of, new)).result
