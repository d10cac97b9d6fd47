"""Prompt: from delivery to stored and identified, through the service as it runs, IDLE on a real Dovecot, 50 messages a second.

Mail is put into Maildirs as a delivery agent does it (written to `tmp`, renamed into `new`); a delay ends when another
process can read the message from the database. `GONEQUIET_BENCH_INBOXES` and `GONEQUIET_BENCH_SECONDS` make it larger or shorter.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import statistics
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from monitor.settings import load_settings
from tests.app.setting import write_settings
from tests.bench.collect import made_messages
from tests.servers.dovecot import MISSING, DovecotUser, running_dovecot
from tests.servers.gonequiet import cpu_seconds, service
from tests.servers.process import wait_for

INBOXES = int(os.environ.get("GONEQUIET_BENCH_INBOXES", "100"))
SECONDS = int(os.environ.get("GONEQUIET_BENCH_SECONDS", "60"))
A_SECOND = 50
PATIENCE = 60
"""Seconds for what is left after the last delivery."""
LOOK_EVERY = 0.01
_MESSAGE_ID = re.compile(rb"^Message-ID: (<[^>]+>)\r?$", re.M)


def run() -> list[str]:
    if shutil.which("dovecot", path="/usr/sbin:/usr/bin:/usr/local/sbin") is None:
        return [MISSING]
    with running_dovecot(more=_FOR_MANY) as server, tempfile.TemporaryDirectory() as folder:
        users = [server.user() for _ in range(INBOXES)]
        for user in users:
            user.deliver(b"Subject: the first\r\n\r\nIt makes the folders.\r\n")
        path = write_settings(Path(folder), *(user.settings() for user in users), every="5m")
        text = path.read_text().replace("tick: 0.05s", "tick: 1s").replace("detect_every: 1s", "detect_every: 1m")
        text = text.replace("timeout: 5s", "timeout: 1m, per_host: 16")
        path.write_text(text.replace("    password_file", "    watch: idle\n    password_file"))
        with service(path, Path(folder) / "log") as running:
            return measured(users, Path(load_settings(path).database_url.removeprefix("sqlite:///")), server.root, running.pid)


_FOR_MANY = """
service imap {
  process_limit = 2000
  client_limit = 1
}
service imap-login {
  client_limit = 4000
}
service anvil {
  client_limit = 8000
}
service auth {
  client_limit = 8000
}
"""


def measured(users: list[DovecotUser], database: Path, server: Path, pid: int) -> list[str]:
    wait_for(lambda: idling(server, users) and stored(database) == len(users), lambda: "not all of them idle", seconds=300)
    time.sleep(2)
    raws = made_messages(A_SECOND * SECONDS)
    seen: dict[str, float] = {}
    over = threading.Event()
    observer = threading.Thread(target=watch, args=(database, seen, over))
    observer.start()
    used, begun = cpu_seconds(pid), time.monotonic()
    delivered = deliver(users, raws, server)
    took = time.monotonic() - begun
    last = time.monotonic() + PATIENCE
    while len(seen.keys() & delivered.keys()) < len(delivered) and time.monotonic() < last:
        time.sleep(0.1)
    used = cpu_seconds(pid) - used
    over.set()
    observer.join()
    delays = sorted(seen[number] - at for number, at in delivered.items() if number in seen)
    return [
        f"{len(users)} inboxes that idle, {len(delivered)} messages in {took:.0f} s = {len(delivered) / took:.0f} a second",
        f"stored and identified {len(delays)} of them after: median {statistics.median(delays):.2f} s,"
        f" 99 % {delays[int(0.99 * len(delays))]:.2f} s, slowest {delays[-1]:.2f} s (aim: 1 s, 3 s)",
        f"the service used {1000 * used / len(delivered):.1f} ms of a core for each",
    ]


def deliver(users: list[DovecotUser], raws: list[bytes], server: Path) -> dict[str, float]:
    """One after the other at the even rate, to the inboxes in turn; Message-ID → when it lay in its Maildir."""
    delivered: dict[str, float] = {}
    begun = time.monotonic()
    for number, raw in enumerate(raws):
        time.sleep(max(begun + number / A_SECOND - time.monotonic(), 0))
        maildir = server / "mail" / users[number % len(users)].name
        name = f"{time.time_ns()}.{number}.bench"
        (maildir / "tmp" / name).write_bytes(raw)
        if os.geteuid() == 0:
            shutil.chown(maildir / "tmp" / name, "mail", "mail")
        found = _MESSAGE_ID.search(raw)
        assert found is not None
        delivered[found[1].decode()] = time.monotonic()
        (maildir / "tmp" / name).rename(maildir / "new" / name)
    return delivered


def watch(database: Path, seen: dict[str, float], over: threading.Event) -> None:
    """Note when each new message can be read by somebody else."""
    last = 0
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        while not over.wait(LOOK_EVERY):
            rows = connection.execute("SELECT id, message_id FROM copies WHERE id > ? ORDER BY id", (last,)).fetchall()
            now = time.monotonic()
            for last, message_id in rows:  # noqa: B007  where the next look begins
                seen[f"<{str(message_id).strip('<>')}>"] = now


def stored(database: Path) -> int:
    """How many messages are."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM copies").fetchone()[0])


def idling(server: Path, users: list[DovecotUser]) -> bool:
    """Whether each has had its three logins: one to poll, one to idle on INBOX, and where there is no NOTIFY one on Junk."""
    return (server / "dovecot.log").read_text().count("Login: user=") >= 3 * len(users)
