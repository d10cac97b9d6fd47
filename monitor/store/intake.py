"""Intake: put copies into their tables, each once and in its send, and say which were new and which were only seen elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select

from monitor.detect.sends import GroupedCopy
from monitor.model import Identification, NewCopy, StreamKey
from monitor.store import canaries, counters
from monitor.store.bulk import insert_rows, next_numbers
from monitor.store.documents import LONGEST, authentication_to_text, identification_to_json, kept, names_to_json, storable
from monitor.store.grouping import group_again
from monitor.store.names import stream_numbers
from monitor.store.places import note_places, unplaced
from monitor.store.recognise import recognise
from monitor.store.repeats import same_messages, settle_repeats
from monitor.store.spans import Arrivals, Facts, Stored
from monitor.store.statements import among_given, given
from monitor.store.tables import copies, evidence, inboxes, problems

UNKNOWN = "unknown"
_FACTS = itemgetter(*Facts._fields)


@dataclass(slots=True)
class Taken:
    """What became of a batch."""

    new: int = 0
    known: int = 0
    new_sends: int = 0
    streams: set[str] = field(default_factory=set)
    """Those that got a copy."""
    changes: dict[int, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    """Stream's row → times at which copies moved that were known; to be grouped again."""
    whole: dict[int, NewCopy] = field(default_factory=dict)
    """Copies, by number, of which only the headers were stored and that came whole; to be read again."""

    def note_moved(self, changes: Mapping[int, Sequence[datetime]]) -> None:
        """Stored copies count in another place since (stream's row → times)."""
        for stream, times in changes.items():
            self.changes[stream] += times


def take_in(connection: Connection, inbox: str, folder: Row[Any], batch: Sequence[NewCopy], *, has_uids: bool = True) -> Taken:
    """Store the copies of one folder. `has_uids`: their UIDs are the server's (else they come from an archive).

    The same bytes in another folder or under another UIDVALIDITY are the same copy, seen in another place; so are other bytes
    that `recognise` knows.
    """
    taken = Taken()
    fresh = unplaced(connection, folder.id, batch) if has_uids else list(batch)
    numbers = number_streams(connection, fresh)
    known = _known(connection, folder.inbox_id, [c.raw.sha256 for c in fresh])
    arrivals = {c.raw.sha256: c for c in fresh if c.raw.sha256 not in known}
    rows = [_row(c, folder, numbers) for c in arrivals.values()]
    same = same_messages(connection, rows)
    came = list(zip(arrivals.values(), rows, strict=True))
    beside = [row.id for row in known.values()]
    if has_uids and (again := recognise(connection, same, folder.inbox_id, folder.id, came, beside)):
        known |= again
        taken.whole = {row.id: arrivals[digest] for digest, row in again.items() if _is_the_whole(row, arrivals[digest])}
        arrivals = {digest: copy for digest, copy in arrivals.items() if digest not in again}
        rows = [row for row in rows if row["digest"] not in again]
    taken.new_sends = _insert_copies(connection, inbox, rows, arrivals.values(), same)
    made = {row["digest"]: row["id"] for row in rows}
    describe(connection, [(made[digest], copy) for digest, copy in arrivals.items()])
    names = {number: stream for stream, number in numbers.items()}
    _count(connection, rows, names, arrivals.values())
    if has_uids:
        note_places(connection, folder, fresh, known, made)
        canaries.note_arrivals(connection, folder.inbox_id, arrivals.values())
    taken.new, taken.known = len(arrivals), len(batch) - len(arrivals)
    taken.streams = {names[row["stream_id"]] for row in rows if row["stream_id"] is not None}
    if has_uids and known:
        taken.note_moved(_moved(known.values(), rows))
    return taken


def _moved(known: Iterable[Row[Any]], rows: Iterable[Mapping[str, Any]]) -> dict[int, list[datetime]]:
    """Stream's row → times at which copies that were known, and now count in this folder, are to be grouped again.

    A new copy with their Message-ID may have made them count at its own time.
    """
    changes: dict[int, list[datetime]] = defaultdict(list)
    names: set[tuple[int, str | None]] = set()
    for seen in known:
        if seen.stream_id is not None:
            changes[seen.stream_id].append(seen.at)
            names.add((seen.stream_id, seen.message_id))
    for row in rows:
        if (row["stream_id"], row["message_id"]) in names:
            changes[row["stream_id"]].append(row["at"])
    return changes


def _is_the_whole(known: Row[Any], copy: NewCopy) -> bool:
    return bool(known.awaits_body) and not copy.raw.awaits_body


def _insert_copies(
    connection: Connection, inbox: str, rows: Sequence[dict[str, Any]], made: Iterable[NewCopy], same: Sequence[Row[Any]]
) -> int:
    """Put new copies in, with their sends, and number their rows; how many sends are new.

    `same` are the stored copies that have any of their Message-IDs.
    """
    if not rows:
        return 0
    changes: dict[int, list[datetime]] = defaultdict(list)
    for row, number in zip(rows, next_numbers(connection, copies, len(rows)), strict=True):
        row["id"] = number
        if row["stream_id"] is not None:
            changes[row["stream_id"]].append(row["at"])
    settle_repeats(connection, same, rows, changes)
    grouped = group_again(connection, changes, _arrivals(inbox, rows, made))
    for row in rows:
        row["send_id"] = grouped.homes.get(row["id"])
    insert_rows(connection, copies, rows)
    return grouped.made


