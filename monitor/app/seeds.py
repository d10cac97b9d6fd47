"""Seeds: what settings and store say of the seed inboxes themselves: what ends, and which server keeps one from being read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from monitor.app.credentials import login_ends_at
from monitor.detect.logins import GATHERED, Ended, logins_ended
from monitor.detect.safety import SeedFacts, safety_findings
from monitor.detect.servers import Failing
from monitor.identify.match import Identifier
from monitor.model import FailureCause, Finding, InboxNote, PollFailure
from monitor.settings import InboxSettings, OAuthSettings, Settings
from monitor.store.health import InboxState

_NAMES = {"google": "Google", "microsoft": "Microsoft"}


def about_seeds(
    settings: Settings,
    identifier: Identifier,
    notes: Mapping[str, InboxNote],
    health: Mapping[str, InboxState],
    now: datetime,
) -> tuple[Finding, ...]:
    """Inboxes that are about to be of no more use, and providers that have ended several logins."""
    enabled = [inbox for inbox in settings.inboxes if inbox.enabled]
    by_token = Counter(_provider(inbox.oauth) for inbox in enabled if inbox.oauth is not None)
    ended: dict[str, Ended] = {}
    found: list[Finding] = []
    for inbox in enabled:
        state = health.get(inbox.name)
        failure, since = (state.last_failure, state.failing_since) if state else (None, None)
        provider = _provider(inbox.oauth) if inbox.oauth is not None else None
        if provider and failure and since and failure.cause is FailureCause.LOGIN_ENDED:
            ended[inbox.name] = Ended(provider, since, failure.detail)
        days = identifier.closes_after_days(inbox.receiver, inbox.host)
        facts = SeedFacts(
            inbox=inbox.name,
            note=notes.get(inbox.name),
            failure=failure,
            failing_since=since,
            password_expires=inbox.password_expires,
            login_ends_at=login_ends_at(inbox),
            others_may_follow=GATHERED if provider and by_token[provider] > 1 else timedelta(0),
            last_signed_in=inbox.last_signed_in,
            closes_after=inbox.closes_after or (timedelta(days=days) if days is not None else None),
        )
        found += safety_findings(facts, now)
    return (*found, *logins_ended(ended, now))


def failing_at(inbox: InboxSettings, failure: PollFailure) -> Failing:
    """Which server a failure is about: the inbox's mail server, or the one where it gets its tokens."""
    if failure.server is not None and inbox.oauth is not None:
        return Failing(_provider(inbox.oauth), failure.cause, gives_tokens=True)
    return Failing(inbox.host, failure.cause)


def _provider(oauth: OAuthSettings) -> str:
    """`Google (oauth2.googleapis.com)`, or the host alone."""
    name = _NAMES.get(oauth.provider or "")
    return f"{name} ({oauth.server})" if name else oauth.server
