"""Logins that one provider has ended together are one finding, which names it and counts the inboxes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.detect.logins import GATHERED, TOGETHER, Ended, logins_ended
from monitor.model import Finding, FindingKind

NOON = datetime(2021, 1, 6, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def found(now: datetime = NOON + GATHERED, **since: tuple[str, datetime]) -> tuple[Finding, ...]:
    ended = {inbox: Ended(provider, at, f"{inbox} was taken back") for inbox, (provider, at) in since.items()}
    return logins_ended(ended, now)


def test_logins_that_ended_together_are_one_finding() -> None:
    [finding] = found(b=("Google", NOON + 5 * MINUTE), a=("Google", NOON), c=("Google", NOON + MINUTE))
    assert (finding.kind, finding.key) == (FindingKind.PASSWORD_EXPIRES, "password_expires:authorization:Google")
    assert (finding.subject, finding.members) == ("Google", ("a", "b", "c"))
    assert (finding.since, finding.found_at) == (NOON + 5 * MINUTE, NOON + GATHERED)
    assert finding.note == (
        "3 seed inboxes that log in through Google cannot log in any more. The last failure of b: b was taken back."
    )


def test_it_waits_until_others_have_had_the_time_to_be_tried() -> None:
    assert found(NOON + GATHERED - MINUTE, a=("Google", NOON), b=("Google", NOON)) == ()


def test_each_provider_by_itself_and_one_login_is_no_provider() -> None:
    assert found(a=("Google", NOON), b=("Microsoft", NOON)) == ()
    two = found(a=("Google", NOON), b=("Microsoft", NOON), c=("Google", NOON), d=("Microsoft", NOON))
    assert [f.members for f in two] == [("a", "c"), ("b", "d")]


def test_logins_that_ended_hours_apart_are_several_matters() -> None:
    later = NOON + TOGETHER + MINUTE
    assert found(later + GATHERED, a=("Google", NOON), b=("Google", later)) == ()
    [finding] = found(later + GATHERED, a=("Google", NOON), b=("Google", later), c=("Google", later - 2 * MINUTE))
    assert finding.members == ("a", "b", "c")  # an hour at most lies between one and the next
