"""Beside the full stop: a list that mails far less, and one whose mail moves to junk, become findings on what is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from monitor.app.session import open_session
from monitor.model import Finding, FindingKind, NewCopy
from monitor.settings import GapSettings, Pause, Settings
from tests.app.test_watch import inbox, settings
from tests.store.build import DAY, HOUR, NOON, a_copy, a_visit

START = NOON - 63 * DAY
FEWER, JUNK = FindingKind.VOLUME_DROP, FindingKind.PLACEMENT_SHIFT


def eight_a_day(days: int, stream: str = "news.example.org") -> list[NewCopy]:
    return [a_copy(n + 1, START + n * 3 * HOUR, subject=f"no {n}", stream=stream) for n in range(days * 8)]


def found(folder: Path, copies: list[NewCopy], *, covered: timedelta = 63 * DAY, more: Settings | None = None) -> list[Finding]:
    """What the copies of one inbox, covered up to noon for so long, lead to beside gaps."""
    with open_session(more or settings(folder, inbox("seed-1"))) as session:
        session.store.save_visit(a_visit(copies, at=NOON, since=NOON - covered), copies)
        findings = session.watch().assess(NOON).findings
        return [f for f in findings if f.kind in (FEWER, JUNK)]


def a_tenth(name: str = "news.example.org") -> list[NewCopy]:
    """Eight sends a day for eight weeks, then one a day for a week."""
    fewer = [a_copy(1000 + n, NOON - 7 * DAY + (n + 0.5) * DAY, subject=f"few {n}", stream=name) for n in range(7)]
    return [*eight_a_day(56, name), *fewer]


def test_a_tenth_of_the_mail_is_told_of(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, a_tenth())
    assert (finding.kind, finding.subject) == (FEWER, "news.example.org")
    assert finding.note.startswith("We have seen 7 sends in the last 7 days")


def test_the_usual_mail_is_not(tmp_path: Path) -> None:
    assert found(tmp_path, eight_a_day(63)) == []


def test_a_week_in_which_the_inbox_could_not_be_read_says_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, a_tenth(), covered=3 * DAY) == []


def test_a_declared_pause_says_nothing(tmp_path: Path) -> None:
    gap = GapSettings(expected_pause=(Pause(start=NOON - 6 * DAY, end=NOON - 2 * DAY),))
    assert found(tmp_path, a_tenth(), more=settings(tmp_path, inbox("seed-1")).model_copy(update={"gap": gap})) == []


def test_mail_that_moves_to_junk_is_told_of_by_mailbox_provider(tmp_path: Path) -> None:
    before, since = eight_a_day(7), []
    for n in range(12):
        since.append(a_copy(500 + n, NOON - (12 - n) * HOUR, folder="Junk", role="JUNK", subject=f"junk {n}"))
    with open_session(settings(tmp_path, inbox("seed-1"))) as session:
        session.store.save_visit(a_visit(before, at=NOON, since=START), before)
        session.store.save_visit(a_visit(since, folder="Junk", role="JUNK", at=NOON, since=START), since)
        findings = [f for f in session.watch().assess(NOON).findings if f.kind is JUNK]
    (finding,) = findings
    assert finding.note == "At seed-1, 12 of the last 12 sends were in junk; of the 56 before, 0 were."


def test_inboxes_of_one_unknown_mail_server_are_one_mailbox_provider(tmp_path: Path) -> None:
    with open_session(settings(tmp_path, inbox("seed-1"), inbox("seed-2"), inbox("seed-3"))) as session:
        for name in ("seed-1", "seed-2", "seed-3"):
            before = [replace(c, raw=replace(c.raw, inbox=name, raw=f"{name} {c.raw.uid}".encode())) for c in eight_a_day(7)]
            session.store.save_visit(a_visit(before, inbox=name, at=NOON, since=START), before)
            since = [a_copy(500 + n, NOON - (12 - n) * HOUR, inbox=name, role="JUNK", subject=f"junk {n}") for n in range(12)]
            session.store.save_visit(a_visit(since, inbox=name, folder="Junk", role="JUNK", at=NOON, since=START), since)
        (finding,) = (f for f in session.watch().assess(NOON).findings if f.kind is JUNK)
    assert finding.key == "placement_shift:seed-1:news.example.org"
    assert finding.note == (
        "At seed-1 and 2 more of the same mail server, 12 of the last 12 sends were in junk; of the 56 before, 0 were."
    )


def test_it_is_looked_at_once_an_hour_and_new_sends_count_then(tmp_path: Path) -> None:
    with open_session(settings(tmp_path, inbox("seed-1"))) as session:
        watch, copies = session.watch(), a_tenth()
        session.store.save_visit(a_visit(copies, at=NOON, since=START), copies)
        assert [f.kind for f in watch.assess(NOON).findings if f.kind is FEWER] == [FEWER]
        back = [a_copy(2000 + n, NOON + n * HOUR / 30, subject=f"back {n}") for n in range(25)]
        session.store.save_visit(a_visit(back, at=NOON + HOUR, since=NOON), back)
        assert [f.kind for f in watch.assess(NOON + HOUR / 2).findings if f.kind is FEWER] == [FEWER]
        assert [f.kind for f in watch.assess(NOON + HOUR).findings if f.kind is FEWER] == []
