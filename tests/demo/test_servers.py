"""The embedded mail server speaks IMAP over verified TLS, and the mail sink keeps what it is sent."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from monitor.clock import SystemClock
from monitor.demo.certificate import LOOPBACK, server_context, write_certificate
from monitor.demo.imap_server import DemoMailServer
from monitor.demo.loop_thread import LoopThread
from monitor.demo.mail_sink import MailSink

AT = datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC)
RAW = "Subject: ge\u00f6ffnet\r\nMessage-ID: <1@x.example>\r\n\r\nBody\r\n".encode()


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    with LoopThread("demo servers") as running:
        yield running


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return write_certificate(tmp_path, SystemClock().now())


@pytest.fixture
def server(thread: LoopThread, certificate: Path) -> Iterator[DemoMailServer]:
    running = DemoMailServer(thread, server_context(certificate), {"a@seed.example": "one", "b@seed.example": "two"}, ["Junk"])
    yield running
    running.close()


def connect(server: DemoMailServer, certificate: Path) -> IMAPClient:
    client = IMAPClient(LOOPBACK, server.port, ssl_context=ssl.create_default_context(cafile=certificate), timeout=10)
    client.normalise_times = False
    return client


def test_a_delivered_message_comes_back_byte_for_byte_with_its_internaldate(server: DemoMailServer, certificate: Path) -> None:
    uid = server.deliver("a@seed.example", "Junk", RAW, AT)
    with connect(server, certificate) as client:
        client.login("a@seed.example", "one")
        assert {name for _flags, _delimiter, name in client.list_folders()} == {"INBOX", "Junk"}
        assert client.folder_status("Junk", ["MESSAGES", "UIDNEXT"]) == {b"MESSAGES": 1, b"UIDNEXT": uid + 1}
        client.select_folder("Junk", readonly=True)
        assert client.search(["UID", f"{uid}:*"]) == [uid]
        fetched = client.fetch([uid], ["INTERNALDATE", "RFC822.SIZE", "FLAGS", "BODY.PEEK[]"])[uid]
        assert fetched[b"BODY[]"] == RAW
        assert fetched[b"INTERNALDATE"] == AT
        assert fetched[b"RFC822.SIZE"] == len(RAW)
        assert fetched[b"FLAGS"] == ()


def test_users_have_mailboxes_of_their_own(server: DemoMailServer, certificate: Path) -> None:
    server.deliver("a@seed.example", "INBOX", RAW, AT)
    with connect(server, certificate) as client:
        client.login("b@seed.example", "two")
        assert client.select_folder("INBOX", readonly=True)[b"EXISTS"] == 0


def test_a_wrong_password_is_refused(server: DemoMailServer, certificate: Path) -> None:
    client = connect(server, certificate)
    with pytest.raises(LoginError):
        client.login("a@seed.example", "two")
    client.shutdown()


def test_the_certificate_is_trusted_only_by_who_was_given_it(server: DemoMailServer, certificate: Path) -> None:
    assert certificate.with_suffix(".key").stat().st_mode & 0o077 == 0
    with pytest.raises(ssl.SSLCertVerificationError):
        IMAPClient(LOOPBACK, server.port, ssl_context=ssl.create_default_context(), timeout=10)


def test_the_sink_keeps_mails_in_their_order(thread: LoopThread) -> None:
    sink = MailSink(thread)
    with smtplib.SMTP(LOOPBACK, sink.port, timeout=10) as client:
        for subject in ("first", "second"):
            client.sendmail("a@x.example", ["b@x.example"], f"Subject: {subject}\r\n\r\nText\r\n")
    assert [mail["Subject"] for mail in sink.mails] == ["first", "second"]
    assert sink.mails[0].get_content() == "Text\r\n"
    sink.close()