def _arrivals(inbox: str, rows: Sequence[Mapping[str, Any]], made: Iterable[NewCopy]) -> Arrivals:
    """New copies, with their rows, as grouping would read them."""
    by_stream: dict[int, list[Stored]] = defaultdict(list)
    for row, copy in zip(rows, made, strict=True):
        if row["stream_id"] is not None:
            one = GroupedCopy(row["id"], inbox, row["at"], row["digest"], row["message_id"], copy.send_fingerprints)
            by_stream[row["stream_id"]].append(Stored(one, Facts(*_FACTS(row))))
    return Arrivals(by_stream, rows[0]["id"])


def describe(connection: Connection, made: Sequence[tuple[int, NewCopy]]) -> None:
    """Keep the evidence and the oddities of copies that have none yet."""
    documents = [{"copy_id": n, "document": copy.document or identification_to_json(copy.identification)} for n, copy in made]
    odd = [{"copy_id": n, "field": p.field, "detail": storable(p.detail)} for n, copy in made for p in copy.message.problems]
    insert_rows(connection, evidence, documents)
    insert_rows(connection, problems, odd)


def number_streams(connection: Connection, batch: Sequence[NewCopy]) -> dict[str, int]:
    """Stream → row, for all streams of these copies."""
    return stream_numbers(connection, [key for copy in batch if (key := _key(copy)) is not None])


def _count(
    connection: Connection, rows: Iterable[Mapping[str, Any]], streams: Mapping[int, str], made: Iterable[NewCopy]
) -> None:
    """Add new copies, with their rows, to the totals; `streams` are the names of rows."""
    totals = counters.tally()
    for row, copy in zip(rows, made, strict=True):
        delivery = row["delivery"] or UNKNOWN
        if row["stream_id"] is not None:
            totals[counters.COPIES, (streams[row["stream_id"]], delivery, row["role"])] += 1
        totals[counters.IDENTIFIED, (delivery, row["delivery_confidence"] or "none")] += 1
        for name in {p.field for p in copy.message.problems}:
            totals[counters.PROBLEMS, (name,)] += 1
    counters.add(connection, totals)


def _known(connection: Connection, inbox: int, digests: Sequence[str]) -> dict[str, Row[Any]]:
    if not digests:
        return {}
    asked = {"inbox": inbox, "digests": given(connection, digests)}
    return {row.digest: row for row in connection.execute(_with_digests(connection.dialect.name), asked)}


@lru_cache
def _with_digests(dialect: str) -> Select[Any]:
    return select(copies).where(copies.c.inbox_id == bindparam("inbox"), among_given(dialect, copies.c.digest, "digests"))


def stored_digests(connection: Connection, inbox: str, digests: Sequence[str]) -> set[str]:
    """Which of these the inbox of this name has."""
    asked = {"inbox": inbox, "digests": given(connection, digests)}
    return set(connection.execute(_stored_with_digests(connection.dialect.name), asked).scalars())


@lru_cache
def _stored_with_digests(dialect: str) -> Select[Any]:
    query = select(copies.c.digest).join(inboxes, inboxes.c.id == copies.c.inbox_id)
    return query.where(inboxes.c.name == bindparam("inbox"), among_given(dialect, copies.c.digest, "digests"))


def _row(copy: NewCopy, folder: Row[Any], numbers: dict[str, int]) -> dict[str, Any]:
    raw = copy.raw
    return {
        "inbox_id": folder.inbox_id,
        "folder_id": folder.id,
        "role": raw.role,
        "digest": raw.sha256,
        "size": raw.size,
        "truncated": raw.truncated,
        "awaits_body": raw.awaits_body,
        "delivered_at": raw.delivered_at,
        "seen_at": raw.seen_at,
        "polls_before": folder.polls,
        **columns_of(copy, numbers),
    }


def columns_of(copy: NewCopy, numbers: Mapping[str, int]) -> dict[str, Any]:
    """What reading the message brought; `numbers` are the rows of streams."""
    message, key = copy.message, _key(copy)
    return {
        "message_id": kept(message.message_id),
        "from_address": kept(message.from_address),
        "subject": kept(message.subject),
        "sent_at": message.sent_at,
        "at": copy.at,
        "address": kept(copy.address),
        "link_hosts": names_to_json(message.link_hosts),
        "fingerprints": names_to_json(copy.send_fingerprints),
        "stream_id": numbers[key.stream] if key is not None else None,
        **_identified(copy.identification),
    }


def _identified(identification: Identification) -> dict[str, Any]:
    """The columns that say whose infrastructure it was."""
    account = identification.account
    return {
        "platform": identification.platform,
        "delivery": identification.delivery,
        "account": f"{account.kind}:{account.id}" if account else None,
        "platform_confidence": identification.platform_confidence and identification.platform_confidence.value,
        "delivery_confidence": identification.delivery_confidence and identification.delivery_confidence.value,
        "sdids": storable(" ".join(identification.sdids)) or None,
        "authentication": authentication_to_text(identification.authentication),
    }


def _key(copy: NewCopy) -> StreamKey | None:
    key = copy.key
    if key is None or (max(len(key.stream), len(key.organisation)) <= LONGEST and (key.stream + key.organisation).isprintable()):
        return key
    return StreamKey(storable(key.stream[:LONGEST]), storable(key.organisation[:LONGEST]))
