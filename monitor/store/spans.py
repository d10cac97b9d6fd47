"""Spans: the stretches of streams that have to be grouped again, and the stored copies in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache, reduce
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, select

from monitor.detect.sends import OPEN_FOR, GroupedCopy, Regrouped, regroup
from monitor.store.documents import names_from_json
from monitor.store.statements import AT_ONCE, among_given, given
from monitor.store.tables import copies, inboxes, sends

WASTE = 3
"""Spans are read together while that brings at most so many times the stretch that they ask for."""


class Facts(NamedTuple):
    """What a send has from one of its copies, named as in `copies`."""

    seen_at: datetime
    role: str
    subject: str | None
    message_id: str | None
    authentication: str | None
    platform: str | None
    delivery: str | None
    account: str | None
    platform_confidence: str | None
    delivery_confidence: str | None
    sdids: str | None


class Stored(NamedTuple):
    """A stored copy, as grouping needs it and as its send shows it."""

    copy: GroupedCopy
    facts: Facts
    send_copies: int | None = None
    """How many the send had that it was put in before."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """New copies that are about to be stored."""

    by_stream: Mapping[int, Sequence[Stored]] = field(default_factory=dict)
    first: int = 2**62
    """The number of the first of them; all that are stored have lower ones."""


@dataclass(frozen=True, slots=True)
class Span:
    """Changes of one stream that are walked together, and how far beyond them its copies are read."""

    stream: int
    times: tuple[datetime, ...]
    """Ascending, at least one."""
    reach: timedelta = 2 * OPEN_FOR

    @property
    def since(self) -> datetime:
        return self.times[0] - OPEN_FOR

    @property
    def until(self) -> datetime:
        return self.times[-1] + self.reach

    def joined(self, other: Span) -> Span:
        return Span(self.stream, tuple(sorted({*self.times, *other.times})), max(self.reach, other.reach))


@dataclass(frozen=True, slots=True)
class Walked:
    """A span with what grouping says of it now, and its copies by number."""

    span: Span
    answer: Regrouped
    copies: Mapping[int, Stored]


def walk(connection: Connection, changes: Mapping[int, Sequence[datetime]], arrivals: Arrivals) -> list[Walked]:
    """Walk what changes at these times (stream's row → times) can have touched; no two answers share a copy that moves."""
    done: list[Walked] = []
    waiting = [span for stream, times in sorted(changes.items()) for span in _spans(stream, times)]
    while waiting:
        again: list[Span] = []
        for span, found in _read(connection, waiting, arrivals):
            answer = regroup([stored.copy for stored in found], span.times[0], span.times[-1])
            if answer.until > span.until:
                again.append(replace(span, reach=answer.until - span.times[-1] + 4 * span.reach))
            else:
                done.append(Walked(span, answer, {stored.copy.id: stored for stored in found}))
        done, joined = _joined(done)
        waiting = again + joined
    return done


def _joined(done: Sequence[Walked]) -> tuple[list[Walked], list[Span]]:
    """Where one walk went on into the next of its stream, both are walked again as one."""
    ordered = sorted(done, key=lambda w: (w.span.stream, w.span.times[0]))
    apart: list[Walked] = []
    together: list[Span] = []
    for chain in _chains(ordered):
        if len(chain) == 1:
            apart += chain
        else:
            together.append(reduce(Span.joined, (walked.span for walked in chain)))
    return apart, together


def _chains(ordered: Sequence[Walked]) -> list[list[Walked]]:
    chains: list[list[Walked]] = []
    for walked in ordered:
        before = chains[-1][-1] if chains else None
        if before and before.span.stream == walked.span.stream and before.answer.until >= walked.span.since:
            chains[-1].append(walked)
        else:
            chains.append([walked])
    return chains


def _spans(stream: int, times: Sequence[datetime]) -> list[Span]:
    """Changes that lie close together are one span."""
    runs: list[list[datetime]] = []
    for at in sorted(set(times)):
        if runs and at - runs[-1][-1] <= 4 * OPEN_FOR:
            runs[-1].append(at)
        else:
            runs.append([at])
    return [Span(stream, tuple(run)) for run in runs]


def _read(connection: Connection, spans: Sequence[Span], arrivals: Arrivals) -> Iterator[tuple[Span, list[Stored]]]:
    """The stored copies of each span, with the sends that they are in."""
    query = _copies_between(connection.dialect.name)
    for some in _read_together(spans):
        by_stream: dict[int, list[tuple[Span, list[Stored]]]] = defaultdict(list)
        for span in some:
            by_stream[span.stream].append((span, []))
        asked = {
            "streams": given(connection, by_stream),
            "since": min(span.since for span in some),
            "until": max(span.until for span in some),
            "before": arrivals.first,
        }
        for stream, *row in connection.execute(query, asked):
            _put(_stored(*row), by_stream[stream])
        for stream, found in by_stream.items():
            for stored in arrivals.by_stream.get(stream, ()):
                _put(stored, found)
            yield from found


def _put(stored: Stored, spans: Sequence[tuple[Span, list[Stored]]]) -> None:
    """Into the span or the spans that reach as far."""
    at = stored.copy.at
    for span, found in spans:
        if span.since <= at <= span.until:
            found.append(stored)


def _stored(
    send_copies: int | None,
    send_at: datetime | None,
    inbox: str,
    send: int | None,
    number: int,
    at: datetime,
    digest: str,
    fingerprints: str,
    *facts: Any,
) -> Stored:
    known = Facts(*facts)
    names = names_from_json(fingerprints)
    return Stored(GroupedCopy(number, inbox, at, digest, known.message_id, names, send, send_at), known, send_copies)


@lru_cache
def _copies_between(dialect: str) -> Select[Any]:
    """What `_stored` takes, after the stream; made once, as every batch asks it."""
    c = copies.c
    return (
        select(c.stream_id, sends.c.copies, sends.c.at, inboxes.c.name, c.send_id, c.id, c.at, c.digest, c.fingerprints)
        .add_columns(*(c[name] for name in Facts._fields))
        .join(inboxes, inboxes.c.id == c.inbox_id)
        .outerjoin(sends, sends.c.id == c.send_id)
        .where(among_given(dialect, c.stream_id, "streams"), c.at.between(bindparam("since"), bindparam("until")))
        .where(c.id < bindparam("before"))
    )


def _read_together(spans: Sequence[Span]) -> Iterator[list[Span]]:
    """Runs of spans to be read by one query for all their streams over all their time, where they overlap enough."""
    run: list[Span] = []
    streams: set[int] = set()
    asked, end = timedelta(), None
    for span in sorted(spans, key=lambda s: s.since):
        length = span.until - span.since
        if end is not None:
            stretch = max(end, span.until) - run[0].since
            if len(run) == AT_ONCE or stretch * len(streams | {span.stream}) > WASTE * (asked + length):
                yield run
                run, streams, asked, end = [], set(), timedelta(), None
        run.append(span)
        streams.add(span.stream)
        asked += length
        end = max(end or span.until, span.until)
    if run:
        yield run
