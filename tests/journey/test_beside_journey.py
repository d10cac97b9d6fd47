"""The whole way beside the full stop: a list that mails a quarter of what it did, and one whose mail moves to junk."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from monitor.model import AlertState, FindingKind
from tests.journey.mail import START, MailingList, sends_of
from tests.journey.newsroom import Seed, newsroom
from tests.servers.dovecot import Dovecot

BUSY = MailingList("news.example.org", (6.0, 9.0, 12.0, 14.0, 16.0, 18.0, 20.0, 22.0))
OTHERS = (MailingList("letters.example.com", (9.0,)), MailingList("daily.example.net", (7.0, 12.0, 17.0)))
FIRST_LOOK = START + timedelta(days=42)
CHANGE = FIRST_LOOK + timedelta(days=1)
FEWER = f"volume_drop:{BUSY.domain}"
QUARTER = replace(BUSY, hours=BUSY.hours[2::4])


def test_a_list_that_drops_to_a_quarter_is_told_of_once_and_so_is_its_end(dovecot: Dovecot, tmp_path: Path) -> None:
    with newsroom(tmp_path, FIRST_LOOK, [Seed(dovecot.user())]) as room:
        room.find_history((BUSY, *OTHERS))
        room.live(CHANGE, (BUSY, *OTHERS))
        assert not room.alerts
        room.live(CHANGE + timedelta(days=8), (QUARTER, *OTHERS))
        assert room.told == [("opened", FEWER)]
        [alert] = room.alerts
        assert (alert.kind, alert.state) == (FindingKind.VOLUME_DROP, AlertState.OPEN)
        assert BUSY.domain in room.subjects[0]
        room.live(CHANGE + timedelta(days=15), (BUSY, *OTHERS))
        assert room.told == [("opened", FEWER), ("resolved", FEWER)]


def test_a_list_that_moves_to_junk_at_one_mail_server_is_told_of_once_and_so_is_its_end(dovecot: Dovecot, tmp_path: Path) -> None:
    seeds = [Seed(dovecot.user()) for _ in range(2)]
    with newsroom(tmp_path, FIRST_LOOK, seeds) as room:
        room.find_history((BUSY, *OTHERS))
        room.live(CHANGE, (BUSY, *OTHERS))
        room.seeds[:] = [replace(seed, junks=(BUSY.domain,)) for seed in seeds]
        room.live(CHANGE + timedelta(days=2), (BUSY, *OTHERS))
        [(event, key)] = room.told
        assert (event, key) == ("opened", f"placement_shift:{seeds[0].user.name}:{BUSY.domain}")
        [alert] = room.alerts
        assert alert.since == sends_of([BUSY], CHANGE, CHANGE + timedelta(days=1))[0].at
        room.seeds[:] = seeds
        room.live(CHANGE + timedelta(days=4), (BUSY, *OTHERS))
        assert room.told == [("opened", key), ("resolved", key)]
