"""`coverage` and `moves`: what could be seen, by whom, and what left."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from monitor.app.session import open_session
from monitor.model import FailureCause, FolderVisit, PollFailure
from monitor.settings import load_settings
from tests.cli.conftest import Run
from tests.store.build import DAY, HOUR, NOON, a_copy, a_visit

COVERAGE_KEYS = {
    "stream", "inbox", "from", "to", "sends", "last_send", "covered_seconds", "live_seconds", "covered", "unknown", "failures",
}  # fmt: skip
MOVE_KEYS = {"inbox", "stream", "subject", "sha256", "folder", "placement", "seen_at", "gone_at"}


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "gonequiet.yaml"
    path.write_text("data_dir: data\n")
    with open_session(load_settings(path)) as session:
        copy = a_copy(1, NOON + HOUR, subject="[b]Hello")
        session.store.save_visit(a_visit([copy], since=NOON, at=NOON + 2 * HOUR), [copy])
        session.store.record_failure(PollFailure("seed-1", None, NOON + 3 * HOUR, FailureCause.DNS, "no such name"))
        moved = a_visit(since=NOON + 4 * HOUR, at=NOON + 6 * HOUR)
        gone = FolderVisit(**{name: getattr(moved, name) for name in moved.__slots__} | {"vanished": ((1, 1),)})
        session.store.save_visit(gone, [])
    return path


def between(*arguments: object) -> tuple[object, ...]:
    return (*arguments, "--from", "2026-03-01T12:00", "--to", "2026-03-01T20:00")


def test_a_stream_s_coverage_is_told_for_any_inbox_and_for_each(settings: Path, gonequiet: Run) -> None:
    ran = gonequiet(*between("coverage", "news.example.org", "--json", "-c", settings))
    assert (ran.status, ran.err) == (0, "")
    together, one = ran.rows
    assert set(together) == set(one) == COVERAGE_KEYS
    assert (together["inbox"], together["sends"], together["covered_seconds"]) == (None, None, 4 * 3600)
    assert (one["inbox"], one["sends"], one["last_send"]) == ("seed-1", 1, "2026-03-01T13:00:00Z")
    assert one["covered"] == [
        {"from": "2026-03-01T12:00:00Z", "to": "2026-03-01T14:00:00Z", "kind": "live"},
        {"from": "2026-03-01T16:00:00Z", "to": "2026-03-01T18:00:00Z", "kind": "live"},
    ]
    assert one["unknown"] == [
        {"from": "2026-03-01T14:00:00Z", "to": "2026-03-01T16:00:00Z"},
        {"from": "2026-03-01T18:00:00Z", "to": "2026-03-01T20:00:00Z"},
    ]
    assert [(f["cause"], f["times"], f["detail"]) for f in one["failures"]] == [("dns", 1, "no such name")]


def test_without_a_stream_every_inbox_has_a_line_for_people_too(settings: Path, gonequiet: Run) -> None:
    assert [row["inbox"] for row in gonequiet(*between("coverage", "--json", "-c", settings)).rows] == ["seed-1"]
    told = gonequiet(*between("coverage", "-c", settings)).out
    assert "50.0%" in told
    assert "dns (1 time)" in told
    assert "any of them" in gonequiet(*between("coverage", "news.example.org", "-c", settings)).out


def test_what_left_a_folder_is_listed(settings: Path, gonequiet: Run) -> None:
    [row] = gonequiet(*between("moves", "--json", "-c", settings)).rows
    assert set(row) == MOVE_KEYS
    assert (row["placement"], row["gone_at"]) == ("INBOX", "2026-03-01T18:00:00Z")
    assert "[b]Hello" in gonequiet(*between("moves", "-c", settings)).out
    assert gonequiet("moves", "--from", "2026-04-01", "-c", settings).out.startswith("No mail was seen to leave")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("coverage", "nobody.example"), "no mail of nobody.example is known"),
        (("coverage", "--inbox", "nobody"), "--inbox: no inbox nobody was ever polled"),
        (("coverage", "--from", "soon"), '--from: expected a span such as "12h" or a moment such as'),
        (("moves", "--from", "1d", "--to", "2d"), "--from: expected a moment before --to"),
        (("coverage", "--from", "999999d"), "--from: expected a span"),
    ],
)
def test_what_is_misused_is_told(arguments: tuple[str, ...], said: str, settings: Path, gonequiet: Run) -> None:
    ran = gonequiet(*arguments, "-c", settings)
    assert ran.status == 2
    assert said in ran.err


def test_spans_count_back_from_now(settings: Path, gonequiet: Run) -> None:
    [row] = gonequiet("coverage", "--from", "2d", "--to", "1d", "--json", "-c", settings).rows
    assert datetime.fromisoformat(row["to"]) - datetime.fromisoformat(row["from"]) == DAY
