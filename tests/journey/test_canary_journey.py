"""Canary mail all the way: over SMTP into real inboxes; when it stops there, that is the finding, and not the lists' silence."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from monitor.model import AlertState, FindingKind
from tests.journey.mail import CAMPAIGN, OTHERS, START
from tests.journey.newsroom import STEP, Seed, newsroom
from tests.servers.dovecot import Dovecot

ALL = (CAMPAIGN, *OTHERS)
FIRST_LOOK = START + timedelta(days=18)
LOST_FROM = START + timedelta(days=19)
BACK_AT = LOST_FROM + timedelta(days=6)


def test_mail_that_no_longer_arrives_is_a_finding_about_the_inbox_and_lists_silent_meanwhile_are_none(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    user = dovecot.user()
    with newsroom(tmp_path, FIRST_LOOK, [Seed(user)], with_canaries=True) as room:
        room.find_history(ALL)
        room.live(LOST_FROM, ALL)
        assert room.told == []
        [health] = room.snapshot().inboxes
        assert health.canary is not None
        assert health.canary.totals["inbox"] > 4
        assert set(health.canary.delays) == {timedelta(0)}
        assert not any(state.stream == "example.org" for state in room.snapshot().states), "canaries are no stream"

        room.canaries_reach.clear()
        room.live(BACK_AT, ())
        key = f"canary_overdue:{user.name}"
        assert room.told == [("opened", key)]
        [alert] = room.alerts
        assert (alert.kind, alert.state) == (FindingKind.CANARY_OVERDUE, AlertState.OPEN)
        assert alert.since == LOST_FROM, "the last canary that arrived was sent then"
        assert alert.opened_at - LOST_FROM <= 5 * STEP
        [health] = room.snapshot().inboxes
        assert (health.unreached, health.blind) == (True, False)
        assert f"Canary mail does not reach seed inbox {user.name}" in room.subjects[0]

        room.canaries_reach.add(user.name)
        room.live(BACK_AT + timedelta(days=1), ALL)
        assert room.told == [("opened", key), ("resolved", key)]
        assert len(room.subjects) == 2
        assert [alert.state for alert in room.alerts] == [AlertState.RESOLVED]


def test_lists_that_stay_silent_after_the_inbox_is_back_are_told_of_with_the_hole_left_out(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    user = dovecot.user()
    with newsroom(tmp_path, FIRST_LOOK, [Seed(user)], with_canaries=True) as room:
        room.find_history(ALL)
        room.live(LOST_FROM, ALL)
        room.canaries_reach.clear()
        room.live(BACK_AT, ())
        room.canaries_reach.add(user.name)
        room.live(BACK_AT + timedelta(days=6), OTHERS)
        gap_key = f"gap:{CAMPAIGN.domain}"
        assert room.told[2:] == [("opened", gap_key)]
        [gap] = [alert for alert in room.alerts if alert.key == gap_key]
        assert gap.found_at > BACK_AT
        assert gap.finding is not None
        assert gap.finding.gap is not None
        assert gap.finding.gap.silence - gap.finding.gap.covered >= BACK_AT - LOST_FROM - STEP


def test_one_inbox_of_two_that_canaries_do_not_reach_hides_no_gap(dovecot: Dovecot, tmp_path: Path) -> None:
    seeds = [Seed(dovecot.user()), Seed(dovecot.user())]
    with newsroom(tmp_path, FIRST_LOOK, seeds, with_canaries=True) as room:
        room.find_history(ALL)
        room.live(LOST_FROM, ALL)
        room.canaries_reach.discard(seeds[0].user.name)
        room.live(BACK_AT, OTHERS)
        assert sorted(room.told) == [("opened", f"canary_overdue:{seeds[0].user.name}"), ("opened", f"gap:{CAMPAIGN.domain}")]


def test_an_account_that_cannot_send_is_told_of_as_such(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.user()
    with newsroom(tmp_path, FIRST_LOOK, [Seed(user)], with_canaries=True) as room:
        room.find_history(ALL)
        room.live(LOST_FROM, ALL)
        room.canary_mail.answer = "554 5.7.1 Sending is closed for canary@example.org"
        room.live(LOST_FROM + timedelta(days=1), ALL)
        assert room.told == [("opened", "canary_unsent")]
        assert "the canary account cannot send" in room.subjects[0]
        text = str(room.mailbox.mails[0].get_body(("plain",)))
        assert "Sending is closed" in text
        assert "canary@example.org" not in text
        [health] = room.snapshot().inboxes
        assert (health.unreached, health.blind) == (False, False)

        room.canary_mail.answer = "250 Kept"
        room.live(room.clock.now() + timedelta(days=1), ALL)
        assert room.told == [("opened", "canary_unsent"), ("resolved", "canary_unsent")]
