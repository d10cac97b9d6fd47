"""The whole way: mail into seed inboxes, a silent week, one alert out, one notice of its end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from monitor.model import AlertState, FindingKind
from tests.journey.mail import CAMPAIGN, OTHERS, START, sends_of
from tests.journey.newsroom import newsroom, three_seeds
from tests.servers.dovecot import Dovecot

ALL = (CAMPAIGN, *OTHERS)
FIRST_LOOK = START + timedelta(days=18)
SILENT_FROM = START + timedelta(days=25)
BACK_AT = SILENT_FROM + timedelta(days=7)
GAP_KEY = f"gap:{CAMPAIGN.domain}"


def test_a_silent_week_is_told_once_and_so_is_its_end(dovecot: Dovecot, tmp_path: Path) -> None:
    seeds = three_seeds(dovecot.user() for _ in range(3))
    with newsroom(tmp_path, FIRST_LOOK, seeds) as room:
        room.find_history(ALL)
        room.live(SILENT_FROM, ALL)
        assert room.alerts == ()

        room.live(SILENT_FROM + timedelta(days=6), OTHERS)
        told_by = [(alert.key, alert.kind, alert.state) for alert in room.alerts]
        assert told_by == [(GAP_KEY, FindingKind.GAP, AlertState.OPEN)]
        assert room.told == [("opened", GAP_KEY)]
        assert len(room.subjects) == 1
        last = sends_of([CAMPAIGN], START, SILENT_FROM)[-1]
        assert room.alerts[0].since == last.at
        assert room.snapshot().copies[CAMPAIGN.domain, "unknown", "JUNK"] > 40

        for _ in range(10):
            room.clock.move_to(room.clock.now() + timedelta(minutes=5))
            room.look()
        assert (len(room.subjects), len(room.told)) == (1, 1)

        room.live(BACK_AT, OTHERS)
        room.live(BACK_AT + timedelta(days=3), ALL)
        first = sends_of([CAMPAIGN], BACK_AT, BACK_AT + timedelta(days=1))[0]
        assert room.told == [("opened", GAP_KEY), ("resolved", GAP_KEY)]
        end = room.hook.requests[1].body["alert"]
        assert end["silence_hours"] == round((first.at - last.at) / timedelta(hours=1), 2)
        assert len(room.subjects) == 2
        assert "seen again after 7 days" in room.subjects[1]
        assert [alert.state for alert in room.alerts] == [AlertState.RESOLVED]
