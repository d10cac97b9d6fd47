"""Findings about ourselves: an inbox that has not been proven readable for too long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from monitor.detect.calendar import moment_of
from monitor.detect.coverage_book import CoverageBook
from monitor.model import Finding, FindingKind, Level

ALL = "all"


def blind_inboxes(book: CoverageBook, now: float, after: float) -> dict[str, float]:
    """Inboxes whose last proof is `after` hours old or older → that proof. Those never proven are not ours to miss yet."""
    ends = {inbox: spans[-1][1] for inbox in book.inboxes() if (spans := book.read(inbox))}
    return {inbox: end for inbox, end in ends.items() if now - end >= after}


def blindness(book: CoverageBook, now: float, after: float) -> tuple[Finding, ...]:
    """One finding for all inboxes where none is readable, else one for each blind inbox.

    Where the first of several inboxes crosses the limit while the last proof of all others is more than half as old,
    it is one event: the polls fail one after another, not together. An inbox that is polled no more is nobody's concern.
    """
    blind = {inbox: end for inbox, end in blind_inboxes(book, now, after).items() if _is_polled(book, inbox)}
    if not blind:
        return ()
    suspects = suspected(book, now, after)
    proven = [inbox for inbox in book.inboxes() if _is_polled(book, inbox) and book.read(inbox)]
    if len(proven) > 1 and len(suspects) == len(proven):
        since = max(suspects.values())
        note = f"None of the {len(proven)} seed inboxes could be read since then; silence of senders is not judged."
        return (_finding(ALL, "all inboxes", since, now, after, note, tuple(proven)),)
    note = "This seed inbox could not be read since then; what it did not show us is not judged."
    return tuple(_finding(inbox, inbox, end, now, after, note, ()) for inbox, end in sorted(blind.items()))


def suspected(book: CoverageBook, now: float, after: float) -> dict[str, float]:
    """The polled inboxes whose last proof is more than half as old as makes one blind → that proof."""
    return {inbox: end for inbox, end in blind_inboxes(book, now, after / 2).items() if _is_polled(book, inbox)}


def never_read(failing_since: Mapping[str, datetime], now: datetime, after: timedelta) -> tuple[Finding, ...]:
    """One finding for each inbox of which nothing was ever proven, `after` its first failed poll; times are aware UTC."""
    note = "This seed inbox could not be read since then, and nothing was ever proven of it."
    return tuple(
        Finding(
            kind=FindingKind.INBOX_BLIND,
            key=f"inbox_blind:{inbox}",
            subject=inbox,
            level=Level.ALERT,
            since=since,
            found_at=since + after,
            note=note,
        )
        for inbox, since in sorted(failing_since.items())
        if now - since >= after
    )


def _is_polled(book: CoverageBook, inbox: str) -> bool:
    return book.folders is None or inbox in book.folders


def _finding(key: str, subject: str, since: float, now: float, after: float, note: str, members: Sequence[str]) -> Finding:
    return Finding(
        kind=FindingKind.INBOX_BLIND,
        key=f"inbox_blind:{key}",
        subject=subject,
        level=Level.ALERT,
        since=moment_of(since),
        found_at=moment_of(min(since + after, now)),
        members=tuple(members),
        note=note,
    )
