"""The SMTP channel against a real server, in the clear, with STARTTLS and with TLS."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from monitor.alert.channels.smtp import SmtpChannel, mail_of
from monitor.errors import ChannelError
from monitor.settings import ChannelSettings
from tests.alert.made import NOW, notice
from tests.alert.servers import LOOPBACK, Mailbox, smtp_server


def channel(port: int, password: str | None = None, **other: Any) -> SmtpChannel:
    settings = {
        "name": "desk",
        "kind": "smtp",
        "host": LOOPBACK,
        "port": port,
        "security": "plain",
        "sender": "alerts@example.org",
        "to": ["ana@example.org", "bo@example.org"],
        "timeout": "5s",
        **other,
    }
    return SmtpChannel(ChannelSettings.model_validate(settings), password)


def failure(of: SmtpChannel) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        of.send(notice())
    return caught.value


def test_a_mail_arrives_with_all_its_fields() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        channel(port).send(notice())
    (mail,) = mailbox.mails
    assert mailbox.rcpt_tos == [["ana@example.org", "bo@example.org"]]
    assert mail["Subject"] == "No mail seen from news.example.org for 41 hours"
    assert mail["From"] == "GoneQuiet <alerts@example.org>"
    assert mail["To"] == "ana@example.org, bo@example.org"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-GoneQuiet-Notice"] == notice().key
    assert mail["X-GoneQuiet-Event"] == "opened"
    assert mail["Date"].datetime == NOW
    plain, html = mail.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == notice().text
    assert html.get_content_type() == "text/html"
    assert "No mail" not in html.get_content()
    assert html.get_content().startswith("<!doctype html>")


def test_a_repeat_is_the_same_mail_byte_for_byte() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        channel(port).send(notice(1))
        channel(port).send(notice(1))
        channel(port).send(notice(2))
    first, repeat, other = mailbox.raw
    assert first == repeat
    assert mailbox.mails[0]["Message-ID"] == mailbox.mails[1]["Message-ID"] != mailbox.mails[2]["Message-ID"]
    assert other != first


def test_a_title_with_line_ends_cannot_add_header_fields() -> None:
    settings = ChannelSettings.model_validate(
        {"name": "d", "kind": "smtp", "host": "h", "sender": "a@example.org", "to": ["b@example.org"]}
    )
    mail = mail_of(notice(title="No mail\r\nBcc: all@example.org\r\n\r\nHello ö" + "x" * 500), settings)
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("No mail Bcc: all@example.org Hello ö")


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_tls_is_used_and_verified(security: str, tls: ssl.SSLContext, certificate: Path) -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox, tls, starttls=security == "starttls") as port:
        channel(port, security=security, ca_file=certificate).send(notice())
        untrusted = failure(channel(port, security=security))
    assert len(mailbox.mails) == 1
    assert untrusted.reason.startswith("the certificate of 127.0.0.1 does not verify: self-signed certificate; see ca_file")
    assert untrusted.retryable


def test_a_server_without_starttls_gets_no_mail(certificate: Path) -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        error = failure(channel(port, security="starttls", ca_file=certificate))
    assert error.reason == "the mail server cannot do what is asked: STARTTLS extension not supported by server."
    assert mailbox.mails == []


def test_tls_to_a_server_that_speaks_in_the_clear_names_the_settings_to_look_at(certificate: Path) -> None:
    with smtp_server(Mailbox()) as port:
        assert "see security and port" in failure(channel(port, security="tls", ca_file=certificate)).reason


def test_a_user_signs_in(tls: ssl.SSLContext, certificate: Path) -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox, tls, starttls=True, password="right horse") as port:
        given: dict[str, Any] = {"security": "starttls", "ca_file": certificate, "user": "alerts"}
        channel(port, "right horse", **given).send(notice())
        error = failure(channel(port, "wrong horse", **given))
    assert len(mailbox.mails) == 1
    assert error.reason.startswith("the mail server refuses the user or the password (535 ")
    assert "wrong horse" not in str(error)
    assert error.retryable  # somebody may mend the password before the tries are over


@pytest.mark.parametrize(
    ("refused", "retryable", "places"),
    [
        (
            {"bo@example.org": "550 no such user bo@example.org"},
            False,
            "1 of 2 recipients (to[1]): 550 no such user …@example.org",
        ),
        ({"ana@example.org": "550 no", "bo@example.org": "550 no"}, False, "2 of 2 recipients (to[0], to[1]): 550 no"),
        ({"ana@example.org": "450 later", "bo@example.org": "450 later"}, True, "2 of 2 recipients (to[0], to[1]): 450 later"),
    ],
)
def test_refused_recipients_are_named_by_their_place(refused: dict[str, str], retryable: bool, places: str) -> None:
    mailbox = Mailbox()
    mailbox.refused = refused
    with smtp_server(mailbox) as port:
        error = failure(channel(port))
    assert error.reason == f"the mail server refuses {places}"
    assert error.retryable is retryable
    assert "bo@" not in str(error)


@pytest.mark.parametrize(("answer", "retryable"), [("451 try later", True), ("554 we do not like it", False)])
def test_a_refused_mail_is_tried_again_where_the_server_says_later(answer: str, retryable: bool) -> None:
    mailbox = Mailbox()
    mailbox.answer = answer
    with smtp_server(mailbox) as port:
        error = failure(channel(port))
    assert (error.reason, error.retryable) == (f"the mail server refuses: {answer}", retryable)


def test_nobody_listening_is_named_with_host_and_port() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))  # bound and not listening: nobody else gets this port meanwhile
        port = taken.getsockname()[1]
        error = failure(channel(port))
    assert (error.reason, error.retryable) == (f"127.0.0.1 port {port}: Connection refused", True)


def test_a_server_that_says_nothing_is_given_up_after_the_time_out() -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        error = failure(channel(silent.getsockname()[1], timeout="1s"))
    assert error.reason.endswith(": no answer in time")


def test_an_unknown_host_is_named() -> None:
    assert failure(channel(25, host="mail.invalid")).reason == "mail.invalid port 25: no such host name"
