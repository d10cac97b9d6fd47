"""`gonequiet rebuild` and `gonequiet db`, as an operator types them."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.cli.conftest import Run

MESSAGES = Path(__file__).parents[1] / "data" / "messages"
OWN_SIGNATURE = """
name: Housepost
company: Housepost
kind: esp
role: both
seen: none
sources: [{what: made for a test, read: 2026-11-23}]
signals:
  - {field: sender-ip, cidr: [203.0.113.0/24], says: both, weight: 5}
"""


def unknown_sender(folder: Path) -> Path:
    mail = folder / "unknown.eml"
    mail.write_text(
        "Received: from out.housepost.example (out.housepost.example [203.0.113.7])\r\n"
        "\tby mx.google.com with ESMTPS id abc1si2.3.2026.03.01.04.00.00; Sun, 01 Mar 2026 04:00:00 -0800 (PST)\r\n"
        "From: News <news@paper.example>\r\nDate: Sun, 01 Mar 2026 12:00:00 +0000\r\n"
        "Message-ID: <1@paper.example>\r\nSubject: Today\r\n\r\nHello\r\n"
    )
    return mail


def test_a_new_signature_is_applied_to_what_is_stored_and_the_difference_is_told(gonequiet: Run, settings_file: Path) -> None:
    folder = settings_file.parent
    shutil.copy(MESSAGES / "exacttarget.eml", folder)
    gonequiet("import", folder / "exacttarget.eml", unknown_sender(folder), "-c", settings_file)
    unchanged = gonequiet("rebuild", "--json", "-c", settings_file).rows[-1]
    assert unchanged == {"type": "summary", "read": 2, "changed": 0, "surer": 0, "lost": 0}

    (folder / "providers").mkdir()
    (folder / "providers" / "housepost.yaml").write_text(OWN_SIGNATURE, encoding="utf-8")
    told = gonequiet("rebuild", "--json", "-c", settings_file).rows
    assert told[-1] == {"type": "summary", "read": 2, "changed": 1, "surer": 0, "lost": 0}
    assert {"type": "provider", "role": "delivery", "provider": "Housepost", "before": 0, "after": 1} in told
    assert {"type": "provider", "role": "delivery", "provider": None, "before": 1, "after": 0} in told
    (moved,) = [row for row in told if row["type"] == "difference" and row["aspect"] == "delivery"]
    assert (moved["before"], moved["after"], moved["messages"]) == (None, "Housepost", 1)
    assert moved["examples"] == [
        {"message_id": "1@paper.example", "stream": "paper.example", "delivered_at": "2026-03-01T12:00:00Z"}
    ]
    known = {row["stream"]: row["delivery"] for row in gonequiet("streams", "--json", "-c", settings_file).rows}
    assert known == {"paper.example": "Housepost", "email.aarp.org": "Salesforce Marketing Cloud"}


def test_a_lost_original_is_named_and_nothing_else_is_hindered(gonequiet: Run, settings_file: Path) -> None:
    folder = settings_file.parent
    shutil.copy(MESSAGES / "exacttarget.eml", folder)
    gonequiet("import", folder / "exacttarget.eml", unknown_sender(folder), "-c", settings_file)
    originals = [path for path in (folder / "data" / "originals").rglob("*") if path.is_file()]
    originals[0].unlink()
    ran = gonequiet("rebuild", "-c", settings_file)
    assert ran.status == 2
    assert "1 message read again: 0 read differently now" in ran.out
    assert "what is stored of it was left as it is" in ran.err


def test_the_database_tells_of_itself_and_can_be_copied_in_use(gonequiet: Run, settings_file: Path) -> None:
    folder = settings_file.parent
    gonequiet("import", unknown_sender(folder), "-c", settings_file)
    assert "up to date" in gonequiet("db", "upgrade", "-c", settings_file).out
    (facts,) = gonequiet("db", "status", "--json", "-c", settings_file).rows
    assert (facts["is_current"], facts["rows"]) == (True, {"copies": 1, "sends": 1, "streams": 1})
    gonequiet("db", "backup", folder / "copy.sqlite3", "-c", settings_file)
    with closing(sqlite3.connect(folder / "copy.sqlite3")) as copy:
        assert copy.execute("SELECT count(*) FROM copies").fetchone() == (1,)
