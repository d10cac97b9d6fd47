"""Canary mail over a real SMTP server: stored before it is sent, marked after, and faults are the account's."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from monitor.app.canaries import CanaryPost
from monitor.app.canary_key import canary_key
from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.app.service import Service
from monitor.clock import SteppedClock, SystemClock
from monitor.errors import StoreError
from monitor.model import Canary, RawMessage
from monitor.settings import CanarySettings, Security, Settings, load_settings
from monitor.store.store import Store
from tests.alert.servers import LOOPBACK, Mailbox, smtp_server
from tests.app.setting import eventually, metric, write_settings
from tests.servers.dovecot import Dovecot
from tests.servers.process import free_port

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = b"k" * 32
ADDRESSES = {"one": "one@example.net", "two": "two@example.net"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'x.db'}", tmp_path / "originals") as opened:
        yield opened


def post(store: Store, clock: SteppedClock, port: int, **other: Any) -> CanaryPost:
    settings = CanarySettings(host=LOOPBACK, port=port, security=Security.PLAIN, sender="canary@example.org", **other)
    return CanaryPost(settings, ADDRESSES, KEY, store, clock)


def newest(store: Store) -> list[Canary]:
    return [canary for _, canary in sorted(store.newest_canaries().items())]


def test_each_inbox_gets_one_in_an_interval(store: Store) -> None:
    mailbox, clock = Mailbox(), SteppedClock(NOW)
    with smtp_server(mailbox) as port:
        canaries = post(store, clock, port)
        for minutes in range(0, 24 * 60, 10):
            clock.move_to(NOW + timedelta(minutes=minutes))
            canaries.send_due()
    assert sorted({tuple(to) for to in mailbox.rcpt_tos}) == [("one@example.net",), ("two@example.net",)]
    for address in ADDRESSES.values():
        assert 24 <= sum(to == [address] for to in mailbox.rcpt_tos) <= 27
    tokens = [mail["X-GoneQuiet-Canary"] for mail in mailbox.mails]
    assert len(set(tokens)) == len(tokens)
    assert {canary.sent_at is not None for canary in newest(store)} == {True}


def test_it_is_stored_before_it_is_sent(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledError(BaseException):
        """As if the process ended here."""

    def killed(self: object) -> None:
        raise KilledError

    monkeypatch.setattr("monitor.submission.Submission.connected", killed)
    with pytest.raises(KilledError):
        post(store, SteppedClock(NOW), free_port()).send_due()
    before = newest(store)
    assert [(canary.sent_at, canary.tries) for canary in before] == [(None, 0)] * 2
    monkeypatch.undo()

    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        post(store, SteppedClock(NOW + timedelta(minutes=1)), port).send_due()
    assert sorted(mail["X-GoneQuiet-Canary"][:20] for mail in mailbox.mails) == sorted(canary.token for canary in before)
    assert {canary.sent_at for canary in newest(store)} == {NOW + timedelta(minutes=1)}


def test_a_server_that_is_away_is_left_alone_for_a_while_and_then_gets_the_same_ones(store: Store) -> None:
    clock, port = SteppedClock(NOW), free_port()
    canaries = post(store, clock, port)
    with capture_logs() as logs:
        for minute in range(8):
            clock.move_to(NOW + timedelta(minutes=minute))
            canaries.send_due()
    told = [entry for entry in logs if entry["event"] == "canary mail cannot be sent"]
    assert [entry["seconds"] for entry in told] == [60, 120, 240, 480]
    assert "Connection refused" in told[0]["reason"]
    assert "example.net" not in str(logs)
    waiting = newest(store)
    assert [canary.tries for canary in waiting] == [4, 4]
    assert store.unsent_canaries() == waiting


def test_a_refused_address_holds_up_no_other_inbox(store: Store) -> None:
    mailbox, clock = Mailbox(), SteppedClock(NOW)
    mailbox.refused["one@example.net"] = "550 5.1.1 one@example.net: no such user"
    with smtp_server(mailbox) as port, capture_logs() as logs:
        canaries = post(store, clock, port)
        canaries.send_due()
        canaries.send_due()
        one, two = newest(store)
        assert (one.sent_at, one.given_up) == (None, True)
        assert one.error == "the mail server refuses the recipient: 550 5.1.1 …@example.net: no such user"
        assert two.sent_at == NOW
        assert "one@example.net" not in str(logs)
        mailbox.refused.clear()
        clock.move_to(NOW + HOUR)
        canaries.send_due()
    assert mailbox.rcpt_tos == [["two@example.net"], ["one@example.net"], ["two@example.net"]]
    assert store.unsent_canaries() == []


def test_a_password_that_cannot_be_read_is_told_and_nothing_is_sent(store: Store) -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port, capture_logs() as logs:
        post(store, SteppedClock(NOW), port, user="canary", password_env="NO_SUCH_VARIABLE").send_due()
    assert mailbox.mails == []
    assert "NO_SUCH_VARIABLE is not set" in str(logs)


def test_arrivals_are_no_streams_mail_and_forged_ones_are(tmp_path: Path, store: Store) -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        post(store, SteppedClock(NOW), port).send_due()
    settings = Settings()
    raw = mailbox.raw[0]
    message = RawMessage("one", "INBOX", "INBOX", 1, 1, NOW, NOW, raw, len(raw))
    ours = Reader(load_identifier(), settings, canary_key=KEY).read_one(message)
    assert (ours.key, ours.canary) == (None, message_from_bytes(raw)["X-GoneQuiet-Canary"][:20])
    forged = Reader(load_identifier(), settings, canary_key=b"x" * 32).read_one(message)
    assert forged.canary is None
    assert forged.key is not None
    assert forged.key.stream == "example.org"


def test_the_key_is_made_once_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    without = Settings(data_dir=tmp_path / "data")
    assert canary_key(without) is None
    settings = without.model_copy(update={"canary": CanarySettings(host="mail.example.org", sender="canary@example.org")})
    key = canary_key(settings)
    assert key is not None
    assert len(key) == 32
    assert canary_key(settings) == key
    assert canary_key(without) == key, "canaries that were sent once stay recognised"
    assert stat.S_IMODE(settings.canary_key_file.stat().st_mode) == 0o600
    assert [file.name for file in settings.data_dir.iterdir()] == ["canary.key"]
    settings.canary_key_file.write_text("short\n")
    with pytest.raises(StoreError, match=r"canary\.key: expected 64 hex digits"):
        canary_key(settings)


def test_the_service_sends_them_recognises_them_and_shows_how_long_they_took(dovecot: Dovecot, tmp_path: Path) -> None:
    user, mailbox = dovecot.user(), Mailbox()
    inbox = user.settings()
    with smtp_server(mailbox) as port:
        canary = f"canary: {{host: {LOOPBACK}, port: {port}, security: plain, sender: canary@example.org, every: 1h}}"
        path = write_settings(tmp_path, inbox, more=canary)
        path.write_text(path.read_text().replace(f"user: {user.name}\n", f"user: {user.name}\n    address: seed@example.net\n"))
        service = Service(load_settings(path), SystemClock(), settings_path=path)
        try:
            service.start()
            eventually(lambda: len(mailbox.raw) == 1, "a canary at the SMTP server")
            user.deliver(mailbox.raw[0], folder="Junk")

            def metrics() -> str:
                return httpx.get(f"{service.web_url}/metrics", timeout=20).text

            arrived = f'gonequiet_canaries_total{{inbox="{user.name}",result="junk"}}'
            eventually(lambda: arrived in metrics() and metric(metrics(), arrived) == 1, "the arrival in the metrics")
            assert metric(metrics(), f'gonequiet_canaries_total{{inbox="{user.name}",result="sent"}}') == 1
            assert metric(metrics(), 'gonequiet_canary_delay_seconds_count{receiver="unknown"}') == 1
            assert metric(metrics(), f'gonequiet_inbox_unreached{{inbox="{user.name}"}}') == 0
            page = httpx.get(service.web_url, timeout=20).text
            assert "1 canary mail in the last 24 hours" in page
            assert ", in junk" in page
            assert "seed@example.net" not in page + metrics()
            assert list(service.snapshot().states) == []
        finally:
            service.stop()
