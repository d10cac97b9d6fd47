"""Gmail's tabs lie within INBOX: a message counts where Gmail put it, and on any other server in the inbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
