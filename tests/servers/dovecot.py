"""A private, real Dovecot on loopback, from the distribution's package; runs as root and as a normal user."""

from __future__ import annotations

import grp
import imaplib
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from monitor.demo.certificate import write_certificate
from monitor.settings import InboxSettings, Security
from tests.servers.process import free_port, wait_for

MISSING = "Dovecot is not installed; as root on Debian or Ubuntu: apt-get install dovecot-imapd"
HOST = "127.0.0.1"
PASSWORD = "correct-horse"


@dataclass
class Dovecot:
    """A running server. Its users need no setting up: any name of `user001` … `user999` is one, with INBOX, Junk and Trash."""

    root: Path
    certificate: Path
    port: int
    tls_port: int
    introspection: str | None = None
    """Where it asks whether an access token is good (RFC 7662); None: it takes passwords only."""
    _users: Iterator[int] = field(default_factory=lambda: count(1))
    _process: subprocess.Popen[bytes] | None = None

    def user(self) -> DovecotUser:
        """A user that no other test has."""
        return DovecotUser(self, f"user{next(self._users):03d}")

    def context(self) -> ssl.SSLContext:
        """Trusts this server's certificate and no other."""
        return ssl.create_default_context(cafile=self.certificate)

    def start(self) -> None:
        """Start it (again) on the same ports and mail, and wait until it answers."""
        with (self.root / "start.log").open("wb") as log:
            command = [program(), "-F", "-c", str(self.root / "dovecot.conf")]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        wait_for(self._answers, lambda: (self.root / "dovecot.log").read_text()[-2000:])

    def stop(self) -> None:
        """End it with all its connections, at once."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # sessions that have not ended yet
            self._process = None

    def _answers(self) -> bool:
        try:
            socket.create_connection((HOST, self.port), 1).close()
        except OSError:
            return False
        return True


@dataclass(frozen=True)
class DovecotUser:
    """One seed inbox on it."""

    server: Dovecot
    name: str
    password: str = PASSWORD

    def settings(self, *, security: Security = Security.TLS, folders: tuple[str, ...] | None = None) -> InboxSettings:
        """How GoneQuiet is told of it; the inbox is called as the user."""
        port = self.server.tls_port if security is Security.TLS else self.server.port
        return InboxSettings(
            name=self.name,
            host=HOST,
            port=port,
            security=security,
            user=self.name,
            ca_file=self.server.certificate,
            password_env="UNUSED",
            folders=folders,
        )

    def client(self) -> imaplib.IMAP4:
        """A session of the user's own, to put mail in and move it about."""
        client = imaplib.IMAP4(HOST, self.server.port, timeout=20)
        client.login(self.name, self.password)
        return client

    def deliver(self, raw: bytes, folder: str = "INBOX", at: datetime | None = None) -> None:
        """File a message (CR LF) with this INTERNALDATE (aware; None: now), as mail that arrives."""
        self.deliver_all([raw], folder, at)

    def deliver_all(
        self, raws: Sequence[bytes], folder: str = "INBOX", at: datetime | None = None, *, each_at: Sequence[datetime] = ()
    ) -> None:
        """File messages in one session, all of them delivered `at` one moment, or each at its own."""
        with self.client() as client:
            for raw, moment in zip(raws, each_at or [at or datetime.now(UTC)] * len(raws), strict=True):
                answer, text = client.append(folder, "", imaplib.Time2Internaldate(moment), raw)
                assert answer == "OK", text


def program() -> str:
    """Dovecot's path; the test is skipped where it is not installed."""
    found = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(MISSING)
    return found


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """One server for all tests, each with users of its own."""
    with running_dovecot() as server:
        yield server


@pytest.fixture
def own_dovecot() -> Iterator[Dovecot]:
    """A server for this test alone, to stop and start."""
    with running_dovecot() as server:
        yield server


@contextmanager
def running_dovecot(introspection: str | None = None, *, more: str = "") -> Iterator[Dovecot]:
    """A server of one's own, with its folders removed at the end; with `introspection` it takes access tokens too."""
    program()
    # A short path, readable to the mail user: a socket's is limited to 107 bytes, and pytest's folders are for root alone.
    with tempfile.TemporaryDirectory(prefix="gonequiet-dovecot-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        root.chmod(0o755)
        certificate = write_certificate(root, datetime.now(UTC) - timedelta(minutes=1))
        server = Dovecot(root, certificate, free_port(), free_port(), introspection)
        for name in ("run", "state", "mail"):
            (root / name).mkdir()
        (root / "dovecot.conf").write_text(_configuration(server) + more)
        (root / "oauth2.conf").write_text(
            f"introspection_url = {introspection}\nintrospection_mode = post\nusername_attribute = username\n"
            "active_attribute = active\nactive_value = true\n"
        )
        if os.geteuid() == 0:
            shutil.chown(root / "mail", "mail", "mail")
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _configuration(server: Dovecot) -> str:
    """Dovecot 2.3's. As a normal user every process runs as that user, without chroot."""
    if os.geteuid() == 0:
        owner, group, internal = "mail", "mail", "first_valid_uid = 1"
    else:
        owner, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
        internal = f"""default_internal_user = {owner}
default_internal_group = {group}
default_login_user = {owner}
first_valid_uid = 1
last_valid_uid = 0"""
    chroot = "" if os.geteuid() == 0 else "  chroot =\n"
    mechanisms, by_token = "plain login", ""
    if server.introspection is not None:
        mechanisms = "plain login oauthbearer xoauth2"
        by_token = f"passdb {{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {server.root}/oauth2.conf\n}}"
    return f"""base_dir = {server.root}/run
state_dir = {server.root}/state
instance_name = gonequiet-{server.port}
log_path = {server.root}/dovecot.log
protocols = imap
listen = {HOST}
{internal}
mail_uid = {owner}
mail_gid = {group}
mail_location = maildir:{server.root}/mail/%u
mail_fsync = never
mail_max_userip_connections = 0
ssl = yes
ssl_cert = <{server.certificate}
ssl_key = <{server.certificate.with_suffix(".key")}
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
imap_idle_notify_interval = 2 mins
{by_token}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={owner} gid={group} home={server.root}/mail/%u
}}
service anvil {{
{chroot}  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
{chroot}  service_count = 0
  inet_listener imap {{
    address = {HOST}
    port = {server.port}
  }}
  inet_listener imaps {{
    address = {HOST}
    port = {server.tls_port}
    ssl = yes
  }}
}}
service imap-urlauth-login {{
{chroot}}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
  mailbox Trash {{
    auto = create
    special_use = \\Trash
  }}
}}
"""
