"""A listener takes mail as the last server on the way: stored before it is answered for, and never lost by a fault of ours."""

from __future__ import annotations

import smtplib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.clock import SteppedClock
from monitor.collect.listener import Listener, ListenerCheck
from monitor.errors import InboxError, StoreError
from monitor.identify.address import OwnAddresses
from monitor.model import Checkpoint, FailureCause, FolderVisit
from monitor.settings import InboxKind, InboxSettings
from tests.collect.looking import FIVE
from tests.servers.process import free_port

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RAW = "From: news@list.example\r\nSubject: Chip in\r\n\r\n.Dear friend\r\n"
OURS = OwnAddresses(["@seeds.example", "seed@mail.example"])


class Kept:
    """The store: keeps visits, or does what a test wants it to."""

    def __init__(self) -> None:
        self.visits: list[FolderVisit] = []
        self.fault: Exception | None = None
        self.before: Callable[[], None] = lambda: None

    def __call__(self, visit: FolderVisit) -> None:
        self.before()
        if self.fault is not None:
            raise self.fault
        self.visits.append(visit)

    @property
    def raws(self) -> list[bytes]:
        return [m.raw for v in self.visits for m in v.messages]

    @property
    def covered(self) -> list[tuple[datetime, datetime]]:
        return [(c.start, c.end) for v in self.visits for c in v.coverage]


class Listening:
    """A listener at work, with its clock and what it kept."""

    def __init__(self, place: str, protocol: str = "lmtp", *, canaries: bool = True, most: int = 100_000) -> None:
        values = {"name": "seeds", "kind": InboxKind.LISTENER, "listen": place, "protocol": protocol}
        self.settings = InboxSettings.model_validate(values)
        self.kept, self.clock = Kept(), SteppedClock(NOON)
        self.checkpoints: dict[str, Checkpoint] = {}
        self.listener = Listener(
            self.settings,
            self.kept,
            self.clock,
            is_ours=OURS.__contains__,
            has_canaries=canaries,
            poll_every=FIVE,
            max_message_bytes=most,
            timeout=timedelta(seconds=5),
        )

    def visit(self, after: timedelta = FIVE) -> None:
        self.clock.move_to(self.clock.now() + after)
        assert list(self.listener.visit(self.checkpoints, self.clock)) == []

    def client(self) -> smtplib.SMTP:
        """A mail server of its own kind, connected."""
        place = self.settings.listen or ""
        client = smtplib.LMTP() if self.settings.protocol == "lmtp" else smtplib.SMTP(timeout=20)
        host, _, port = place.rpartition(":")
        client.connect(*((place, 0) if place.startswith("/") else (host, int(port))))
        return client

    def send(self, *to: str, raw: str | bytes = RAW) -> None:
        with self.client() as client:
            client.sendmail("bounce@list.example", to, raw)


@contextmanager
def running(place: str | None = None, **other: object) -> Iterator[Listening]:
    listening = Listening(place or f"127.0.0.1:{free_port()}", **other)  # type: ignore[arg-type]
    try:
        listening.visit()
        yield listening
    finally:
        listening.listener.close()


@pytest.mark.parametrize(("protocol", "unix"), [("lmtp", False), ("lmtp", True), ("smtp", False)])
def test_mail_for_our_domain_is_kept_as_it_was_delivered(tmp_path: Path, protocol: str, unix: bool) -> None:
    with running(str(tmp_path / "lmtp") if unix else None, protocol=protocol) as listening:
        listening.send("Acme@seeds.example")
        [message] = [m for v in listening.kept.visits for m in v.messages]
        assert message.raw == b"Return-Path: <bounce@list.example>\r\nDelivered-To: Acme@seeds.example\r\n" + RAW.encode()
        assert (message.uid, message.folder, message.role, message.delivered_at) == (1, "INBOX", "INBOX", NOON + FIVE)
        assert listening.kept.visits[-1].checkpoint.last_uid == 1


