"""The whole product on January 2021: real IMAP polls, one gap alert about the one list, as a mail and through HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def done() -> dict[str, Done]:
    """Both ways to run it without a terminal, side by side."""
    arguments = {"check": ("--check",), "story": ("--seconds", "1")}
    command = [sys.executable, "-m", "monitor", "demo", "--port", "0"]
    running = {
        way: subprocess.Popen(
            [*command, *extra], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for way, extra in arguments.items()
    }
    try:
        ended = {way: process.communicate(timeout=280) for way, process in running.items()}
        return {way: Done(running[way].returncode, out, err) for way, (out, err) in ended.items()}
    finally:
        for process in running.values():
            process.kill()


@pytest.fixture(scope="module")
def checked(done: dict[str, Done]) -> dict[str, object]:
    """The one JSON line of `demo --check`."""
    assert done["check"].status == 0, done["check"].err
    assert done["check"].out.count("\n") == 1
    answer: dict[str, object] = json.loads(done["check"].out)
    return answer


def test_the_check_names_the_stream_its_last_send_and_its_provider(checked: dict[str, object]) -> None:
    assert checked["stream"] == "victory.donaldtrump.com"
    assert checked["last_send"] == "2021-01-06T18:22:46Z"
    assert checked["provider"] == "Salesforce Marketing Cloud"
    assert "ExactTarget" in checked["provider_aliases"]  # type: ignore[operator]
    assert checked["confidence"] == "likely"


def test_the_alert_opens_within_two_days_of_the_last_send(checked: dict[str, object]) -> None:
    opened = datetime.fromisoformat(str(checked["opened_at"]))
    delay = opened - datetime.fromisoformat(str(checked["last_send"]))
    assert timedelta(hours=6) < delay < timedelta(days=2)
    assert checked["delay_hours"] == pytest.approx(delay / timedelta(hours=1), abs=0.01)


def test_nothing_else_is_alarmed_though_all_senders_mailed_less_after_the_runoff(checked: dict[str, object]) -> None:
    assert checked["alerts"] == 1


def test_the_single_mail_of_the_sister_list_is_activity_and_no_gap_of_its_own(checked: dict[str, object]) -> None:
    assert checked["same_organisation"] == [
        {
            "stream": "campaigns.rnchq.com",
            "at": "2021-01-13T19:09:08Z",
            "provider": "Salesforce Marketing Cloud",
            "shared_link_hosts": ["click.campaigns.rnchq.com"],
        }
    ]


def test_without_a_terminal_the_demo_tells_its_story_in_lines_and_ends_by_itself(done: dict[str, Done]) -> None:
    assert done["story"].status == 0, done["story"].err
    told = done["story"].out.splitlines()
    last = next(i for i, line in enumerate(told) if "6 Jan 18:22 UTC  mail from victory.donaldtrump.com" in line)
    alert = next(i for i, line in enumerate(told) if "ALERT: No mail seen from victory.donaldtrump.com" in line)
    assert last < alert
    assert any("mail from campaigns.rnchq.com" in line for line in told[alert:])
    assert "What to try next" in told
