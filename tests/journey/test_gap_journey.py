"""The whole way: mail into seed inboxes, a silent week, one alert out, one notice of its end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from monitor.model import AlertState, CoverageKind, FailureCause, FindingKind
from tests.journey.mail import CAMPAIGN, OTHERS, START, Mailing, sends_of
from tests.journey.newsroom import STEP, Seed, newsroom, seed_settings, three_seeds
from tests.servers.dovecot import Dovecot
from tests.servers.process import free_port

ALL = (CAMPAIGN, *OTHERS)
FIRST_LOOK = START + timedelta(days=18)
SILENT_FROM = START + timedelta(days=25)
BACK_AT = SILENT_FROM + timedelta(days=7)
GAP_KEY = f"gap:{CAMPAIGN.domain}"
SERVER_KEY = "inbox_blind:server:127.0.0.1"


def test_a_silent_week_is_told_once_and_so_is_its_end(dovecot: Dovecot, tmp_path: Path) -> None:
    seeds = three_seeds(dovecot.user() for _ in range(3))
    with newsroom(tmp_path, FIRST_LOOK, seeds) as room:
        room.find_history(ALL)
        room.live(SILENT_FROM, ALL)
        assert not room.alerts

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


def test_an_unreachable_inbox_is_told_of_and_the_others_still_tell_the_gap(dovecot: Dovecot, tmp_path: Path) -> None:
    seeds = three_seeds(dovecot.user() for _ in range(3))
    gone = dovecot.user().settings().model_copy(update={"name": "gone", "port": free_port(), "password_env": "PATH"})
    with newsroom(tmp_path, FIRST_LOOK, seeds, unreachable=[gone]) as room:
        room.find_history(ALL)
        room.live(SILENT_FROM, ALL)
        assert [alert.key for alert in room.alerts] == ["inbox_blind:gone"]
        assert "gone" in room.subjects[0]

        room.live(BACK_AT, OTHERS)
        room.live(BACK_AT + timedelta(days=3), ALL)
        assert room.told == [("opened", "inbox_blind:gone"), ("opened", GAP_KEY), ("resolved", GAP_KEY)]
        assert {alert.key: alert.state for alert in room.alerts} == {
            "inbox_blind:gone": AlertState.OPEN,
            GAP_KEY: AlertState.RESOLVED,
        }
        [health] = [inbox for inbox in room.snapshot().inboxes if inbox.inbox == "gone"]
        assert health.blind
        assert health.last_failure is not None
        assert health.last_failure.cause is FailureCause.NETWORK
        assert room.counters.polls["gone", "network"] == health.consecutive_failures


def test_a_week_in_which_we_see_nothing_is_a_finding_about_us_and_none_about_senders(
    own_dovecot: Dovecot, tmp_path: Path
) -> None:
    seeds = three_seeds(own_dovecot.user() for _ in range(3))
    with newsroom(tmp_path, FIRST_LOOK, seeds) as room:
        room.find_history(ALL)
        room.live(SILENT_FROM, ALL)
        own_dovecot.stop()
        room.go_on_blind(BACK_AT)
        assert room.told == [("opened", "inbox_blind:all")]
        assert len(room.subjects) == 1

        own_dovecot.start()
        for seed in seeds:
            seed.deliver(sends_of(ALL, SILENT_FROM, BACK_AT))
        room.live(BACK_AT + timedelta(days=3), ALL)
        assert room.told == [("opened", "inbox_blind:all"), ("resolved", "inbox_blind:all")]
        assert [alert.state for alert in room.alerts] == [AlertState.RESOLVED]
        week = [c for c in room.session.store.coverage() if c.start <= SILENT_FROM + timedelta(days=1) < c.end]
        assert {c.kind for c in week} == {CoverageKind.RETROSPECTIVE}


def test_a_mail_server_that_breaks_is_one_notice_while_an_inbox_elsewhere_goes_on(
    own_dovecot: Dovecot, dovecot: Dovecot, tmp_path: Path
) -> None:
    there = [Seed(own_dovecot.user()) for _ in range(2)]
    elsewhere = Seed(dovecot.user())
    settings = seed_settings(elsewhere.user, tmp_path).model_copy(update={"name": "elsewhere"})
    with newsroom(tmp_path, FIRST_LOOK, there, [settings]) as room:
        elsewhere.deliver(sends_of(ALL, START, FIRST_LOOK))
        room.find_history(ALL)
        own_dovecot.stop()
        for _ in range(5):
            elsewhere.deliver(sends_of(ALL, room.clock.now(), room.clock.now() + STEP))
            room.go_on_blind(room.clock.now() + STEP)
        assert room.told == [("opened", SERVER_KEY)]
        assert room.subjects[0].startswith("2 seed inboxes at 127.0.0.1 cannot be relied on")
        body = str(room.mailbox.mails[0])
        assert all(seed.user.settings().user + "@" not in body for seed in there)

        own_dovecot.start()
        for seed in there:
            seed.deliver(sends_of(ALL, FIRST_LOOK, room.clock.now()))
        room.look()
        assert room.told == [("opened", SERVER_KEY), ("resolved", SERVER_KEY)]
        assert {alert.state for alert in room.alerts if alert.kind is FindingKind.INBOX_BLIND} == {AlertState.RESOLVED}


def test_inboxes_of_one_server_that_could_never_be_read_are_one_notice(dovecot: Dovecot, tmp_path: Path) -> None:
    port = free_port()
    gone = [
        dovecot.user().settings().model_copy(update={"name": f"gone-{n}", "port": port, "password_env": "PATH"}) for n in range(3)
    ]
    with newsroom(tmp_path, FIRST_LOOK, [Seed(dovecot.user())], gone) as room:
        room.look()
        room.go_on_blind(FIRST_LOOK + timedelta(days=1))
        assert room.told == [("opened", SERVER_KEY)]
        [alert] = [alert for alert in room.alerts if alert.key == SERVER_KEY]
        assert alert.finding is not None
        assert alert.finding.members == ("gone-0", "gone-1", "gone-2")


def test_a_stream_that_fell_silent_while_we_were_blind_is_told_of_once_the_backlog_is_read(
    own_dovecot: Dovecot, tmp_path: Path
) -> None:
    seeds = three_seeds(own_dovecot.user() for _ in range(3))
    with newsroom(tmp_path, FIRST_LOOK, seeds) as room:
        room.find_history(ALL)
        room.live(SILENT_FROM, ALL)
        own_dovecot.stop()
        room.go_on_blind(BACK_AT)
        own_dovecot.start()
        for seed in seeds:
            seed.deliver(sends_of(OTHERS, SILENT_FROM, BACK_AT))
        room.look()
        assert sorted(room.told) == [("opened", GAP_KEY), ("opened", "inbox_blind:all"), ("resolved", "inbox_blind:all")]
        [gap] = [alert for alert in room.alerts if alert.key == GAP_KEY]
        assert gap.found_at < BACK_AT - timedelta(days=3)
        assert gap.opened_at == BACK_AT


def test_mail_that_comes_late_and_refutes_the_alert_sends_a_correction(dovecot: Dovecot, tmp_path: Path) -> None:
    seeds = three_seeds(dovecot.user() for _ in range(3))
    with newsroom(tmp_path, FIRST_LOOK, seeds) as room:
        room.find_history(ALL)
        room.live(SILENT_FROM, ALL)
        while not room.alerts:
            room.live(room.clock.now() + STEP, OTHERS)
        [alert] = room.alerts
        held_up = Mailing(CAMPAIGN.domain, alert.found_at.replace(microsecond=0) - timedelta(hours=2), number=1000)
        seeds[0].deliver([held_up], at=room.clock.now())
        room.live(room.clock.now() + timedelta(days=1), ALL)
        assert room.told == [("opened", GAP_KEY), ("corrected", GAP_KEY)]
        assert len(room.subjects) == 2
        [alert] = room.alerts
        assert (alert.state, alert.resumed_at) == (AlertState.RETRACTED, held_up.at)
