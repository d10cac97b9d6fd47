"""Gmail's tabs lie within INBOX: a message counts where Gmail put it, and on any other server in the inbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from monitor.collect.imap import TABS_AGAIN, TABS_WITHIN
from tests.collect.looking import Watcher, mail, messages_of, open_inbox
from tests.servers.scripted_imap import Box, ScriptedImap, scripted

GMAIL = "IMAP4rev1 UNSELECT X-GM-EXT-1"


@pytest.fixture
def gmail() -> Iterator[ScriptedImap]:
    inbox = Box({1: mail("one"), 2: mail("two"), 3: mail("three")}, tabs={2: "promotions", 3: "updates"})
    boxes = {"INBOX": inbox, "[Gmail]/Spam": Box({7: mail("seven")}, flags="\\Junk", tabs={7: "promotions"})}
    with scripted(ScriptedImap(boxes, capabilities=GMAIL)) as running:
        yield running


def roles(watcher: Watcher) -> dict[int, str]:
    return {message.uid: message.role for message in messages_of(watcher.visit())}


def test_mail_counts_in_the_tab_that_gmail_put_it_into(gmail: ScriptedImap) -> None:
    watcher = Watcher(open_inbox(gmail.settings(), "secret"))
    assert roles(watcher) == {1: "INBOX", 2: "TAB:promotions", 3: "TAB:updates", 7: "JUNK"}
    gmail.boxes["INBOX"].messages[4] = mail("four")
    gmail.boxes["INBOX"].tabs[4] = "social"
    assert roles(watcher) == {4: "TAB:social"}
    asked = [line for line in gmail.asked if "X-GM-RAW" in line]
    assert [line.split()[3] for line in asked] == ["1:3"] * 4 + ["4"] * 4  # of what is new alone


def test_other_servers_are_not_asked_for_tabs(gmail: ScriptedImap) -> None:
    gmail.capabilities = "IMAP4rev1 UNSELECT"
    assert roles(Watcher(open_inbox(gmail.settings(), "secret"))) == {1: "INBOX", 2: "INBOX", 3: "INBOX", 7: "JUNK"}
    assert not any("X-GM-RAW" in line for line in gmail.asked)


def test_where_gmail_refuses_to_say_the_mail_is_in_the_inbox_and_nothing_is_lost(gmail: ScriptedImap) -> None:
    def refuse(command: str, answer: bytes) -> bytes:
        is_asked = command == "UID SEARCH" and "X-GM-RAW" in gmail.asked[-1]
        return answer.rsplit(b"\r\n", 2)[-2].split(b" ")[0] + b" BAD Could not parse command\r\n" if is_asked else answer

    gmail.spoil = refuse
    watcher = Watcher(open_inbox(gmail.settings(), "secret"))
    assert roles(watcher) == {1: "INBOX", 2: "INBOX", 3: "INBOX", 7: "JUNK"}
    assert watcher.failures == []
    assert sum("X-GM-RAW" in line for line in gmail.asked) == 1


def looked_again(watcher: Watcher) -> list[dict[int, str]]:
    return [dict(visit.roles) for visit in watcher.visit(TABS_AGAIN) if visit.folder == "INBOX"]


def test_once_an_hour_it_is_asked_where_mail_of_the_last_days_is_by_now(gmail: ScriptedImap) -> None:
    inbox = gmail.boxes["INBOX"]
    watcher = Watcher(open_inbox(gmail.settings(), "secret"))
    inbox.days = {2: watcher.clock.now().date(), 3: (watcher.clock.now() - TABS_WITHIN + timedelta(days=1)).date()}
    watcher.visit()
    asked = len(gmail.asked)
    assert all(not visit.roles for visit in watcher.visit(TABS_AGAIN / 2))
    assert not any("SEARCH" in line for line in gmail.asked[asked:])
    inbox.tabs = {3: "social"}
    assert looked_again(watcher) == [{2: "INBOX", 3: "TAB:social"}]  # 1 is older than the window
    assert sum("SEARCH" in line for line in gmail.asked[asked:]) == 5
    inbox.messages[4], inbox.days[4], inbox.tabs[2] = mail("four"), watcher.clock.now().date(), "forums"
    assert looked_again(watcher) == [{2: "TAB:forums", 3: "TAB:social", 4: "INBOX"}]
    assert watcher.failures == []


def test_where_gmail_refuses_to_say_nothing_is_said_to_have_moved(gmail: ScriptedImap) -> None:
    watcher = Watcher(open_inbox(gmail.settings(), "secret"))
    gmail.boxes["INBOX"].days = dict.fromkeys((1, 2, 3), watcher.clock.now().date())
    watcher.visit()
    gmail.spoil = lambda command, right: (
        right.rsplit(b"\r\n", 2)[-2].split(b" ")[0] + b" BAD Could not parse command\r\n"
        if "X-GM-RAW" in gmail.asked[-1]
        else right
    )
    assert looked_again(watcher) == [{}]
    assert watcher.failures == []


def test_other_servers_are_not_asked_again(gmail: ScriptedImap) -> None:
    gmail.capabilities = "IMAP4rev1 UNSELECT"
    watcher = Watcher(open_inbox(gmail.settings(), "secret"))
    watcher.visit()
    asked = len(gmail.asked)
    assert looked_again(watcher) == [{}]
    assert not any("SEARCH" in line or "EXAMINE" in line for line in gmail.asked[asked:])
