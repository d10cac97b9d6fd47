"""What an operator does to an alert."""

from __future__ import annotations

import pytest

from monitor.alert.by_hand import acknowledge, mute
from monitor.model import AlertState
from tests.alert.made import NOW, alert, hours


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (AlertState.OPEN, AlertState.ACKNOWLEDGED),
        (AlertState.ACKNOWLEDGED, AlertState.ACKNOWLEDGED),
        (AlertState.RESOLVED, AlertState.RESOLVED),  # it came back by itself meanwhile: that stays so
    ],
)
def test_acknowledging_says_who_and_why_and_tells_nobody(before: AlertState, after: AlertState) -> None:
    change = acknowledge(alert(state=before), "ana", "asked the campaign", NOW + hours(1))
    assert (change.event, change.notices) == (None, ())
    assert (change.alert.state, change.alert.acknowledged_by, change.alert.comment) == (after, "ana", "asked the campaign")


def test_muting_keeps_an_older_comment_when_no_new_one_is_given() -> None:
    change = mute(alert(comment="asked the campaign"), NOW + hours(8), None, NOW + hours(1))
    assert (change.alert.muted_until, change.alert.comment, change.alert.updated_at) == (
        NOW + hours(8),
        "asked the campaign",
        NOW + hours(1),
    )
