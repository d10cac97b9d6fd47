"""Read the alert texts: the shipped ones in `config/texts/`, and a user's own of the same names over them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources.abc import Traversable
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.alert.lifecycle import Decision
from monitor.alert.text import Texts, Voice, compose
from monitor.model import Alert, AlertContext, AlertEventKind, AlertState, Finding, FindingKind, GapFacts, Level, Send
from monitor.shipped import shipped


def load_texts(own: Path | None = None) -> Texts:
    """All templates; a file in `own` (a folder, which need not exist) replaces the shipped one of its name.

    SettingsError names a file of the user's that cannot be used: here, and not when an alert is to be written.
    """
    sources = dict(_read(shipped("config/texts")))
    theirs = dict(_read(own)) if own is not None and own.is_dir() else {}
    texts = Texts({**sources, **theirs})
    if theirs:
        _prove(texts)
    return texts


def _read(folder: Traversable) -> Iterable[tuple[str, str]]:
    for file in folder.iterdir():
        if file.name.endswith((".j2", ".part")):
            yield file.name, file.read_text(encoding="utf-8")


def _prove(texts: Texts) -> None:
    """Word one alert of every kind for every event, with much and with little known."""
    voice = Voice(texts, ZoneInfo("UTC"))
    for decision, context, now in _samples():
        compose(decision, context, now, voice)
    texts.test_sheet("now")


def _samples() -> Iterator[tuple[Decision, AlertContext, datetime]]:
    then, now = datetime(2021, 1, 6, tzinfo=UTC), datetime(2021, 1, 8, tzinfo=UTC)
    gap = GapFacts(then, now - then, now - then, 3.0, 30.0, 400, then, timedelta(hours=1), timedelta(hours=9), 0.5)
    mail = Send(
        1, "a.example", "example", then, then, ("quiet-1",), 1, {"INBOX": 1}, "Subject", None, "Platform", "Delivery", "id:1"
    )
    much = AlertContext(
        last_send=mail, inboxes=("quiet-1",), polls_since=9, others_sends=2, others_last_at=now, same_organisation=(mail,)
    )
    for kind in FindingKind:
        for facts, context in ((gap, much), (None, AlertContext())):
            members = ("a.example", "b.example") if facts else ()
            finding = Finding(
                kind=kind,
                key=f"{kind.value}:a",
                subject="a",
                level=Level.ALERT,
                since=then,
                found_at=then,
                members=members,
                gap=facts,
            )
            alert = Alert(
                id=1,
                key=finding.key,
                kind=kind,
                subject=finding.subject,
                level=finding.level,
                state=AlertState.OPEN,
                since=then,
                found_at=then,
                opened_at=now,
                updated_at=now,
                resolved_at=now,
                finding=finding,
            )
            for event in (AlertEventKind.OPENED, AlertEventKind.RAISED, AlertEventKind.RESOLVED):
                yield Decision(alert, event, send=mail if facts else None), context, now
            yield Decision(alert, AlertEventKind.RESOLVED, is_unfollowed=True), context, now
            if kind is FindingKind.GAP:
                yield Decision(alert, AlertEventKind.CORRECTED, send=mail), context, now
