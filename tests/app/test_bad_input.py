"""Bad input and the whole line: one clear message, counted in the metrics, and everything else goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from mailbox import Maildir
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from monitor.app.counters import Counters
from monitor.app.polling import Poller
from monitor.app.session import Session, open_session
from monitor.app.snapshots import Snapshots
from monitor.clock import SystemClock
from monitor.settings import CollectSettings, InboxKind, InboxSettings, Settings
from monitor.show.metrics import exposition
from tests.app.setting import metric
from tests.servers.dovecot import Dovecot, DovecotUser
from tests.servers.scripted_imap import Box, ScriptedImap, scripted

Spoil = Callable[[InboxSettings, Path], InboxSettings]
SECRET = "do-not-tell"
GOOD = (
    b"From: a@news.example.org\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
    b"Message-ID: <good@news.example.org>\r\nSubject: x\r\n\r\nx\r\n"
)


class Line:
    """The line on these inboxes: polled on request, and what its metrics say."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.counters = Counters()
        self.poller = Poller(session.store, session.reader, session.settings.collect, SystemClock(), self.counters)

    def poll(self) -> list[EventDict]:
        """One look into every inbox, and what was logged."""
        with capture_logs() as logs:
            for inbox in self.session.settings.inboxes:
                self.poller.poll(inbox)
        return logs

    def metric(self, name: str) -> float:
        session = self.session
        snapshots = Snapshots(session.store, session.identifier, session.settings, self.counters)
        snapshots.judged(session.watch().assess(SystemClock().now()))
        body, _ = exposition(snapshots.snapshot)("text/plain")
        return metric(body.decode(), name)


@contextmanager
def line(folder: Path, *inboxes: InboxSettings, limit: int = 1_000_000) -> Iterator[Line]:
    """Of a message above `limit` octets the beginning is read."""
    collect = CollectSettings(timeout=timedelta(seconds=10), max_message_bytes=limit)
    settings = Settings(data_dir=folder / "data", inboxes=inboxes, collect=collect)
    with open_session(settings) as session:
        opened = Line(session)
        try:
            yield opened
        finally:
            opened.poller.close()


def with_password(user: DovecotUser, folder: Path, password: str | None = None) -> InboxSettings:
    secret = folder / f"password-{user.name}"
    secret.write_text(password or user.password, encoding="ascii")
    return user.settings().model_copy(update={"password_env": None, "password_file": secret})


def _wrong_password(inbox: InboxSettings, folder: Path) -> InboxSettings:
    (folder / "wrong").write_text(SECRET, encoding="ascii")
    return inbox.model_copy(update={"password_file": folder / "wrong"})


def _no_password(inbox: InboxSettings, folder: Path) -> InboxSettings:
    return inbox.model_copy(update={"password_file": folder / "not-there"})


def _unknown_host(inbox: InboxSettings, folder: Path) -> InboxSettings:
    return inbox.model_copy(update={"host": "imap.nowhere.invalid"})


def _distrusted(inbox: InboxSettings, folder: Path) -> InboxSettings:
    return inbox.model_copy(update={"ca_file": None})


def _vanished_folder(inbox: InboxSettings, folder: Path) -> InboxSettings:
    return inbox.model_copy(update={"folders": ("INBOX", "Vanished")})


@pytest.mark.parametrize(
    ("spoil", "cause", "to_mend"),
    [
        (_wrong_password, "login", "check `user` and the password"),
        (_no_password, "settings", "not-there: cannot be read"),
        (_unknown_host, "dns", "check `host`"),
        (_distrusted, "tls", "`ca_file`"),
        (_vanished_folder, "folder", "mend `folders`"),
    ],
)
def test_a_broken_inbox_says_what_to_mend_and_the_others_are_read(
    spoil: Spoil, cause: str, to_mend: str, dovecot: Dovecot, tmp_path: Path
) -> None:
    broken, fine = dovecot.user(), dovecot.user()
    for user in (broken, fine):
        user.deliver(GOOD)
    inboxes = spoil(with_password(broken, tmp_path), tmp_path), with_password(fine, tmp_path)
    with line(tmp_path, *inboxes) as at_work:
        logs = at_work.poll()
        [told] = [entry for entry in logs if entry["log_level"] in ("warning", "error")]
        assert told["inbox"] == broken.name
        assert to_mend in told["detail"]
        assert SECRET not in str(logs)
        assert broken.password not in told["detail"]
        assert at_work.metric(f'gonequiet_polls_total{{inbox="{broken.name}",result="{cause}"}}') == 1
        assert at_work.metric(f'gonequiet_polls_total{{inbox="{fine.name}",result="ok"}}') == 1
        assert at_work.metric(f'gonequiet_inbox_blind{{inbox="{fine.name}"}}') == 0
        read = {inbox for send in at_work.session.store.sends() for inbox in send.inboxes}
        assert fine.name in read


