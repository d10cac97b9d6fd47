"""The replay delivers everything once, in time, and never runs ahead of the service."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from monitor.clock import SteppedClock
from monitor.demo.archive import ArchivedMail, read_january
from monitor.demo.replay import END, START, STEP, ReplayError, play, steps

MAILS = read_january()


def test_steps_bring_every_mail_once_and_not_before_its_date() -> None:
    done = list(steps(MAILS, START, END, STEP))
    assert [mail for step in done for mail in step.arrived] == list(MAILS)
    assert all(step.at - STEP < mail.at <= step.at for step in done for mail in step.arrived)
    assert done[-1].at == END


def test_a_last_step_may_be_shorter() -> None:
    done = list(steps((), START, START + timedelta(minutes=50), timedelta(minutes=20)))
    assert [step.at - START for step in done] == [timedelta(minutes=m) for m in (20, 40, 50)]


def test_mail_is_in_before_the_clock_says_so_and_a_step_ends_when_the_service_has_followed() -> None:
    clock = SteppedClock(START)
    delivered: list[tuple[datetime, ArchivedMail]] = []
    asked: list[datetime] = []

    def caught_up(moment: datetime) -> bool:
        asked.append(moment)
        return len(asked) % 3 == 0

    for step in play(
        steps(MAILS, START, START + timedelta(days=1), STEP),
        clock,
        lambda mail: delivered.append((clock.now(), mail)),
        caught_up,
    ):
        assert clock.now() == step.at
        assert asked[-3:] == [step.at] * 3
    assert delivered
    assert all(at < mail.at for at, mail in delivered)


def test_a_service_that_does_not_follow_is_named_instead_of_waited_for_without_end() -> None:
    todo = play(steps((), START, END, STEP), SteppedClock(START), lambda _mail: None, lambda _moment: False, patience=0.02)
    with pytest.raises(ReplayError, match="02 Jan 23:30 UTC"):
        next(todo)
