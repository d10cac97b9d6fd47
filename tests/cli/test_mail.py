"""`identify`, `import` and `backtest`: what they read, what they skip, and how that ends."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from threading import Thread

import pytest

from tests.cli.conftest import BUSY, SILENT, Run

MESSAGES = Path(__file__).parents[1] / "data" / "messages"
EXACTTARGET = MESSAGES / "exacttarget.eml"
IDENTIFIED = [
    "file", "index", "message_id", "from_domain", "platform", "delivery", "account", "receiver", "sending_ip", "sdids",
    "confidence", "evidence", "conflicts",
]  # fmt: skip


def an_mbox(folder: Path) -> Path:
    """Three messages: one without From, one broken in every way, one good."""
    path = folder / "old.mbox"
    mails = (
        "Subject: nobody\n\nx\n",
        "From: \xff\xfe <x@\nDate: never\nContent-Type: multipart/mixed; boundary=q\nno field\n\n--q\n\x00\n",
        "From: a@good.example.org\nDate: Mon, 02 Mar 2026 10:00:00 +0000\nMessage-ID: <1@good.example.org>\n\nx\n",
    )
    text = "".join(f"From x@example.org Mon Mar  2 10:00:00 2026\n{mail}\n" for mail in mails)
    path.write_bytes(text.encode("latin-1"))
    return path


def test_a_message_is_identified_without_any_settings(gonequiet: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = gonequiet("identify", EXACTTARGET, "--json")
    assert (ran.status, ran.err) == (0, "")
    [row] = ran.rows
    assert list(row) == IDENTIFIED
    assert (row["file"], row["index"]) == (str(EXACTTARGET), 0)
    assert row["delivery"] == "Salesforce Marketing Cloud"
    assert "formerly ExactTarget" in gonequiet("identify", EXACTTARGET).out


def test_stdin_is_read_for_a_dash(gonequiet: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(EXACTTARGET.read_bytes())

    monkeypatch.setattr(sys, "stdin", Stdin)
    [row] = gonequiet("identify", "-", "--json").rows
    assert (row["file"], row["delivery"]) == ("-", "Salesforce Marketing Cloud")


def test_what_cannot_be_read_is_told_after_the_good(gonequiet: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty.eml"
    empty.touch()
    ran = gonequiet("identify", tmp_path / "not-there.eml", empty, EXACTTARGET, "--json")
    assert ran.status == 2
    assert [row["file"] for row in ran.rows] == [str(EXACTTARGET)]
    assert "not-there.eml" in ran.err
    assert "empty.eml" in ran.err


def test_a_pipe_is_read_as_stdin_is(gonequiet: Run, tmp_path: Path, settings_file: Path) -> None:
    """As `gonequiet import <(zcat list.mbox.gz)` makes one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writing = Thread(target=pipe.write_bytes, args=(b"From: a@news.example\nSubject: one\n\nHello\n",))
    writing.start()
    ran = gonequiet("import", "--config", str(settings_file), str(pipe))
    writing.join(10)
    assert (ran.status, ran.out.split(":")[1].split(" in ")[0]) == (0, " 1 new message")


def test_odd_mail_in_an_archive_is_kept_and_counted(gonequiet: Run, tmp_path: Path, settings_file: Path) -> None:
    path = an_mbox(tmp_path)
    first = gonequiet("import", path, "-c", settings_file)
    assert first.status == 0
    assert "3 new messages" in first.out
    again = gonequiet("import", path, "-c", settings_file)
    assert "0 new messages" in again.out
    assert "3 known already" in again.out
    streams = [row["stream"] for row in gonequiet("streams", "--json", "-c", settings_file).rows]
    assert streams == ["good.example.org"]


