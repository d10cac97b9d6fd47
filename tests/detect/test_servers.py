"""One broken mail server is one finding, whatever the number of inboxes there; several broken passwords are several."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.detect.servers import Failing, servers_blind
from monitor.model import FailureCause, Finding

NOON = datetime(2021, 1, 6, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NETWORK, LOGIN = FailureCause.NETWORK, FailureCause.LOGIN


def found(
    blind: dict[str, datetime],
    suspects: dict[str, datetime] | None = None,
    cause: FailureCause = NETWORK,
    **others: Failing,
) -> tuple[Finding, ...]:
    failing = {inbox: Failing("mail.example.org", cause) for inbox in {**blind, **(suspects or {})}}
    return servers_blind(blind, suspects or {}, {**failing, **others}, NOON + HOUR, HOUR)


def test_inboxes_of_one_server_that_fail_together_are_one_finding() -> None:
    [finding] = found({"a": NOON - 5 * MINUTE, "b": NOON})
    assert (finding.key, finding.subject) == ("inbox_blind:server:mail.example.org", "mail.example.org")
    assert finding.members == ("a", "b")
    assert (finding.since, finding.found_at) == (NOON, NOON + 55 * MINUTE)
    assert finding.note == (
        "2 seed inboxes at mail.example.org could not be read since then; the last tries failed for: network."
    )


def test_one_that_is_about_to_be_blind_belongs_to_it_and_two_of_them_are_no_finding_yet() -> None:
    [finding] = found({"a": NOON}, {"b": NOON + 5 * MINUTE})
    assert finding.members == ("a", "b")
    assert found({}, {"a": NOON, "b": NOON}) == ()


def test_one_inbox_is_no_server() -> None:
    assert found({"a": NOON}) == ()
    assert found({"a": NOON, "b": NOON}, b=Failing("mail.example.net", NETWORK)) == ()


def test_what_began_at_another_time_is_another_matter() -> None:
    assert found({"a": NOON - 3 * HOUR, "b": NOON}) == ()
    [finding] = found({"a": NOON - 3 * HOUR, "b": NOON - 30 * MINUTE, "c": NOON})
    assert finding.members == ("b", "c")


def test_refused_logins_are_told_apart_from_a_server_that_is_down() -> None:
    assert found({"a": NOON, "b": NOON}, b=Failing("mail.example.org", LOGIN)) == ()
    [finding] = found({"a": NOON, "b": NOON}, cause=LOGIN)
    assert finding.key == "inbox_blind:server:mail.example.org:login"


def test_an_authorization_server_that_is_down_is_not_the_mail_servers_failure() -> None:
    tokens = Failing("Google (oauth2.example.org)", NETWORK, gives_tokens=True)
    [finding] = found({"a": NOON, "b": NOON, "c": NOON}, a=tokens, b=tokens)
    assert finding.key == "inbox_blind:authorization:Google (oauth2.example.org)"
    assert finding.members == ("a", "b")
    assert finding.note == (
        "2 seed inboxes that log in through Google (oauth2.example.org) could not be read since then; "
        "the last tries failed for: network."
    )


@pytest.mark.parametrize("cause", [FailureCause.SETTINGS, FailureCause.FOLDER, FailureCause.LOGIN_ENDED])
def test_what_is_wrong_with_each_by_itself_is_not_the_servers(cause: FailureCause) -> None:
    assert found({"a": NOON, "b": NOON}, cause=cause) == ()


def test_causes_that_change_as_a_server_goes_down_are_one_matter() -> None:
    [finding] = found({"a": NOON, "b": NOON}, b=Failing("mail.example.org", FailureCause.TIMEOUT))
    assert finding.note is not None
    assert finding.note.endswith("failed for: network, timeout.")