def test_a_mended_password_is_taken_at_the_next_poll(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.user()
    inbox = with_password(user, tmp_path, "wrong")
    with line(tmp_path, inbox) as at_work:
        at_work.poll()
        with_password(user, tmp_path)
        at_work.poll()
        assert at_work.metric(f'gonequiet_polls_total{{inbox="{user.name}",result="ok"}}') == 1


def _future() -> bytes:
    return GOOD.replace(b"Mon, 02 Mar 2026 10:00:00 +0000", format_datetime(datetime.now(UTC) + timedelta(days=400)).encode())


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (GOOD.replace(b"Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n", b""), "date"),
        (GOOD.replace(b"Message-ID: <good@news.example.org>\r\n", b""), "message-id"),
        (_future(), "date"),
        (GOOD.replace(b"Subject: x", b"Subject: " + b"x" * 1_000_000), "header"),
        (GOOD.replace(b"Subject: x", b"X-Long: " + b"x " * 500_000), "header"),
        (GOOD.replace(b"Subject: x", b"Subject: Gr\xfc\xdfe \xff\xfe"), "header"),
        (GOOD.replace(b"From: a@news.example.org\r\n", b""), "from"),
        (GOOD.replace(b"Subject: x\r\n", b"this is no field\r\n"), "header"),
        (GOOD.replace(b"Subject: x\r\n", b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=never\r\n"), "mime"),
        (GOOD.replace(b"Subject: x\r\n\r\nx", b"Content-Transfer-Encoding: base64\r\n\r\n!!!!"), "mime"),
        (GOOD.replace(b"Subject: x", b"Subject: =?utf-8?B?!!!!?="), "mime"),
    ],
    ids=[
        "no-date",
        "no-message-id",
        "future-date",
        "long-subject",
        "long-header",
        "raw-8-bit",
        "no-from",
        "no-field",
        "wrong-boundary",
        "bad-base64",
        "bogus-encoded-word",
    ],
)
def test_an_odd_message_is_kept_counted_and_told_of(raw: bytes, problem: str, dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.user()
    user.deliver_all([raw, GOOD.replace(b"good@", b"next@")])
    with line(tmp_path, with_password(user, tmp_path)) as at_work:
        logs = at_work.poll()
        [told] = [entry for entry in logs if entry["event"].startswith("odd messages")]
        assert (told["inbox"], told["folder"], told["number"]) == (user.name, "INBOX", 1)
        assert told["first"][0].startswith(f"UID 1: {problem}: ")
        assert at_work.metric(f'gonequiet_messages_problem_total{{problem="{problem}"}}') == 1
        assert at_work.metric(f'gonequiet_polls_total{{inbox="{user.name}",result="ok"}}') == 1
        assert at_work.metric('gonequiet_identified_total{confidence="none",delivery="unknown"}') == 2
        last = at_work.session.store.last_send("news.example.org")
        assert last is not None
        assert last.at <= datetime.now(UTC)


def test_an_empty_message_is_read_and_what_comes_after_it_too(tmp_path: Path) -> None:
    with scripted(ScriptedImap({"INBOX": Box({1: GOOD})})) as server:
        (tmp_path / "password").write_text("secret")
        settings = server.settings().model_copy(update={"password_env": None, "password_file": tmp_path / "password"})
        with line(tmp_path, settings) as at_work:
            for messages in ({1: GOOD}, {1: GOOD, 2: b""}, {1: GOOD, 2: b"", 3: GOOD.replace(b"good@", b"next@")}):
                server.boxes["INBOX"].messages = messages
                at_work.poll()
            assert at_work.session.store.checkpoints("seed")["INBOX"].last_uid == 3
            assert sum(at_work.session.store.identified_total().values()) == 3
            assert at_work.session.store.original(sha256(b"").hexdigest()) == b""


def test_an_empty_file_in_a_maildir_is_read_and_what_comes_after_it_too(tmp_path: Path) -> None:
    maildir = Maildir(tmp_path / "Maildir")
    with line(tmp_path, InboxSettings(name="dir", kind=InboxKind.MAILDIR, path=tmp_path / "Maildir")) as at_work:
        for raw in (GOOD, b"", GOOD.replace(b"good@", b"next@")):
            maildir.add(raw)
            at_work.poll()
        assert sum(at_work.session.store.identified_total().values()) == 3
        assert at_work.session.store.original(sha256(b"").hexdigest()) == b""
