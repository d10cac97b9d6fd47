"""When a refused notice is tried again, and when it is given up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.alert.backoff import after_failure, after_success, wait_after
from monitor.errors import ChannelError
from monitor.model import NoticeState
from tests.alert.made import NOW, notice


@pytest.mark.parametrize(("tries", "minutes"), [(1, 1), (2, 2), (3, 4), (9, 256), (10, 360), (11, 360), (1000, 360)])
def test_each_wait_is_twice_the_last_up_to_six_hours(tries: int, minutes: int) -> None:
    assert wait_after(tries) == timedelta(minutes=minutes)


def test_the_default_number_of_tries_reaches_over_a_night() -> None:
    assert sum((wait_after(n) for n in range(1, 12)), timedelta()) > timedelta(hours=20)


def test_a_refusal_waits_and_keeps_its_reason() -> None:
    waiting = after_failure(notice(tries=2), ChannelError("desk", "busy"), NOW, max_tries=12)
    assert (waiting.state, waiting.tries, waiting.next_try_at) == (NoticeState.PENDING, 3, NOW + timedelta(minutes=4))
    assert waiting.error == "busy"


@pytest.mark.parametrize(("tries", "retryable"), [(11, True), (0, False)])
def test_the_last_try_and_a_refusal_for_good_give_it_up(tries: int, retryable: bool) -> None:
    given_up = after_failure(notice(tries=tries), ChannelError("desk", "no", retryable=retryable), NOW, max_tries=12)
    assert (given_up.state, given_up.tries, given_up.next_try_at, given_up.error) == (NoticeState.FAILED, tries + 1, None, "no")


def test_success_clears_what_was_wrong() -> None:
    sent = after_success(notice(tries=3, error="busy", next_try_at=NOW), NOW)
    assert (sent.state, sent.tries, sent.sent_at, sent.error, sent.next_try_at) == (NoticeState.SENT, 4, NOW, None, None)
