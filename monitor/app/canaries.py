"""Canaries: write to each seed inbox once in an interval; each mail is stored before it is sent and marked after."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from monitor.clock import Clock
from monitor.collect.canary import canary_mail
from monitor.errors import SettingsError
from monitor.model import Canary
from monitor.settings import CanarySettings, canary_password
from monitor.store.store import Store
from monitor.submission import RecipientRefusedError, Session, Submission, SubmissionError

log = structlog.get_logger("gonequiet.canary")

AT_ONCE = 200
"""So many are sent over one connection; the others follow at the next tick."""
FIRST_REST = timedelta(minutes=1)
KEPT = timedelta(days=30)
"""So long those are kept that arrived; what never did is kept, as detection needs it."""


class CanaryPost:
    """Sends what is due. One thread at a time."""

    def __init__(self, settings: CanarySettings, addresses: Mapping[str, str], key: bytes, store: Store, clock: Clock) -> None:
        """`addresses`: inbox → where mail for it is sent. Their first canaries are due at once."""
        self._settings, self._addresses, self._key = settings, dict(addresses), key
        self._store, self._clock = store, clock
        self._newest: dict[str, Canary] | None = None
        self._failures = 0
        self._resting_until = self._tidied_at = datetime.min.replace(tzinfo=UTC)

    def send_due(self) -> None:
        """One pass. A fault of the account is noted with all that it could not send, and the account rests a while."""
        now = self._clock.now()
        if now < self._resting_until:
            return
        if self._newest is None:
            self._newest = {i: c for i, c in self._store.newest_canaries().items() if i in self._addresses}
        if now - self._tidied_at >= timedelta(days=1):
            self._store.forget_canaries(now - KEPT)
            self._tidied_at = now
        due = [canary for inbox in self._addresses if (canary := self._due(inbox, now)) is not None][:AT_ONCE]
        if not due:
            return
        self._store.keep_canaries(canary for canary in due if canary.token != self._token(canary.inbox))
        self._newest.update((canary.inbox, canary) for canary in due)
        self._send_all(due)

    def _due(self, inbox: str, now: datetime) -> Canary | None:
        """The one that was made and could not be sent, or a new one once it is time; None: neither."""
        newest = (self._newest or {}).get(inbox)
        if newest is not None and newest.sent_at is None and not newest.given_up:
            return newest
        if newest is not None and now - newest.made_at < self._interval(newest):
            return None
        return Canary(inbox, secrets.token_hex(10), now)

    def _interval(self, last: Canary) -> timedelta:
        """Up to a tenth less than `every`, by chance: what began together does not stay together."""
        return self._settings.every * (1 - int(last.token[:4], 16) / 0xFFFF / 10)

    def _token(self, inbox: str) -> str | None:
        newest = (self._newest or {}).get(inbox)
        return newest.token if newest is not None else None

    def _send_all(self, due: list[Canary]) -> None:
        waiting = list(due)
        try:
            submission = Submission(self._settings, canary_password(self._settings))
            with submission.connected() as session:
                while waiting:
                    self._mark(self._send(session, waiting[0]))
                    waiting.pop(0)
        except (SubmissionError, SettingsError, OSError) as error:
            reason = _reason(error)
            self._mark(*(replace(canary, tries=canary.tries + 1, error=reason) for canary in waiting))
            self._failures += 1
            rest = min(FIRST_REST * 2 ** min(self._failures - 1, 10), self._settings.every)
            self._resting_until = self._clock.now() + rest
            log.warning("canary mail cannot be sent", reason=reason, waiting=len(waiting), seconds=rest.total_seconds())
        else:
            self._failures = 0

    def _send(self, session: Session, canary: Canary) -> Canary:
        """As it is after the try; SubmissionError where the account or its server is at fault."""
        sender, to = self._settings.sender, self._addresses[canary.inbox]
        now = self._clock.now()
        try:
            session.send(canary_mail(canary.token, self._key, sender, to, now), sender, [to])
        except RecipientRefusedError as error:
            log.warning("canary mail refused", inbox=canary.inbox, reason=error.reason)
            return replace(canary, tries=canary.tries + 1, error=error.reason, given_up=True)
        return replace(canary, tries=canary.tries + 1, error=None, sent_at=now)

    def _mark(self, *tried: Canary) -> None:
        self._store.mark_canaries(tried)
        for canary in tried:
            assert self._newest is not None
            self._newest[canary.inbox] = canary


def _reason(error: SubmissionError | SettingsError | OSError) -> str:
    if isinstance(error, SubmissionError):
        return error.reason
    if isinstance(error, SettingsError):
        return error.problems[0]
    return f"`ca_file` cannot be read ({error.strerror or type(error).__name__})"
