"""Reading: look at one folder over an open connection, fetch what is new, and say what the look proves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from monitor.clock import Clock
from monitor.collect.coverage import Sight, prove
from monitor.collect.fetch_reply import Fetched
from monitor.collect.folders import Folder
from monitor.collect.plan import (
    BATCH_HEADERS,
    BATCH_MESSAGES,
    FIRST_BYTES,
    HEADER_BYTES,
    HEADERS_FIRST,
    FolderState,
    batches,
    may_have_shrunk,
    not_among,
    plan_fetch,
)
from monitor.collect.wire import Connection
from monitor.model import Awaited, Bodies, Checkpoint, FailureCause, FolderVisit, PollFailure, RawMessage, UidRange

StoredHeaders = Callable[[str, int, int], AbstractSet[str]]
"""(folder, UIDVALIDITY, UID) → SHA-256 of the headers of what awaits its body there under a lower UID."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some messages of a folder, ascending."""

    uids: Sequence[int]
    sizes: Mapping[int, int]
    """UID → size, of those to be fetched whole. A message that is gone by now has size 0."""
    headers: Mapping[int, Fetched] = field(default_factory=dict)
    """Those of which no more is wanted now."""


@dataclass(frozen=True, slots=True)
class FolderReader:
    """How the folders of one inbox are read. Of a message above `limit` octets only the beginning is fetched."""

    inbox: str
    limit: int
    poll_every: timedelta
    stored_headers: StoredHeaders

    def look(
        self, connection: Connection, folder: Folder, seen: Checkpoint | None, clock: Clock, *, tabs_since: date | None = None
    ) -> Iterator[FolderVisit | PollFailure]:
        """What is new, in visits of some 200 messages or 8 MB; the last one alone has the coverage.

        STATUS comes first: opening an unchanged folder costs three times as much. The moment that a look proves is the one
        before it was asked for. Of a long backlog the headers alone are read; `bodies` brings the rest. `tabs_since`: also ask
        where Gmail has by now what was delivered on that day or later.
        """
        at = clock.now()
        state = connection.status(folder.name)
        if seen is not None and plan_fetch(seen, state).first_uid is None and not may_have_shrunk(seen, state, 0):
            visit = self._last(folder, seen, Sight(at, state.uidvalidity, seen.last_uid + 1, ()), state, vanished=None)
            if tabs_since is not None and connection.examine(folder.name).uidvalidity == state.uidvalidity:
                visit = replace(visit, roles=self._roles(connection, folder, tabs_since))
                connection.leave()
            yield visit
            return
        at = clock.now()
        state = connection.examine(folder.name)
        plan = plan_fetch(seen, state)
        uids = connection.uids_from(plan.first_uid) if plan.first_uid is not None else ()
        read: list[int] = []
        waiting: tuple[RawMessage, ...] = ()
        oldest: datetime | None = None
        for batch in self._to_fetch(connection, folder, state, uids):
            if waiting:
                yield self._on_the_way(folder, seen, at, state, waiting, plan.restarted)
            fetched = {**batch.headers, **self._fetch(connection, batch.sizes)}
            tabs = connection.in_tabs(fetched.keys()) if folder.role == "INBOX" else {}
            waiting = self._messages(folder, state, fetched, clock.now(), tabs, awaiting=batch.headers.keys())
            oldest = oldest or next((message.delivered_at for message in waiting), None)
            read.extend(sorted(fetched))
            for uid in connection.uids_among(set(batch.uids) - fetched.keys()):
                yield self._passed_over(folder, uid, at)
        vanished = self._vanished(connection, seen, plan.first_uid, state, uids)
        roles = self._roles(connection, folder, tabs_since) if tabs_since is not None else {}
        connection.leave()
        sight = Sight(at, state.uidvalidity, _next(uids, seen, state), tuple(read), oldest)
        yield replace(self._last(folder, seen, sight, state, waiting, vanished=vanished), roles=roles)

    def bodies(self, connection: Connection, folder: Folder, awaited: Awaited, clock: Clock) -> Iterator[Bodies]:
        """The whole of messages whose headers alone were read, in batches, the newest first."""
        state = connection.examine(folder.name)
        if state.uidvalidity == awaited.uidvalidity:
            for start in range(0, len(awaited.uids), BATCH_MESSAGES):
                for batch in self._whole(connection, sorted(awaited.uids[start : start + BATCH_MESSAGES])):
                    fetched = self._fetch(connection, batch.sizes)
                    messages = self._messages(folder, state, fetched, clock.now(), {})
                    missing = tuple(uid for uid in batch.uids if uid not in fetched)
                    yield Bodies(self.inbox, folder.name, state.uidvalidity, messages, missing)
        connection.leave()

    def _vanished(
        self, connection: Connection, seen: Checkpoint | None, first_uid: int | None, state: FolderState, uids: Sequence[int]
    ) -> tuple[UidRange, ...] | None:
        """Where nothing lies any more of what was there at the last look; None where there is no sign that anything left."""
        if seen is None:
            return None
        if seen.uidvalidity != state.uidvalidity:
            return ()
        if first_uid == 1:
            return not_among(((uid, uid) for uid in uids), seen.last_uid)
        if not may_have_shrunk(seen, state, len(uids)) or seen.last_uid < 1:
            return None
        if connection.tells_vanished and seen.highestmodseq and state.highestmodseq:
            return connection.vanished(seen.last_uid, seen.highestmodseq)
        return connection.absent(seen.last_uid)

    def _roles(self, connection: Connection, folder: Folder, since: date) -> Mapping[int, str]:
        """UID → role by now, of what was delivered since then; nothing where there are no tabs."""
        if folder.role != "INBOX":
            return {}
        return {uid: f"TAB:{tab}" if tab else folder.role for uid, tab in connection.tabs_since(since).items()}

    def _to_fetch(self, connection: Connection, folder: Folder, state: FolderState, uids: Sequence[int]) -> Iterator[_Batch]:
        if len(uids) <= HEADERS_FIRST:
            return self._whole(connection, uids)
        return self._headers_first(connection, uids, set(self.stored_headers(folder.name, state.uidvalidity, uids[0])))

    def _whole(self, connection: Connection, uids: Sequence[int]) -> Iterator[_Batch]:
        """Cut so that a batch is held in memory easily."""
        for start in range(0, len(uids), BATCH_MESSAGES):
            some = uids[start : start + BATCH_MESSAGES]
            sizes = {uid: got.size or 0 for uid, got in connection.fetch(some, "RFC822.SIZE").items()}
            for batch in batches(some, sizes, self.limit):
                yield _Batch(batch, {uid: sizes.get(uid, 0) for uid in batch})

    def _headers_first(self, connection: Connection, uids: Sequence[int], met: set[str]) -> Iterator[_Batch]:
        """The headers alone, but all of a message whose headers are among those `met`: the bodies may differ."""
        for start in range(0, len(uids), BATCH_HEADERS):
            some = uids[start : start + BATCH_HEADERS]
            found = self._bodies(connection, some, f"BODY.PEEK[HEADER]<0.{HEADER_BYTES}>")
            whole = {uid: found[uid].size or FIRST_BYTES for uid in _repeated(found, met)}
            octets = {uid: len(message.body or b"") for uid, message in found.items()}
            for batch in batches(some, octets | whole, self.limit, most=BATCH_HEADERS):
                wanted = {uid: whole[uid] for uid in batch if uid in whole}
                yield _Batch(batch, wanted, {uid: found[uid] for uid in batch if uid in found and uid not in whole})

    def _fetch(self, connection: Connection, batch: Mapping[int, int]) -> dict[int, Fetched]:
        """The messages of a batch, asked for once more one by one where the server left one out."""
        whole = {uid for uid, size in batch.items() if size <= self.limit}
        found = self._bodies(connection, whole, "BODY.PEEK[]")
        found |= self._bodies(connection, batch.keys() - whole, f"BODY.PEEK[]<0.{FIRST_BYTES}>")
        for uid in sorted(whole - found.keys()):
            found |= self._bodies(connection, {uid}, "BODY.PEEK[]")
        return found

    def _bodies(self, connection: Connection, uids: Collection[int], body: str) -> dict[int, Fetched]:
        got = connection.fetch(uids, f"INTERNALDATE RFC822.SIZE {body}") if uids else {}
        return {uid: message for uid, message in got.items() if message.body is not None}

    def _messages(
        self,
        folder: Folder,
        state: FolderState,
        fetched: Mapping[int, Fetched],
        now: datetime,
        tabs: Mapping[int, str],
        *,
        awaiting: Collection[int] = (),
    ) -> tuple[RawMessage, ...]:
        roles = {uid: f"TAB:{tab}" for uid, tab in tabs.items()}
        return tuple(
            self._message(folder, roles.get(uid, folder.role), state, fetched[uid], now, headers_only=uid in awaiting)
            for uid in sorted(fetched)
        )

    def _message(
        self, folder: Folder, role: str, state: FolderState, got: Fetched, now: datetime, *, headers_only: bool
    ) -> RawMessage:
        """A server's clock may run ahead: no message was delivered after we saw it."""
        raw = got.body or b""
        size = max(got.size or 0, len(raw))
        is_cut = size > len(raw) and (headers_only or size > self.limit)
        return RawMessage(
            inbox=self.inbox,
            folder=folder.name,
            role=role,
            uidvalidity=state.uidvalidity,
            uid=got.uid,
            delivered_at=min(got.internaldate or now, now),
            seen_at=now,
            raw=raw,
            size=size,
            truncated=is_cut,
            awaits_body=is_cut and headers_only,
        )

    def _on_the_way(
        self,
        folder: Folder,
        seen: Checkpoint | None,
        at: datetime,
        state: FolderState,
        messages: tuple[RawMessage, ...],
        restarted: bool,
    ) -> FolderVisit:
        """Some of the messages: what is proven stays as it was until the folder has been read to its end."""
        proven_at = seen.proven_at if seen is not None and not restarted else at
        checkpoint = Checkpoint(folder.name, state.uidvalidity, messages[-1].uid, proven_at)
        return FolderVisit(self.inbox, folder.name, folder.role, at, checkpoint, messages=messages, restarted=restarted)

    def _last(
        self,
        folder: Folder,
        seen: Checkpoint | None,
        sight: Sight,
        state: FolderState,
        messages: tuple[RawMessage, ...] = (),
        *,
        vanished: tuple[UidRange, ...] | None,
    ) -> FolderVisit:
        last, modseq = sight.uidnext - 1, state.highestmodseq
        checkpoint = Checkpoint(folder.name, sight.uidvalidity, last, sight.at, sight.uidnext, modseq, state.messages)
        coverage = prove(self.inbox, folder.name, seen, sight, self.poll_every)
        restarted = seen is not None and seen.uidvalidity != sight.uidvalidity
        return FolderVisit(self.inbox, folder.name, folder.role, sight.at, checkpoint, coverage, messages, restarted, vanished)

    def _passed_over(self, folder: Folder, uid: int, at: datetime) -> PollFailure:
        """The time around it stays unknown, as the folder's UIDs are not all read."""
        reason = f"the server lists message UID {uid} of {folder.name!r} and does not give it; it is passed over"
        return PollFailure(self.inbox, folder.name, at, FailureCause.FOLDER, reason, retryable=False)


def _repeated(fetched: Mapping[int, Fetched], met: set[str]) -> Iterator[int]:
    """The UIDs of messages whose headers, byte for byte, another one of the folder has; `met` are the SHA-256 of all."""
    for uid, message in sorted(fetched.items()):
        digest = hashlib.sha256(message.body or b"").hexdigest()
        if digest in met:
            yield uid
        met.add(digest)


def _next(uids: Sequence[int], seen: Checkpoint | None, state: FolderState) -> int:
    """The UID that a message to come will have at least; from what is there where the server does not say."""
    known = seen.last_uid + 1 if seen is not None and seen.uidvalidity == state.uidvalidity else 1
    return max(state.uidnext if state.uidnext is not None else known, uids[-1] + 1 if uids else 1)
