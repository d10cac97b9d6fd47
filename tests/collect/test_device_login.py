"""Login by code: at the server's pace, to the end that the owner or the time brings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from fastapi import Response

from monitor.collect.device_login import log_in_by_device
from monitor.collect.oauth import DeviceCode
from monitor.errors import InboxError
from monitor.model import FailureCause
from tests.collect.test_oauth import asking
from tests.servers.oauth import OAuthServer


def logged_in(oauth: OAuthServer, tmp_path: Path, *, answers: Sequence[Response] = ()) -> tuple[str, list[float]]:
    """The access token, and the waits that it took."""
    shown: list[DeviceCode] = []
    waits: list[float] = []
    oauth.answers.extend(answers)
    tokens = log_in_by_device(asking(oauth.settings(tmp_path)), shown.append, waits.append)
    assert [code.user_code for code in shown] == ["WDJB-MJHT"]
    return tokens.access_token, waits


def test_it_waits_for_the_owner_and_slows_down_when_told(oauth: OAuthServer, tmp_path: Path) -> None:
    oauth.device.extend(["authorization_pending", "slow_down", "authorization_pending", "slow_down"])
    token, waits = logged_in(oauth, tmp_path)
    assert token in oauth.access
    assert waits == [1, 1, 6, 6, 11]


def test_a_network_that_fails_in_between_is_asked_again_more_seldom(oauth: OAuthServer, tmp_path: Path) -> None:
    token, waits = logged_in(oauth, tmp_path, answers=[Response("gateway", 502), Response("gateway", 502)])
    assert token in oauth.access
    assert waits == [1, 2, 4]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("access_denied", "did not allow it; run: gonequiet login gmail-1"),
        ("expired_token", "not used in time; run: gonequiet login gmail-1"),
    ],
)
def test_an_owner_who_says_no_or_nothing_ends_it(oauth: OAuthServer, tmp_path: Path, code: str, said: str) -> None:
    oauth.device.extend(["authorization_pending", code])
    with pytest.raises(InboxError, match=said) as caught:
        logged_in(oauth, tmp_path)
    assert caught.value.cause is FailureCause.LOGIN_ENDED


def test_it_ends_with_the_code_even_if_the_server_never_says_so(oauth: OAuthServer, tmp_path: Path) -> None:
    oauth.code_lives = 5
    oauth.device.extend(["authorization_pending"] * 10)
    with pytest.raises(InboxError, match="not used in time"):
        logged_in(oauth, tmp_path)
    assert len(oauth.asked) == 5
