"""Watch: what it reads of the store from round to round, and what it says of inboxes that show nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from monitor.app.session import Session, open_session
from monitor.model import CoverageKind, FailureCause, FindingKind, PollFailure
from monitor.settings import CollectSettings, InboxSettings, Settings
from tests.store.build import HOUR, MINUTE, NOON, a_visit

LIVE, LATER = CoverageKind.LIVE, CoverageKind.RETROSPECTIVE


def inbox(name: str, *, enabled: bool = True, poll_every: timedelta | None = None) -> InboxSettings:
    return InboxSettings(
        name=name, host="imap.example.org", user=name, password_env="UNUSED", enabled=enabled, poll_every=poll_every
    )


def settings(folder: Path, *inboxes: InboxSettings) -> Settings:
    return Settings(data_dir=folder, inboxes=inboxes, collect=CollectSettings(poll_every=timedelta(minutes=5)))


def blind(session: Session, hours: float) -> list[str]:
    """Keys of the findings about inboxes, so many hours after noon."""
    found = session.watch().assess(NOON + hours * HOUR).findings
    return [finding.key for finding in found if finding.kind is FindingKind.INBOX_BLIND]


def test_what_a_long_backlog_proved_is_taken_in_although_others_are_further(tmp_path: Path) -> None:
    with open_session(settings(tmp_path, inbox("slow"), inbox("quick"))) as session:
        watch, store = session.watch(), session.store
        store.save_visit(a_visit(inbox="slow", at=NOON, since=NOON - HOUR, kind=LIVE), [])
        store.save_visit(a_visit(inbox="quick", at=NOON + 2 * HOUR, since=NOON - HOUR, kind=LIVE), [])
        assert [f.subject for f in watch.assess(NOON + 2 * HOUR).findings] == ["slow"]
        store.save_visit(a_visit(inbox="slow", at=NOON + 1.5 * HOUR, since=NOON, kind=LATER), [])
        assert watch.assess(NOON + 2 * HOUR + MINUTE).findings == ()


def test_an_inbox_is_blind_an_hour_after_its_last_proof(tmp_path: Path) -> None:
    with open_session(settings(tmp_path, inbox("one"), inbox("two"))) as session:
        session.store.save_visit(a_visit(inbox="one", at=NOON, since=NOON - HOUR), [])
        session.store.save_visit(a_visit(inbox="two", at=NOON + 2 * HOUR, since=NOON - HOUR), [])
        assert blind(session, 0.9) == []
        assert blind(session, 2) == ["inbox_blind:one"]


def test_an_inbox_that_is_polled_seldom_is_blind_after_three_polls(tmp_path: Path) -> None:
    with open_session(settings(tmp_path, inbox("seldom", poll_every=timedelta(hours=6)))) as session:
        session.store.save_visit(a_visit(inbox="seldom", at=NOON, since=NOON - HOUR), [])
        assert blind(session, 17) == []
        assert blind(session, 18) == ["inbox_blind:seldom"]


def test_an_inbox_that_is_polled_no_more_is_not_told_of(tmp_path: Path) -> None:
    with open_session(settings(tmp_path, inbox("retired", enabled=False), inbox("kept"))) as session:
        for name in ("retired", "removed", "kept"):
            session.store.save_visit(a_visit(inbox=name, at=NOON, since=NOON - HOUR), [])
        assert blind(session, 24) == ["inbox_blind:kept"]


@pytest.mark.parametrize(("hours", "told"), [(0.9, []), (1, ["inbox_blind:new"]), (48, ["inbox_blind:new"])])
def test_an_inbox_that_could_never_be_read_is_told_of_after_an_hour(hours: float, told: list[str], tmp_path: Path) -> None:
    with open_session(settings(tmp_path, inbox("new"))) as session:
        for minutes in (0, 15, 45):
            failure = PollFailure("new", None, NOON + minutes * MINUTE, FailureCause.LOGIN, "refused")
            session.store.record_failure(failure)
        assert blind(session, hours) == told
