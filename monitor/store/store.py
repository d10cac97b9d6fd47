"""Store: the one face of everything that is kept. Values go in and come out; rows, connections and locks stay inside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Self

from monitor.errors import StoreError
from monitor.model import (
    Alert,
    AlertChange,
    AlertContext,
    AlertState,
    ArchiveMark,
    Awaited,
    Bodies,
    Canary,
    Checkpoint,
    Coverage,
    FolderVisit,
    Identification,
    InboxNote,
    MissingCanaries,
    NewCopy,
    Notice,
    PollFailure,
    Send,
    Subscription,
)
from monitor.store import (
    alerts,
    canaries,
    counters,
    coverage,
    health,
    import_marks,
    imports,
    inbox_notes,
    packed,
    rebuild,
    reread,
    sends,
    states,
)
from monitor.store.canaries import CanaryRecord
from monitor.store.claim import claimed
from monitor.store.context import alert_context
from monitor.store.database import Database
from monitor.store.evidence import LastMail, last_mail, mail_of_send
from monitor.store.frames import frames_of
from monitor.store.grouping import group_again
from monitor.store.health import FailureRun, InboxState
from monitor.store.imports import ImportBatch, Imported
from monitor.store.intake import Taken, stored_digests, take_in
from monitor.store.names import folder_row, inbox_number
from monitor.store.packs import InPack
from monitor.store.places import Place, note_vanished, read_moves, read_placed
from monitor.store.raw import MANY, Originals
from monitor.store.rebuild import Stored
from monitor.store.reread import keep_whole
from monitor.store.sends import changed_sends, first_send_after, last_identified, last_send, read_sends
from monitor.store.states import KeptState
from monitor.store.subscriptions import read_subscriptions
from monitor.store.tabs import note_roles
from monitor.store.upgrade import bring_up_to_date
from monitor.store.witnessed import Witnessed, read_witnessed


@dataclass(frozen=True, slots=True)
class Saved:
    """What a visit or an import added."""

    new_copies: int = 0
    known: int = 0
    """Copies that were stored already."""
    new_sends: int = 0
    streams: frozenset[str] = field(default_factory=frozenset)
    """Those that got a copy."""


class Store:
    """Safe from many threads: readers go side by side, writers one after another. StoreError says what to mend."""

    def __init__(self, database: Database, originals: Originals) -> None:
        self._database, self._originals = database, originals

    @classmethod
    def open(cls, url: str, originals: Path) -> Self:
        """Open, make or bring up to date the database at a SQLAlchemy URL; `originals` is the folder for the raw bytes.

        What is made is for its owner only: it holds whole mails and the addresses of the seeds.
        """
        database = Database(url)
        try:
            if database.file is not None:
                database.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            bring_up_to_date(database)
            return cls(database, Originals(originals))
        except OSError as error:
            database.close()
            raise StoreError(f"{database.name}: {error.strerror}: {error.filename}") from error
        except StoreError:
            database.close()
            raise

    def claim(self) -> AbstractContextManager[Callable[[], None]]:
        """Be the one service on this database while in the context; TakenError on entry where another process is.

        What it gives is to be called now and then, see `claimed`.
        """
        return claimed(self._database)

    def close(self) -> None:
        self._originals.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------ mail

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

    def moves(
        self, since: datetime | None = None, until: datetime | None = None, stream: str | None = None, inbox: str | None = None
    ) -> list[Place]:
        """Where the copies that left a folder in [since, until) lay and lie, in order of copy and time."""
        with self._database.read() as connection:
            return read_moves(connection, since, until, stream, inbox)

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

    def tidy_originals(self) -> None:
        """Remove what processes that were killed had begun to write."""
        self._originals.tidy()

    def forget_import_mark(self, archive: str) -> None:
        """The archive has been read to its end."""
        with self._database.write() as connection:
            import_marks.forget(connection, archive)

    def rebuild_next(self, size: int = 200) -> Stored | None:
        """The next stored messages to be read again with today's knowledge; None once all have been.

        Goes on where an interrupted rebuild stopped. The totals for the metrics are counted anew at the end.
        """
        with self._database.read() as connection:
            batch = rebuild.next_batch(connection, self._originals, size)
        if batch is None:
            with self._database.write() as connection:
                rebuild.finish(connection)
        return batch

    def rebuild_keep(self, batch: Stored, read: Mapping[int, NewCopy]) -> None:
        """Put what reading them brought (by the same numbers) in place of what was stored; one transaction."""
        with self._database.write() as connection:
            rebuild.keep_batch(connection, batch, read)

    def rebuild_from_start(self) -> None:
        """Let the next rebuild begin with the first message again, wherever an interrupted one stopped."""
        with self._database.write() as connection:
            rebuild.start_over(connection)

    def checkpoints(self, inbox: str) -> dict[str, Checkpoint]:
        """Folder → how far it has been read."""
        with self._database.read() as connection:
            return coverage.checkpoints(connection, inbox)

    def known_uids(self, inbox: str, folder: str, uidvalidity: int) -> frozenset[int]:
        """The UIDs of what is stored and lay in this folder at the last look."""
        with self._database.read() as connection:
            return coverage.known_uids(connection, inbox, folder, uidvalidity)

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

    # ------------------------------------------------------------------------------------------ sends

    def sends(
        self, after_id: int = 0, stream: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[Send]:
        """Sends in order of `at`, from `since` on and before `until`; rows are fetched while they are asked for."""
        return read_sends(self._database, after_id, stream, since, until)

    def changed_sends(self, after: int) -> tuple[tuple[Send, ...], int]:
        """Every send that is new or different since the number `after` (0: all), and the number to ask with next time.

        A send changes when another copy of it arrives; its `at` may move earlier, never later. One with `copies` 0 turned
        out to be part of another and has to be forgotten. Nothing is missed however many threads write meanwhile.
        """
        with self._database.read() as connection:
            return changed_sends(connection, after)

    def last_send(self, stream: str) -> Send | None:
        with self._database.read() as connection:
            return last_send(connection, stream)

    def first_send_after(self, stream: str, at: datetime) -> Send | None:
        """The stream's first send later than `at`."""
        with self._database.read() as connection:
            return first_send_after(connection, stream, at)

    def last_identification(self, stream: str) -> LastMail | None:
        """The stream's newest send with its surest identification, the evidence and the copy that shows it."""
        with self._database.read() as connection:
            return last_mail(connection, stream)

    def mail_of_send(self, number: int) -> LastMail | None:
        """One send by its number, as `last_identification` gives a stream's newest."""
        with self._database.read() as connection:
            return mail_of_send(connection, number)

    def identified(self) -> dict[str, Identification]:
        """Stream → through whom its newest identified send came, without the evidence."""
        with self._database.read() as connection:
            return last_identified(connection)

    def subscriptions(self, stream: str | None = None) -> tuple[Subscription, ...]:
        """Which of our addresses each stream was seen to write to, by stream, inbox and address. Not for publication."""
        with self._database.read() as connection:
            return read_subscriptions(connection, stream)

    def witnesses(self, stream: str) -> tuple[str, ...]:
        """The inboxes that got any of the stream's last sends."""
        with self._database.read() as connection:
            return sends.witnesses(connection, (stream,))

    # ------------------------------------------------------------------------------------------ states

    def states(self) -> list[KeptState]:
        """What is kept of the detector's conclusions, the newest first."""
        with self._database.read() as connection:
            return states.read_states(connection)

    def state_document(self, hour: int) -> bytes:
        with self._database.read() as connection:
            return states.document_of(connection, hour)

    def keep_states(self, made: Sequence[tuple[KeptState, bytes]], hours: Collection[int]) -> None:
        """Keep states, and of the known ones only those of `hours`."""
        with self._database.write() as connection:
            states.keep_states(connection, made, hours)

    def sends_to_go_on_with(self, changed: int, start: datetime, newest: int) -> tuple[tuple[Send, ...], int] | None:
        """The sends from `start` on and the `newest` of each stream, with the number for `changed_sends`.

        None where a send from before `start` has changed since the number `changed`.
        """
        with self._database.read() as connection:
            return states.sends_to_go_on_with(connection, changed, start, newest)

    # ------------------------------------------------------------------------------------------ coverage, health

    def coverage(self, start: datetime | None = None, end: datetime | None = None, inbox: str | None = None) -> list[Coverage]:
        """The proven intervals that reach into [start, end), whole, in order of their start; merged as far as they touch."""
        with self._database.read() as connection:
            return coverage.read_coverage(connection, start, end, None if inbox is None else (inbox,))

    def witnessed(
        self, start: datetime, end: datetime, stream: str | None = None, inboxes: Sequence[str] | None = None
    ) -> Witnessed:
        """What was covered in [start, end) and who witnessed: of these inboxes, or of those that get the stream, or of all."""
        with self._database.read() as connection:
            return read_witnessed(connection, stream, inboxes, start, end)

    def monitored_folders(self, inboxes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Inbox → the folders that are being read in it; () for one that never was."""
        with self._database.read() as connection:
            return coverage.monitored_folders(connection, inboxes)

    def record_failure(self, failure: PollFailure) -> None:
        with self._database.write() as connection:
            health.record_failure(connection, failure)

    def failures(self, since: datetime | None = None) -> list[PollFailure]:
        """The last failure of each run for one cause, in order of time, from `since` on."""
        with self._database.read() as connection:
            return health.read_failures(connection, since)

    def failure_runs(
        self, start: datetime | None = None, end: datetime | None = None, inboxes: Sequence[str] | None = None
    ) -> list[FailureRun]:
        """What failed in [start, end) and why, each run of failures for one cause as one, in order of time."""
        with self._database.read() as connection:
            return health.failure_runs(connection, start, end, inboxes)

    def inbox_health(self) -> dict[str, InboxState]:
        """Inbox → its folders, when each was last proven readable, and the failure that stands."""
        with self._database.read() as connection:
            return health.inbox_states(connection)

    def keep_inbox_note(self, note: InboxNote) -> None:
        """Keep what a server says of an inbox, in place of what it said before."""
        with self._database.write() as connection:
            inbox_notes.keep(connection, note)

    def inbox_notes(self) -> dict[str, InboxNote]:
        """Inbox → what its server said last of it."""
        with self._database.read() as connection:
            return inbox_notes.read(connection)

    # ------------------------------------------------------------------------------------------ canaries

    def keep_canaries(self, made: Iterable[Canary]) -> None:
        """Keep new canaries, before they are sent."""
        with self._database.write() as connection:
            canaries.keep(connection, made)

    def mark_canaries(self, tried: Iterable[Canary]) -> None:
        """Note how the last try to send each of them went."""
        with self._database.write() as connection:
            for canary in tried:
                canaries.mark(connection, canary)

    def newest_canaries(self) -> dict[str, Canary]:
        """Inbox → the canary that was made last for it."""
        with self._database.read() as connection:
            return canaries.newest(connection)

    def canary_records(self, since: datetime) -> dict[str, CanaryRecord]:
        """Inbox → what its canaries did, with the delays of those that arrived from `since` on."""
        with self._database.read() as connection:
            return canaries.records(connection, since)

    def unsent_canaries(self) -> list[Canary]:
        """Those that no server would take since the last one of their inbox that was sent, oldest first."""
        with self._database.read() as connection:
            return canaries.unsent(connection)

    def placed_copies(self, stream: str, since: datetime) -> list[tuple[str, int, datetime, str]]:
        """(inbox, send, when it was sent, role) of a stream's copies since then that lie where the mailbox provider put them."""
        with self._database.read() as connection:
            return read_placed(connection, stream, since)

    def missing_canaries(self, sent_before: datetime, since: datetime) -> list[MissingCanaries]:
        """The runs of canaries that were sent in [since, sent_before) and have not arrived."""
        with self._database.read() as connection:
            return canaries.missing(connection, sent_before, since)

    def forget_canaries(self, before: datetime) -> None:
        """Take away those made before it that arrived, as did their neighbours."""
        with self._database.write() as connection:
            canaries.forget(connection, before)

    # ------------------------------------------------------------------------------------------ alerts

    def open_alerts(self) -> tuple[Alert, ...]:
        """Open and acknowledged ones, newest first."""
        return self.alerts(states=(AlertState.OPEN, AlertState.ACKNOWLEDGED))

    def alerts(
        self, states: Sequence[AlertState] | None = None, since: datetime | None = None, subject: str | None = None
    ) -> tuple[Alert, ...]:
        """Newest first. `since`: those that are open, or ended at or after it."""
        with self._database.read() as connection:
            return alerts.read_alerts(connection, states, since, subject)

    def alert(self, number: int) -> Alert | None:
        with self._database.read() as connection:
            return alerts.read_alert(connection, number)

    def apply(self, changes: Sequence[AlertChange]) -> tuple[Alert, ...]:
        """Write alerts together with their notices, durably; the alerts as stored. The same changes twice are as once."""
        with self._database.write(durable=True) as connection:
            return alerts.apply_changes(connection, changes)

    def due_notices(self, now: datetime) -> tuple[Notice, ...]:
        """Pending ones whose next try is not after `now`, oldest first."""
        with self._database.read() as connection:
            return alerts.due_notices(connection, now)

    def notices(self, alert: int) -> tuple[Notice, ...]:
        """All about one alert, oldest first."""
        with self._database.read() as connection:
            return alerts.notices_of(connection, alert)

    def mark_notice(self, notice: Notice) -> None:
        """Keep its new state, tries, next try, time of sending and error."""
        with self._database.write(durable=True) as connection:
            alerts.mark_notice(connection, notice)

    def context(self, alert: Alert, now: datetime) -> AlertContext:
        """What was seen around an alert up to its end, or to `now`."""
        with self._database.read() as connection:
            return alert_context(connection, alert, now)

    # ------------------------------------------------------------------------------------------ totals

    def copies_total(self) -> Mapping[tuple[str, str, str], int]:
        """(stream, delivery or `unknown`, role where first seen) → copies ever stored."""
        return {(s, d, r): n for (s, d, r), n in self._total(counters.COPIES, 3).items()}

    def problems_total(self) -> Mapping[str, int]:
        """ParseProblem.field → messages."""
        return {name: n for (name,), n in self._total(counters.PROBLEMS, 1).items()}

    def identified_total(self) -> Mapping[tuple[str, str], int]:
        """(delivery or `unknown`, confidence or `none`) → messages."""
        return {(d, c): n for (d, c), n in self._total(counters.IDENTIFIED, 2).items()}

    def notices_total(self) -> Mapping[tuple[str, str], int]:
        """(channel, `sent`, `retried` or `failed`) → tries."""
        return {(c, r): n for (c, r), n in self._total(counters.NOTICES, 2).items()}

    def alert_events_total(self) -> Mapping[tuple[str, str], int]:
        """(FindingKind, AlertEventKind) → how many."""
        return {(k, e): n for (k, e), n in self._total(counters.ALERTS, 2).items()}

    def canaries_total(self) -> Mapping[tuple[str, str], int]:
        """(inbox, `sent`, `failed`, or where it arrived: `inbox`, `junk`, `other`) → how many."""
        return {(i, r): n for (i, r), n in self._total(counters.CANARIES, 2).items()}

    def canary_delays_total(self) -> Mapping[str, timedelta]:
        """Inbox → the time from sending to delivery of all canaries that arrived, added up."""
        return {inbox: timedelta(microseconds=n) for (inbox,), n in self._total(counters.CANARY_DELAYS, 1).items()}

    def _total(self, name: str, labels: int) -> dict[counters.Key, int]:
        with self._database.read() as connection:
            return counters.read(connection, name, labels)
