"""Recorded events: each row is an event, or a problem with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.collect.archived import ArchiveProblem
from monitor.collect.events import ArchivedEvent, read_events, read_timestamp
from monitor.errors import InputError

AT = datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC)


def test_rows_become_events_and_odd_ones_are_told_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_text(
        "\ufefftimestamp,sender_id,send_id,other\n"
        "2021-01-06T13:22:46-05:00,victory.example,job1,x\n"
        "1609957366,\u201cnews\u201d.example,,\n"
        "yesterday,victory.example,,\n"
        "2021-01-06,,,\n",
        encoding="utf-8",
    )
    assert list(read_events(file)) == [
        ArchivedEvent("victory.example", AT, "job1", position=2),
        ArchivedEvent("\u201cnews\u201d.example", AT, position=3),
        ArchiveProblem(file, 4, "has no time that can be read (ISO 8601 or seconds since 1970): 'yesterday'"),
        ArchiveProblem(file, 5, "has no sender_id"),
    ]


def test_the_columns_of_the_public_archive_are_understood(tmp_path: Path) -> None:
    file = tmp_path / "archive.csv"
    file.write_text("date,message_id,name,domain\n2021-01-06T13:22:46-05:00,<1@x>,News,victory.example\n", encoding="utf-8")
    assert list(read_events(file)) == [ArchivedEvent("victory.example", AT, "<1@x>", position=2)]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1609957366", AT),
        ("1609957366000", AT),
        ("2021-01-06T18:22:46Z", AT),
        ("2021-01-06 18:22:46", AT),
        ("2021-01-06", datetime(2021, 1, 6, tzinfo=UTC)),
        ("nan", None),
        ("1e300", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("06/01/2021", None),
    ],
)
def test_times_may_be_iso_8601_or_seconds(text: str, moment: datetime | None) -> None:
    assert read_timestamp(text) == moment


@pytest.mark.parametrize("text", ["0001-01-01", "1899-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "9999-12-31", "-1e10"])
def test_a_time_of_which_no_mail_can_be_is_told_with_its_line(text: str, tmp_path: Path) -> None:
    """One such date would make a replay of an hour a step run through thousands of years."""
    file = tmp_path / "events.csv"
    file.write_text(f"sender_id,timestamp\na.example,{text}\na.example,1900-01-01\na.example,2199-12-31\n", encoding="utf-8")
    problem, *events = list(read_events(file))
    assert problem == ArchiveProblem(file, 2, f"has a time of which no mail can be: '{text}'")
    assert len(events) == 2


@pytest.mark.parametrize("row", ["a.example", "a.example, "])
def test_a_row_without_a_time_is_told_so(row: str, tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_text(f"sender_id,timestamp\n{row}\n", encoding="utf-8")
    assert list(read_events(file)) == [ArchiveProblem(file, 2, "has no timestamp")]


@pytest.mark.parametrize("content", ["", "sender,when\na,1\n"])
def test_a_file_without_the_columns_is_refused_with_what_was_expected(tmp_path: Path, content: str) -> None:
    file = tmp_path / "events.csv"
    file.write_text(content)
    with pytest.raises(InputError, match=r"events\.csv: expected a first line that names the columns \(sender_id, timestamp"):
        list(read_events(file))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        list(read_events(tmp_path / "nowhere.csv"))
