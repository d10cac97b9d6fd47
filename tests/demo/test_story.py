"""The demo tells each thing once, when it happens on the archive's clock, and calls nothing the last before it is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.demo.archive import read_january
from monitor.demo.replay import END, START, STEP, Step, steps
from monitor.demo.story import WATCHED, Story, Tone
from monitor.model import Alert, AlertState, FindingKind, Level
from monitor.show.snapshot import ShownAlert

OPENED = datetime(2021, 1, 7, 12, 0, tzinfo=UTC)


def shown(state: AlertState = AlertState.OPEN) -> ShownAlert:
    since = datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC)
    alert = Alert(
        id=1,
        key=f"gap:{WATCHED}",
        kind=FindingKind.GAP,
        subject=WATCHED,
        level=Level.ALERT,
        state=state,
        since=since,
        found_at=OPENED,
        opened_at=OPENED,
        updated_at=OPENED,
    )
    return ShownAlert(alert=alert, title="We have seen no mail", text="")


def told_until(moment: datetime, story: Story) -> list[str]:
    return [str(line) for step in steps(read_january(), START, moment, STEP) for line in story.after(step, ())]


def test_every_mail_of_the_watched_stream_is_told_with_its_archive_time() -> None:
    told = told_until(END, Story(START))
    mails = [line for line in told if f"mail from {WATCHED}" in line]
    assert len(mails) == 25
    assert mails[-1] == f" 6 Jan 18:22 UTC  mail from {WATCHED}: “We have the TRUTH”"


def test_each_day_is_summed_up_once() -> None:
    told = told_until(END, Story(START))
    sums = [line for line in told if "that day" in line]
    assert len(sums) == 13
    assert f" 9 Jan 00:00 UTC  11 messages of 10 senders that day, none from {WATCHED}" in sums


def test_nothing_is_called_the_last_before_the_alert_and_the_alert_is_told_once() -> None:
    story = Story(START)
    assert not any("last mail" in line for line in told_until(OPENED, story))
    first = story.after(Step(OPENED, ()), [shown()])
    assert [line.tone for line in first] == [Tone.ALERT, Tone.ALERT]
    assert "the last mail that we have seen" in first[1].text
    assert "6 Jan 18:22 UTC, 17 hours earlier" in first[1].text
    assert story.after(Step(OPENED + STEP, ()), [shown()]) == []


def test_an_alert_that_ended_is_told_too() -> None:
    story = Story(START)
    story.after(Step(OPENED, ()), [shown()])
    told = story.after(Step(OPENED + timedelta(hours=1), ()), [shown(AlertState.RESOLVED)])
    assert [line.text for line in told] == ["resolved: We have seen no mail"]