def test_lmtp_answers_for_each_recipient_and_a_copy_is_kept_for_each_of_ours() -> None:
    with running() as listening, listening.client() as client:
        client.ehlo()
        client.mail("bounce@list.example")
        asked = [client.rcpt(to)[0] for to in ("a@seeds.example", "b@else.example", "seed+b@mail.example", "x")]
        assert asked == [250, 550, 250, 550]
        assert client.data(RAW)[0] == 250
        assert client.getreply()[0] == 250  # the second recipient's
        assert client.noop()[0] == 250  # and no answer too many
        assert [raw.splitlines()[1] for raw in listening.kept.raws] == [
            b"Delivered-To: a@seeds.example",
            b"Delivered-To: seed+b@mail.example",
        ]
        assert len(listening.kept.visits[-1].messages) == 2  # in one transaction


@pytest.mark.parametrize("fault", [StoreError("database or disk is full"), RuntimeError("a bug")])
def test_what_cannot_be_kept_is_the_senders_to_try_again(fault: Exception) -> None:
    with running() as listening:
        listening.kept.fault = fault
        with pytest.raises(smtplib.SMTPDataError) as caught:
            listening.send("a@seeds.example")
        assert caught.value.smtp_code == 451
        assert "disk" not in str(caught.value)
        listening.kept.fault = None
        listening.send("a@seeds.example")
        assert [v.checkpoint.last_uid for v in listening.kept.visits if v.messages] == [1]


def test_nothing_is_answered_for_before_it_is_kept() -> None:
    with running() as listening:
        kept = threading.Event()
        listening.kept.before = lambda: void(kept.wait(20))
        with listening.client() as client:
            client.ehlo()
            client.mail("b@list.example")
            client.rcpt("a@seeds.example")
            assert client.docmd("DATA")[0] == 354
            client.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
            assert client.sock is not None
            client.sock.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.sock.recv(1)
            assert listening.kept.raws == []
            kept.set()
            client.sock.settimeout(20)
            assert client.getreply()[0] == 250
        assert len(listening.kept.raws) == 1


def test_the_same_message_handed_over_twice_is_the_same_bytes() -> None:
    with running() as listening:
        listening.send("a@seeds.example")
        listening.clock.move_to(NOON + timedelta(hours=1))
        listening.send("a@seeds.example")
        first, second = listening.kept.raws
        assert first == second


def test_too_large_a_message_is_refused_for_each_recipient_and_the_next_is_taken() -> None:
    with running(most=10_000) as listening, listening.client() as client:
        client.ehlo()
        client.mail("b@list.example")
        client.rcpt("a@seeds.example")
        client.rcpt("b@seeds.example")
        assert client.data("x\r\n" * 10_000)[0] == 552
        assert client.getreply()[0] == 552
        client.rset()
        listening.send("a@seeds.example")
        assert len(listening.kept.raws) == 1


def test_lines_longer_than_the_rfc_allows_and_bare_line_feeds_are_kept() -> None:
    with running() as listening:
        raw = b"Subject: x\r\n\r\n" + b"y" * 50_000 + b"\r\nbare\n.\nfeed \xff\x00\r\n"
        with listening.client() as client:
            client.ehlo()
            client.mail("b@list.example")
            client.rcpt("a@seeds.example")
            client.docmd("DATA")
            client.send(raw + b".\r\n")
            assert client.getreply()[0] == 250
        assert listening.kept.raws[0].endswith(raw)


def test_the_time_between_two_visits_is_covered_only_where_canaries_come() -> None:
    with running() as listening:
        listening.visit()
        listening.send("a@seeds.example")
        listening.visit()
        assert listening.kept.covered == [(NOON + FIVE, NOON + 2 * FIVE), (NOON + 2 * FIVE, NOON + 3 * FIVE)]
        assert listening.kept.visits[-1].checkpoint == Checkpoint("INBOX", 1, 1, NOON + 3 * FIVE)
    with running(canaries=False) as without:
        without.visit()
        assert without.kept.covered == []
        assert without.kept.visits[-1].checkpoint.proven_at == NOON + 2 * FIVE


