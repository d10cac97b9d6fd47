"""Seed safety: inboxes that are about to be of no more use, because they are full, locked or closed (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from monitor.model import FailureCause, Finding, FindingKind, InboxNote, Level, PollFailure
from monitor.words import count

PASSWORD_NOTICE = timedelta(days=14)
CLOSING_NOTICE = timedelta(days=60)
"""So long before the day it is told: a person has to do something, and providers may count otherwise than we do."""
_EXPIRY = ("expire", "expiring", "expiration")


@dataclass(frozen=True, slots=True)
class SeedFacts:
    """What is known of one seed inbox itself."""

    inbox: str
    note: InboxNote | None = None
    failure: PollFailure | None = None
    """The newest one that stands, and since when they do."""
    failing_since: datetime | None = None
    password_expires: date | None = None
    login_ends_at: datetime | None = None
    """Of one that logs in by token, UTC, by its provider's word."""
    others_may_follow: timedelta = timedelta(0)
    """So long a login that has ended is not told of: until then it is seen whether it is the only one at its provider."""
    last_signed_in: date | None = None
    closes_after: timedelta | None = None


def safety_findings(seed: SeedFacts, now: datetime) -> tuple[Finding, ...]:
    """At most one of each kind."""
    return (*_full(seed), *_password(seed, now), *_closing(seed, now))


def _full(seed: SeedFacts) -> Iterator[Finding]:
    """By the quota that the server tells, or by its refusal ([OVERQUOTA], RFC 5530)."""
    note = seed.note
    if note is not None and note.quota is not None and note.full_since is not None:
        quota = note.quota
        what = "messages" if quota.resource == "MESSAGE" else "KiB" if quota.resource == "STORAGE" else quota.resource
        is_full = "It is full; mail to it is likely to be refused" if quota.share >= 1 else f"It is {quota.share:.0%} full"
        said = f"{is_full}: {quota.used:,} of {quota.limit:,} {what}, as its server says."
        yield _finding(FindingKind.MAILBOX_FULL, seed.inbox, note.full_since, note.full_since, said)
    elif seed.failure is not None and "[OVERQUOTA]" in seed.failure.detail and seed.failing_since is not None:
        said = "Its server answers that it is over its quota."
        yield _finding(FindingKind.MAILBOX_FULL, seed.inbox, seed.failing_since, seed.failing_since, said)


def _password(seed: SeedFacts, now: datetime) -> Iterator[Finding]:
    """By the server's word ([EXPIRED], RFC 5530, or an alert at login) or the provider's, else by the day in the settings."""
    note, failure = seed.note, seed.failure
    if failure is not None and failure.cause is FailureCause.LOGIN_ENDED and seed.failing_since is not None:
        told_at = seed.failing_since + seed.others_may_follow
        if now >= told_at:
            said = f"Its last login failed: {failure.detail}."
            yield _finding(FindingKind.PASSWORD_EXPIRES, seed.inbox, seed.failing_since, told_at, said)
    elif failure is not None and "[EXPIRED]" in failure.detail and seed.failing_since is not None:
        said = "Its server refuses the login as expired."
        yield _finding(FindingKind.PASSWORD_EXPIRES, seed.inbox, seed.failing_since, seed.failing_since, said)
    elif note is not None and note.alert and note.alert_since and any(word in note.alert.lower() for word in _EXPIRY):
        said = f"Its server says at login: {note.alert}"
        yield _finding(FindingKind.PASSWORD_EXPIRES, seed.inbox, note.alert_since, note.alert_since, said)
    elif seed.login_ends_at is not None and now >= (begins := seed.login_ends_at - PASSWORD_NOTICE):
        ends = seed.login_ends_at
        said = f"Its provider said that it ends this login by token on {ends:%-d %B %Y} (UTC), {_when(_start_of(ends), now)}."
        yield _finding(FindingKind.PASSWORD_EXPIRES, seed.inbox, begins, begins, said)
    elif seed.password_expires is not None:
        ends = _start_of(seed.password_expires)
        if now >= ends - PASSWORD_NOTICE:
            said = (
                f"By the settings (password_expires) its password ends on {seed.password_expires:%-d %B %Y}, {_when(ends, now)}."
            )
            yield _finding(FindingKind.PASSWORD_EXPIRES, seed.inbox, ends - PASSWORD_NOTICE, ends - PASSWORD_NOTICE, said)


def _closing(seed: SeedFacts, now: datetime) -> Iterator[Finding]:
    """Counted from the last time that a person signed in: no provider promises that reading over IMAP counts."""
    if seed.last_signed_in is None or seed.closes_after is None:
        return
    closes = _start_of(seed.last_signed_in) + seed.closes_after
    begins = closes - CLOSING_NOTICE
    if now >= begins:
        said = (
            f"A person signed in last on {seed.last_signed_in:%-d %B %Y}, by the settings (last_signed_in). Mailboxes there are "
            f"closed after {count(seed.closes_after.days, 'day')} without that: on {closes:%-d %B %Y}, {_when(closes, now)}."
        )
        yield _finding(FindingKind.INBOX_CLOSES, seed.inbox, begins, begins, said)


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _when(day: datetime, now: datetime) -> str:
    days = (day - now) // timedelta(days=1)
    return f"in {count(days + 1, 'day')}" if days >= 0 else f"{count(-days - 1, 'day')} ago" if days < -1 else "today"


def _finding(kind: FindingKind, inbox: str, since: datetime, found_at: datetime, note: str) -> Finding:
    return Finding(
        kind=kind, key=f"{kind.value}:{inbox}", subject=inbox, level=Level.ALERT, since=since, found_at=found_at, note=note
    )
