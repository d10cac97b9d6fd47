"""Strips claim only what was proven: all folders of an inbox, and any inbox at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from monitor.model import Coverage
from monitor.show.canaries import delay_lines
from monitor.show.snapshot import CanaryHealth
from monitor.show.strips import WINDOW, blind_times, covered, inbox_lines
from tests.show.snapshots import EMPTY, NOW, all_wrong, calm, inbox


def test_an_inbox_is_covered_only_while_all_its_folders_are() -> None:
    start = NOW - timedelta(days=1)
    at = [NOW - timedelta(hours=h) for h in (20, 16, 12, 8, 4)]
    spans = (
        Coverage("one", "INBOX", at[0], at[2]),
        Coverage("one", "INBOX", at[2], at[4]),
        Coverage("one", "Junk", at[1], at[3]),
    )
    assert covered(replace(inbox("one"), coverage=spans), start, NOW) == [(at[1], at[3])]
    assert covered(replace(inbox("one"), coverage=()), start, NOW) == []


def test_coverage_from_before_the_window_is_cut_at_its_start() -> None:
    spans = (Coverage("one", "INBOX", NOW - timedelta(days=40), NOW),)
    assert covered(replace(inbox("one"), coverage=spans), NOW - WINDOW, NOW) == [(NOW - WINDOW, NOW)]


def test_only_hours_in_which_no_inbox_at_all_was_read_are_blind() -> None:
    now = calm().now
    hole = (NOW - timedelta(days=5), NOW - timedelta(days=5) + timedelta(hours=8))
    assert blind_times(now, NOW - WINDOW, NOW) == [hole]
    seeing = replace(inbox("quiet-2"), coverage=(Coverage("quiet-2", "INBOX", NOW - timedelta(days=12), NOW),))
    assert blind_times(replace(now, inboxes=(now.inboxes[0], seeing)), NOW - WINDOW, NOW) == []
    assert blind_times(EMPTY, NOW - WINDOW, NOW) == []


def test_blind_inboxes_stand_first_and_name_the_fault() -> None:
    lines = inbox_lines(all_wrong().now)
    assert [line.name for line in lines] == ["quiet-2", "quiet-1"]
    assert lines[0].words.startswith("blind since 7 Jan, 21:37 UTC")
    assert lines[0].detail == "login: the server refused the password; renew it in password_file"
    assert lines[1].words.startswith("read 3 minutes ago")


def test_of_a_link_in_a_server_s_refusal_only_the_host_is_shown() -> None:
    blind = inbox("quiet-2", blind=True)
    assert blind.last_failure
    said = replace(blind.last_failure, detail="[WEBALERT https://accounts.example.com/continue?plt=TOK12345] log in")
    (line,) = inbox_lines(replace(EMPTY, inboxes=(replace(blind, last_failure=said),)))
    assert line.detail == "login: [WEBALERT accounts.example.com/… log in"


def test_an_inbox_that_mail_does_not_reach_says_so_and_stands_before_the_others() -> None:
    lost = replace(inbox("z"), unreached=True)
    first, second = inbox_lines(replace(EMPTY, at=NOW, inboxes=(inbox("a"), lost)))
    assert first.name == "z"
    assert first.words == "read 3 minutes ago · canary mail is overdue; the last one arrived 8 Jan, 04:21 UTC, in junk"
    assert second.words == "read 3 minutes ago · last canary arrived 8 Jan, 04:21 UTC, in junk"
    unsent = replace(inbox("a"), canary=CanaryHealth())
    assert inbox_lines(replace(EMPTY, at=NOW, inboxes=(unsent,)))[0].words.endswith("no canary mail has arrived so far")


def test_canary_delays_are_shown_by_who_runs_the_mailbox() -> None:
    other = replace(inbox("b"), receiver=None, canary=CanaryHealth())
    off = replace(inbox("c"), receiver="Gmail", canary=None)
    lines = delay_lines(replace(EMPTY, inboxes=(inbox("a"), other, off)))
    assert [(line.receiver, line.words) for line in lines] == [
        ("dovecot", "3 canary mails in the last 24 hours, usually after 5 seconds, at most 60 seconds"),
        ("other mail servers", "none arrived in the last 24 hours"),
    ]


def test_an_inbox_that_was_never_read_says_so() -> None:
    never = replace(inbox("new", blind=True), folders=(), coverage=(), last_failure=None, canary=None)
    line = inbox_lines(replace(EMPTY, inboxes=(never,)))[0]
    assert (line.words, line.covered, line.bars) == ("never read so far", "nothing proven in the last 14 days", ())
