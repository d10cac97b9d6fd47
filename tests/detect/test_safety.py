"""Seed safety: what makes an inbox useless is told before it does, and by whose word."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from monitor.detect.safety import SeedFacts, safety_findings
from monitor.model import FailureCause, FindingKind, InboxNote, PollFailure, Quota

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(days=3)
FULL = InboxNote("one", NOW, Quota("STORAGE", 950, 1000), full_since=EARLIER)


def failure(detail: str, cause: FailureCause = FailureCause.LOGIN) -> PollFailure:
    return PollFailure("one", None, NOW, cause, detail)


def notes(seed: SeedFacts, now: datetime = NOW) -> dict[FindingKind, str]:
    return {finding.kind: finding.note for finding in safety_findings(seed, now)}


def test_an_inbox_about_which_nothing_is_known_is_left_in_peace() -> None:
    assert safety_findings(SeedFacts("one"), NOW) == ()
    assert safety_findings(SeedFacts("one", note=InboxNote("one", NOW, Quota("STORAGE", 10, 1000))), NOW) == ()
    assert safety_findings(SeedFacts("one", failure=failure("no answer"), failing_since=EARLIER), NOW) == ()


def test_a_mailbox_that_is_nearly_full_and_one_that_is() -> None:
    (finding,) = safety_findings(SeedFacts("one", note=FULL), NOW)
    assert (finding.key, finding.since, finding.found_at) == ("mailbox_full:one", EARLIER, EARLIER)
    assert finding.note == "It is 95% full: 950 of 1,000 KiB, as its server says."
    over = replace(FULL, quota=Quota("MESSAGE", 1000, 1000))
    assert notes(SeedFacts("one", note=over))[FindingKind.MAILBOX_FULL].startswith(
        "It is full; mail to it is likely to be refused"
    )


def test_a_server_that_says_overquota_or_expired_is_believed() -> None:
    seed = SeedFacts("one", failure=failure("refused: [OVERQUOTA] no"), failing_since=EARLIER)
    assert list(notes(seed)) == [FindingKind.MAILBOX_FULL]
    seed = SeedFacts("one", failure=failure("refused the login: [EXPIRED] Password expired"), failing_since=EARLIER)
    (finding,) = safety_findings(seed, NOW)
    assert (finding.kind, finding.since) == (FindingKind.PASSWORD_EXPIRES, EARLIER)


def test_an_alert_at_login_counts_where_it_speaks_of_an_end() -> None:
    note = InboxNote("one", NOW, alert="Your password will expire in 5 days", alert_since=EARLIER)
    assert "will expire in 5 days" in notes(SeedFacts("one", note=note))[FindingKind.PASSWORD_EXPIRES]
    assert notes(SeedFacts("one", note=replace(note, alert="Maintenance on Sunday"))) == {}


@pytest.mark.parametrize(("now", "said"), [(13, "in 14 days"), (0, "in 1 day"), (-1, "today"), (-2, "1 day ago")])
def test_a_password_with_a_last_day_is_told_two_weeks_before(now: int, said: str) -> None:
    seed = SeedFacts("one", password_expires=date(2026, 3, 20))
    at = datetime(2026, 3, 20, tzinfo=UTC) - timedelta(days=now, hours=12)
    assert said in notes(seed, at)[FindingKind.PASSWORD_EXPIRES]
    assert notes(seed, datetime(2026, 3, 5, 23, tzinfo=UTC)) == {}


def test_a_provider_that_closes_unused_mailboxes_is_counted_from_the_last_sign_in_of_a_person() -> None:
    seed = SeedFacts("one", last_signed_in=date(2025, 4, 1), closes_after=timedelta(days=365))
    (finding,) = safety_findings(seed, NOW)
    assert (finding.kind, finding.since) == (FindingKind.INBOX_CLOSES, datetime(2026, 1, 31, tzinfo=UTC))
    assert "1 April 2026" in finding.note
    assert safety_findings(replace(seed, last_signed_in=date(2026, 3, 1)), NOW) == ()
    assert safety_findings(replace(seed, last_signed_in=None), NOW) == ()
    assert safety_findings(replace(seed, closes_after=None), NOW) == ()


def test_a_login_by_token_whose_end_was_announced_is_told_two_weeks_before() -> None:
    seed = SeedFacts("one", login_ends_at=datetime(2026, 3, 20, 15, tzinfo=UTC))
    assert notes(seed, datetime(2026, 3, 6, 14, tzinfo=UTC)) == {}
    said = notes(seed, datetime(2026, 3, 6, 15, tzinfo=UTC))[FindingKind.PASSWORD_EXPIRES]
    assert said == "Its provider said that it ends this login by token on 20 March 2026 (UTC), in 14 days."


def test_a_login_that_its_provider_renews_no_more_is_told_at_once_with_what_to_do() -> None:
    said = "the authorization server refuses the login (invalid_grant); run: gonequiet login one"
    seed = SeedFacts("one", failure=failure(said, FailureCause.LOGIN_ENDED), failing_since=EARLIER)
    (finding,) = safety_findings(seed, NOW)
    assert (finding.kind, finding.since, finding.note) == (
        FindingKind.PASSWORD_EXPIRES,
        EARLIER,
        f"Its last login failed: {said}.",
    )


def test_a_login_that_ended_waits_to_be_told_while_others_may_follow() -> None:
    ended = failure("it was taken back", FailureCause.LOGIN_ENDED)
    seed = SeedFacts("one", failure=ended, failing_since=NOW, others_may_follow=timedelta(minutes=15))
    assert safety_findings(seed, NOW + timedelta(minutes=14)) == ()
    (finding,) = safety_findings(seed, NOW + timedelta(minutes=15))
    assert (finding.since, finding.found_at) == (NOW, NOW + timedelta(minutes=15))
