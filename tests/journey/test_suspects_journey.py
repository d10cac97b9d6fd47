"""The right suspect, all the way: a whole inbox that mail no longer reaches, one that a list leaves out, a house of lists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from monitor.model import AlertState, FindingKind
from tests.journey.mail import CAMPAIGN, OTHERS, START, Mailing, MailingList
from tests.journey.newsroom import Seed, newsroom
from tests.servers.dovecot import Dovecot

ALL = (CAMPAIGN, *OTHERS)
FIRST_LOOK = START + timedelta(days=24)
CHANGE = FIRST_LOOK + timedelta(days=2)
HOUSE = tuple(MailingList(f"list{k}.example.org", (8.0 + k, 15.0 + k)) for k in range(4))


@dataclass(frozen=True)
class LeftOut(Seed):
    """A seed inbox that does not get the mail of these domains."""

    domains: tuple[str, ...] = ()

    def deliver(self, mailings: Iterable[Mailing], at: datetime | None = None) -> None:
        super().deliver([m for m in mailings if m.domain not in self.domains], at)


def test_an_inbox_that_no_mail_reaches_any_more_is_the_suspect_and_not_each_list(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.user()
    with newsroom(tmp_path, FIRST_LOOK, [Seed(user)]) as room:
        room.find_history(ALL)
        room.live(CHANGE, ALL)
        assert room.told == []
        room.live(CHANGE + timedelta(days=4), ())
        key = f"inbox_blind:{user.name}"
        assert room.told == [("opened", key)]
        [alert] = room.alerts
        assert (alert.kind, alert.state) == (FindingKind.INBOX_BLIND, AlertState.OPEN)
        assert alert.finding is not None
        assert alert.finding.members == tuple(sorted(each.domain for each in ALL))
        text = room.mailbox.mails[0].get_body(("plain",))
        assert text is not None
        assert "can be read, and no mail of the 3 lists" in text.get_content()

        room.live(CHANGE + timedelta(days=6), ALL)
        assert room.told == [("opened", key), ("resolved", key)]


def test_a_list_that_leaves_out_one_of_two_inboxes_is_a_finding_about_that_inbox(dovecot: Dovecot, tmp_path: Path) -> None:
    seeds = [Seed(dovecot.user()), Seed(dovecot.user())]
    with newsroom(tmp_path, FIRST_LOOK, seeds) as room:
        room.find_history(ALL)
        room.live(CHANGE, ALL)
        room.seeds[1] = LeftOut(seeds[1].user, domains=(CAMPAIGN.domain,))
        room.live(CHANGE + timedelta(days=5), ALL)
        key = f"seed_silent:{seeds[1].user.name}:{CAMPAIGN.domain}"
        assert room.told == [("opened", key)]
        [alert] = room.alerts
        assert (alert.kind, alert.subject) == (FindingKind.SEED_SILENT, CAMPAIGN.domain)
        assert CAMPAIGN.domain in room.subjects[0]

        room.seeds[1] = seeds[1]
        room.live(CHANGE + timedelta(days=6), ALL)
        assert room.told == [("opened", key), ("resolved", key)]


def test_lists_of_one_house_that_stop_together_are_one_alert_which_names_them(dovecot: Dovecot, tmp_path: Path) -> None:
    with newsroom(tmp_path, FIRST_LOOK, [Seed(dovecot.user())]) as room:
        room.find_history((*HOUSE, *OTHERS))
        room.live(CHANGE, (*HOUSE, *OTHERS))
        room.live(CHANGE + timedelta(days=3), OTHERS)
        key = "group_gap:organisation:example.org"
        assert room.told == [("opened", key)]
        [alert] = room.alerts
        assert alert.finding is not None
        assert alert.finding.members == tuple(each.domain for each in HOUSE)
        text = room.mailbox.mails[0].get_body(("plain",))
        assert text is not None
        assert all(each.domain in text.get_content() for each in HOUSE)

        room.live(CHANGE + timedelta(days=5), (*HOUSE, *OTHERS))
        assert room.told == [("opened", key), ("resolved", key)]
