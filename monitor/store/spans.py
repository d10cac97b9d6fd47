"""Spans: the stretches of streams that have to be grouped again, and the stored copies in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

from sqlalchemy import Connection, Row, select

from monitor.detect.sends import OPEN_FOR, GroupedCopy, Regrouped, regroup
from monitor.store.documents import names_from_json
from monitor.store.statements import AT_ONCE
from monitor.store.tables import copies, inboxes, sends

IDENTIFIED = ("platform", "delivery", "account", "platform_confidence", "delivery_confidence", "sdids")
"""Columns that a send has from one of its copies."""

_OF_COPIES = (
    "id",
    "stream_id",
    "at",
    "digest",
    "message_id",
    "fingerprints",
    "send_id",
    "seen_at",
    "role",
    "subject",
    "authentication",
)

WASTE = 3
"""Spans are read together while that brings at most so many times the stretch that they ask for."""


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
    """A span with what grouping says of it now, and the rows of its copies by number."""

    span: Span
    answer: Regrouped
    rows: Mapping[int, Row[Any]]


def walk(connection: Connection, changes: Mapping[int, Sequence[datetime]]) -> list[Walked]:
    """Walk what changes at these times (stream's row → times) can have touched; no two answers share a copy that moves."""
    done: list[Walked] = []
    waiting = [span for stream, times in sorted(changes.items()) for span in _spans(stream, times)]
    while waiting:
        again: list[Span] = []
        for span, rows in _read(connection, waiting):
            answer = regroup([_value(row) for row in rows], span.times[0], span.times[-1])
            if answer.until > span.until:
                again.append(replace(span, reach=answer.until - span.times[-1] + 4 * span.reach))
            else:
                done.append(Walked(span, answer, {row.id: row for row in rows}))
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


def _read(connection: Connection, spans: Sequence[Span]) -> Iterator[tuple[Span, list[Row[Any]]]]:
    """The stored copies of each span, with the sends that they are in."""
    for some in _read_together(spans):
        by_stream: dict[int, list[tuple[Span, list[Row[Any]]]]] = defaultdict(list)
        for span in some:
            by_stream[span.stream].append((span, []))
        query = (
            select(*(copies.c[name] for name in (*_OF_COPIES, *IDENTIFIED)), inboxes.c.name.label("inbox"))
            .add_columns(sends.c.at.label("send_at"), sends.c.copies.label("send_copies"))
            .join(inboxes, inboxes.c.id == copies.c.inbox_id)
            .outerjoin(sends, sends.c.id == copies.c.send_id)
            .where(copies.c.stream_id.in_(list(by_stream)))
            .where(copies.c.at.between(min(span.since for span in some), max(span.until for span in some)))
        )
        for row in connection.execute(query).all():
            for span, rows in by_stream[row.stream_id]:
                if span.since <= row.at <= span.until:
                    rows.append(row)
        for found in by_stream.values():
            yield from found


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


def _value(row: Row[Any]) -> GroupedCopy:
    return GroupedCopy(
        id=row.id,
        inbox=row.inbox,
        at=row.at,
        digest=row.digest,
        message_id=row.message_id,
        fingerprints=names_from_json(row.fingerprints),
        send=row.send_id,
        send_at=row.send_at,
    )
