"""The whole product on January 2021: real IMAP polls, one gap alert about the one list, as a mail and through HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta

import pytest


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "monitor", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, stdin=subprocess.DEVNULL, check=False)


@pytest.fixture(scope="module")
def checked() -> dict[str, object]:
    done = demo("--check", "--port", "0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    answer: dict[str, object] = json.loads(done.stdout)
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


def test_the_single_mail_of_the_sister_list_is_activity_and_no_gap_of_its_own(checked: dict[str, object]) -> None:
    assert checked["same_organisation"] == [
        {"stream": "campaigns.rnchq.com", "at": "2021-01-13T19:09:08Z", "provider": "Salesforce Marketing Cloud"}
    ]


def test_without_a_terminal_the_demo_tells_its_story_in_lines_and_ends_by_itself() -> None:
    done = demo("--seconds", "1", "--port", "0")
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    last = next(i for i, line in enumerate(told) if "6 Jan 18:22 UTC  mail from victory.donaldtrump.com" in line)
    alert = next(i for i, line in enumerate(told) if "ALERT:" in line)
    assert last < alert
    assert any("campaigns.rnchq.com" in line for line in told[alert:])
    assert "What to try next" in done.stdout