def test_time_in_which_mail_could_not_be_kept_or_nobody_looked_is_not_covered() -> None:
    with running() as listening:
        listening.kept.fault = StoreError("full")
        with pytest.raises(smtplib.SMTPDataError):
            listening.send("a@seeds.example")
        listening.kept.fault = None
        listening.visit()
        assert listening.kept.covered == []
        listening.visit(timedelta(minutes=16))
        assert listening.kept.covered == []
        listening.visit()
        assert len(listening.kept.covered) == 1
        listening.listener.close()
        listening.visit()
        assert len(listening.kept.covered) == 1


@pytest.mark.parametrize(
    ("announced", "lines", "status"),
    [("", "x\r\n" * 40_000, 552), (" SIZE=120000", "", 552), ("", "x" * 1_000_001 + "\r\n", 500)],
)
def test_time_in_which_mail_was_refused_as_too_large_is_not_covered_and_that_is_said(
    announced: str, lines: str, status: int
) -> None:
    with running() as listening, capture_logs() as logs:
        with listening.client() as client:
            client.ehlo()
            answer = client.docmd("MAIL", f"FROM:<bounce@list.example>{announced}")
            if lines:
                client.rcpt("a@seeds.example")
                client.docmd("DATA")
                client.send(RAW + lines + ".\r\n")
                answer = client.getreply()
        assert answer[0] == status
        assert [(entry["inbox"], entry["log_level"]) for entry in logs if "too large" in entry["event"]] == [("seeds", "warning")]
        listening.visit()
        assert listening.kept.covered == []
        listening.visit()
        assert len(listening.kept.covered) == 1


def test_after_a_restart_the_numbers_go_on(tmp_path: Path) -> None:
    listening = Listening(str(tmp_path / "lmtp"))
    listening.checkpoints["INBOX"] = Checkpoint("INBOX", 1, 41, NOON)
    try:
        listening.visit()
        listening.send("a@seeds.example")
        assert listening.kept.visits[-1].messages[0].uid == 42
    finally:
        listening.listener.close()


def test_a_place_that_is_taken_is_named_and_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        place = f"127.0.0.1:{other.getsockname()[1]}"
        listening = Listening(place)
        with pytest.raises(InboxError, match=f"`listen` {place} cannot be had") as caught:
            listening.visit()
        assert caught.value.cause is FailureCause.SETTINGS
    try:
        listening.visit()
        listening.send("a@seeds.example")
        assert len(listening.kept.raws) == 1
    finally:
        listening.listener.close()


def test_another_process_sees_whether_it_answers() -> None:
    with running() as listening:
        check = ListenerCheck(listening.settings, timedelta(seconds=5))
        assert list(check.visit({}, listening.clock)) == []
    with pytest.raises(InboxError, match="nobody answers at `listen`") as caught:
        list(check.visit({}, listening.clock))
    assert caught.value.cause is FailureCause.NETWORK


def test_mail_that_comes_while_it_closes_is_kept_or_tried_again_and_never_given_up() -> None:
    with running() as listening, listening.client() as client:
        client.ehlo()
        client.mail("b@list.example")
        client.rcpt("a@seeds.example")
        assert listening.listener._worker is not None
        listening.listener._worker.shutdown()
        assert client.data(RAW)[0] == 451


def test_closing_leaves_no_thread_and_a_place_that_can_be_had_again(tmp_path: Path) -> None:
    before = threading.active_count()
    place = f"127.0.0.1:{free_port()}"
    for _ in range(3):
        with running(place) as listening, listening.client() as client:
            client.noop()
    assert threading.active_count() == before


def void(_: object) -> None:
    """A wait gives nothing back."""
