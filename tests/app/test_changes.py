"""A move to another provider becomes one alert; signatures that read old mail differently do not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.app.rebuilding import rebuild
from monitor.app.watch import Watch
from monitor.model import Alert, FindingKind, RawMessage
from monitor.settings import Settings, load_settings
from monitor.store.store import Store

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRST, SECOND = "192.0.2", "203.0.113"


def signature(name: str, network: str) -> str:
    return f"""name: {name}
company: {name}
kind: esp
role: both
seen: none
sources: [{{what: made for a test, read: 2026-11-23}}]
signals:
  - {{field: sender-ip, cidr: [{network}.0/24], says: both, weight: 5}}
"""


def settings_with(folder: Path, **names: str) -> Settings:
    """Signatures of these names for the two networks: `first` and `second`."""
    (folder / "providers").mkdir(exist_ok=True)
    for place, network in (("first", FIRST), ("second", SECOND)):
        if place in names:
            (folder / "providers" / f"{place}.yaml").write_text(signature(names[place], network), encoding="utf-8")
    path = folder / "gonequiet.yaml"
    path.write_text("data_dir: data\n", encoding="utf-8")
    return load_settings(path)


def mail(number: int, network: str, dkim: str = "pass") -> RawMessage:
    at = START + timedelta(days=number)
    raw = (
        f"Received: from out.example ([{network}.7]) by mx.google.com with ESMTPS id {number}abc;\r\n"
        f"\t{at:%a, %d %b %Y %H:%M:%S} +0000\r\n"
        f"Authentication-Results: mx.google.com; dkim={dkim} header.i=@paper.example header.s=s1;\r\n"
        "\tspf=pass smtp.mailfrom=x@out.example\r\n"
        f"From: News <news@paper.example>\r\nDate: {at:%a, %d %b %Y %H:%M:%S} +0000\r\n"
        f"Message-ID: <{number}@paper.example>\r\nSubject: Number {number}\r\n\r\nHello {number}\r\n"
    ).encode()
    return RawMessage("import:test", "INBOX", "INBOX", 0, number, at, at, raw, len(raw))


@contextmanager
def stored(settings: Settings, mails: list[RawMessage]) -> Iterator[Store]:
    with Store.open(settings.database_url, settings.originals_dir) as store:
        reader = Reader(load_identifier(settings), settings)
        store.save_imported(reader.read_one(raw) for raw in mails)
        yield store


def alerts_of(store: Store, settings: Settings, days: int) -> list[Alert]:
    """The open alerts that are not about silence, after one round so many days after the start."""
    Watch(store, load_identifier(settings), settings).round(START + timedelta(days=days))
    return [alert for alert in store.open_alerts() if alert.kind is not FindingKind.GAP]


def test_a_move_is_one_alert_with_before_and_after(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, first="Housepost", second="Ravenmail")
    with stored(settings, [mail(n, FIRST if n < 20 else SECOND) for n in range(26)]) as store:
        (alert,) = alerts_of(store, settings, 26)
        assert (alert.kind, alert.subject) == (FindingKind.PROVIDER_CHANGE, "paper.example")
        assert alert.since == START + timedelta(days=20)
        assert alert.finding is not None
        assert "platform and delivery Housepost; since 21 March 2026 with platform and delivery Ravenmail" in alert.finding.note
        assert alerts_of(store, settings, 27)[0].id == alert.id


def test_another_signature_before_any_rebuild_is_no_change_of_the_sender(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, first="Housepost")
    with stored(settings, [mail(n, FIRST) for n in range(20)]) as store:
        renamed = settings_with(tmp_path, first="Manorpost")
        reader = Reader(load_identifier(renamed), renamed)
        store.save_imported(reader.read_one(mail(n, FIRST)) for n in range(20, 26))
        assert {send.delivery for send in store.sends()} == {"Housepost", "Manorpost"}
        assert alerts_of(store, renamed, 26) == []


def test_a_rebuild_that_has_come_half_way_is_no_change_either(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, first="Housepost")
    with stored(settings, [mail(n, FIRST) for n in range(26)]) as store:
        renamed = settings_with(tmp_path, first="Manorpost")
        reader = Reader(load_identifier(renamed), renamed)
        batch = store.rebuild_next(13)
        assert batch is not None
        store.rebuild_keep(batch, {number: reader.read_one(raw) for number, raw in batch.messages.items()})
        assert {send.delivery for send in store.sends()} == {"Housepost", "Manorpost"}
        assert alerts_of(store, renamed, 26) == []
        found = rebuild(store, reader, lambda done, total: None)
        assert (found.read, found.changed) == (13, 13)
        assert {send.delivery for send in store.sends()} == {"Manorpost"}
        assert alerts_of(store, renamed, 26) == []


def test_a_rebuild_under_a_running_watch_keeps_a_true_change(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, first="Housepost", second="Ravenmail")
    with stored(settings, [mail(n, FIRST if n < 20 else SECOND) for n in range(26)]) as store:
        (alert,) = alerts_of(store, settings, 26)
        renamed = settings_with(tmp_path, first="Manorpost")
        watch = Watch(store, load_identifier(renamed), renamed)
        watch.round(START + timedelta(days=26))
        rebuild(store, Reader(load_identifier(renamed), renamed), lambda done, total: None)
        watch.round(START + timedelta(days=26, hours=2))
        (after,) = [a for a in store.open_alerts() if a.kind is not FindingKind.GAP]
        assert after.id == alert.id
        assert after.finding is not None
        assert "Manorpost" in after.finding.note


def test_authentication_that_starts_to_fail_is_an_alert_until_it_passes_again(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, first="Housepost")
    mails = [mail(n, FIRST, "pass" if n < 20 or n >= 26 else "fail") for n in range(32)]
    with stored(settings, mails[:26]) as store:
        (alert,) = alerts_of(store, settings, 26)
        assert (alert.kind, alert.key) == (FindingKind.AUTHENTICATION_BROKEN, "authentication_broken:paper.example:dkim")
        reader = Reader(load_identifier(settings), settings)
        store.save_imported(reader.read_one(raw) for raw in mails[26:])
        assert alerts_of(store, settings, 33) == []