def test_an_import_tells_programs_what_was_skipped_and_why(gonequiet: Run, tmp_path: Path, settings_file: Path) -> None:
    records = tmp_path / "days/2021/01/2021-01-06.jsonl"
    records.parent.mkdir(parents=True)
    good = '{"email": "a@list.example.org", "date": "2021-01-06T12:22:46-06:00", "subject": "The last", "body": "x"}'
    records.write_text(f"{good}\n{{}}\n{{\n", encoding="ascii")
    ran = gonequiet("import", tmp_path / "days", "--json", "-c", settings_file)
    assert ran.status == 2
    [row] = ran.rows
    assert row.pop("seconds") >= 0
    assert row == {
        "file": str(tmp_path / "days"),
        "new_messages": 1,
        "new_sends": 1,
        "streams": 1,
        "known": 0,
        "skipped": 2,
        "reasons": {"holds no message": 1, "is no line of JSON": 1},
        "resumed_at_bytes": 0,
    }
    assert "2021-01-06.jsonl, message 2: holds no message" in ran.err
    told = gonequiet("import", tmp_path / "days", "-c", settings_file).out
    assert "0 new messages" in told
    assert "skipped: 1 × is no line of JSON" in told
    assert "not a message" in gonequiet("identify", an_event(tmp_path)).err


def an_event(folder: Path) -> Path:
    path = folder / "event.jsonl"
    path.write_text('{"sender_id": "a.example", "timestamp": "2021-01-06T00:00:00Z"}\n', encoding="ascii")
    return path


def test_an_empty_or_missing_archive_is_told_and_the_others_are_imported(
    gonequiet: Run, tmp_path: Path, settings_file: Path
) -> None:
    (tmp_path / "empty.mbox").touch()
    ran = gonequiet("import", tmp_path / "empty.mbox", tmp_path / "gone.mbox", an_mbox(tmp_path), "-c", settings_file)
    assert ran.status == 2
    assert "empty.mbox" in ran.err
    assert "gone.mbox" in ran.err
    assert "old.mbox: 3 new messages" in ran.out


def test_events_are_imported_and_bad_rows_told_with_their_line(gonequiet: Run, tmp_path: Path, settings_file: Path) -> None:
    path = tmp_path / "events.csv"
    rows = [f"list.example.org,2026-03-{day:02}T10:00:00Z" for day in range(1, 21)]
    path.write_text("\n".join(["sender_id,timestamp", *rows, "list.example.org,yesterday", ""]), encoding="utf-8")
    ran = gonequiet("import", path, "-c", settings_file)
    assert ran.status == 2
    assert "20 new messages in 20 mailings of 1 stream" in ran.out
    assert "events.csv, " in ran.err
    assert "22" in ran.err
    [row] = gonequiet("streams", "--json", "-c", settings_file).rows
    assert (row["stream"], row["sends"]) == ("list.example.org", 20)


def test_settings_are_backtested_on_events_and_on_stored_mail(gonequiet: Run, tmp_path: Path, watched: Path) -> None:
    path = tmp_path / "events.csv"
    rows = [f"list.example.org,2026-{month:02}-{day:02}T10:00:00Z" for month in (1, 2, 3, 4) for day in range(1, 29)]
    path.write_text("\n".join(["sender_id,timestamp", *rows, ""]), encoding="utf-8")
    ran = gonequiet("backtest", path, "--json", "-c", watched)
    assert (ran.status, ran.err) == (0, "")
    assert {row["setting"] for row in ran.rows if row["type"] == "summary"} >= {"1/year"}
    stored = gonequiet("backtest", "--false-alarms-per-year", "2", "--json", "-c", watched)
    assert stored.status == 0
    assert any(row["setting"] == "2/year" for row in stored.rows)
    assert "false a year" in gonequiet("backtest", path, "-c", watched).out
    assert {SILENT, BUSY} & {str(row.get("sender_id", row.get("stream"))) for row in stored.rows}


def test_a_backtest_without_events_says_what_to_do(gonequiet: Run, settings_file: Path) -> None:
    ran = gonequiet("backtest", "-c", settings_file)
    assert (ran.status, ran.out) == (2, "")
    assert "import mail first" in ran.err
