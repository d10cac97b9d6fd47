"""Plan: what to ask a folder for, from what was read before and what the server says now (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from monitor.model import Checkpoint, UidRange

BATCH_MESSAGES = 200
BATCH_HEADERS = 500
"""The same where only headers are fetched."""
BATCH_BYTES = 8_000_000
"""A batch is stored in one transaction: large enough to be quick, small enough to be held in memory many times over."""
FIRST_BYTES = 262_144
"""What is fetched of a message above the size limit: its headers and the beginning of its text."""
HEADER_BYTES = 65_536
"""What is fetched of headers alone; a batch of such messages is below half of the longest answer that is taken."""
HEADERS_FIRST = 1000
"""Of a backlog of more messages than this the headers are read first, so that what is judged is soon up to date."""


@dataclass(frozen=True, slots=True)
class FolderState:
    """What STATUS or EXAMINE says of a folder (RFC 9051 §6.3.11, RFC 7162 §3.1)."""

    uidvalidity: int
    uidnext: int | None
    """Some servers do not say."""
    highestmodseq: int | None = None
    messages: int | None = None
    """How many it holds; not to be relied on for more than a hint that something left."""


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """Which UIDs to ask for: all from `first_uid` on, or None where nothing can be new."""

    first_uid: int | None
    restarted: bool = False


def plan_fetch(seen: Checkpoint | None, state: FolderState) -> FetchPlan:
    """Say from where to read. A UID means nothing under another UIDVALIDITY (RFC 9051 §2.3.1.1).

    UIDNEXT never falls, but does where an administrator brings back an older copy of a folder: then it is read anew as well.
    """
    if seen is None or seen.uidvalidity != state.uidvalidity:
        return FetchPlan(first_uid=1, restarted=seen is not None)
    if state.uidnext is not None and state.uidnext <= seen.last_uid:
        return FetchPlan(first_uid=1)
    if state.uidnext == seen.last_uid + 1:
        return FetchPlan(first_uid=None)
    return FetchPlan(first_uid=seen.last_uid + 1)


def may_have_shrunk(seen: Checkpoint, state: FolderState, new: int) -> bool:
    """Whether the count of messages shows that one left which was there at the last look; `new` are those that came since."""
    return state.messages is not None and (seen.messages is None or state.messages != seen.messages + new)


def batches(
    uids: Iterable[int], sizes: Mapping[int, int], limit: int, *, most: int = BATCH_MESSAGES
) -> Iterator[tuple[int, ...]]:
    """Cut ascending UIDs into batches by number and by the bytes that will be fetched; a message over `limit` counts short."""
    batch: list[int] = []
    total = 0
    for uid in uids:
        size = sizes.get(uid, 0)
        size = min(size, FIRST_BYTES) if size > limit else size
        if batch and (len(batch) == most or total + size > BATCH_BYTES):
            yield tuple(batch)
            batch, total = [], 0
        batch.append(uid)
        total += size
    if batch:
        yield tuple(batch)


def uid_set(uids: Iterable[int]) -> str:
    """Ascending UIDs as an IMAP sequence set, runs shortened: `1:4,7,9:10`."""
    runs: list[list[int]] = []
    for uid in uids:
        if runs and uid == runs[-1][1] + 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in runs)


def read_uid_set(text: str) -> tuple[UidRange, ...]:
    """The ranges that a sequence set names, ascending; ValueError where it is none (RFC 9051 §9)."""
    ranges = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition(":")
        ends = int(first), int(last or first)
        ranges.append((min(ends), max(ends)))
    return tuple(sorted(ranges))


def not_among(there: Iterable[UidRange], last_uid: int) -> tuple[UidRange, ...]:
    """The ranges of 1 … `last_uid` that are in none of these, which are ascending."""
    free, absent = 1, []
    for first, last in there:
        if first > last_uid:
            break
        if first > free:
            absent.append((free, first - 1))
        free = max(free, last + 1)
    if free <= last_uid:
        absent.append((free, last_uid))
    return tuple(absent)
