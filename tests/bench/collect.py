"""Collecting: our reading of IMAP against a raw socket that discards the same bytes, on a real Dovecot in the same run."""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path

from monitor.app.garbage import leave_aside
from monitor.app.helpers import spare_cores
from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.app.reading_ahead import ReadingAhead
from monitor.clock import SystemClock
from monitor.collect.connecting import Access
from monitor.collect.imap import ImapInbox
from monitor.model import Checkpoint, FolderVisit, RawMessage
from monitor.settings import Security, Settings
from monitor.store.store import Store
from tests.collect.looking import unstored
from tests.servers.dovecot import MISSING, Dovecot, DovecotUser, running_dovecot
from tests.servers.process import wait_for

MESSAGES = 2000
HEADERS = 5000
"""Messages of which headers alone are read: enough for what is beside each other to be beside each other most of the time."""
BATCH = 500
ROUNDS = 3
NOW = datetime.now(UTC)
OWN = (b"message-id:", b"subject:", b"date:")
EXAMPLES = Path(__file__).parents[1] / "data/messages"


def run() -> list[str]:
    if shutil.which("dovecot", path="/usr/sbin:/usr/bin:/usr/local/sbin") is None:
        return [MISSING]
    with running_dovecot() as server:
        return measured(server)


def measured(server: Dovecot) -> list[str]:
    """The lines of the report; rates are medians of some rounds, ratios are to the raw socket's."""
    user, long = server.user(), server.user()
    user.deliver_all(made_messages(MESSAGES), each_at=moments(MESSAGES))
    long.deliver_all(made_messages(HEADERS), each_at=moments(HEADERS))
    raw_headers = rate(lambda: discard(long, "BODY.PEEK[HEADER]", HEADERS))
    raw_whole = rate(lambda: discard(user, "BODY.PEEK[]", MESSAGES))
    fetch = rate(lambda: fetch_headers(long))
    whole = rate(lambda: visit(user))
    stored = stored_rate(lambda reader, kept: store(user, reader, kept))
    line, both = header_rate(long, helpers=0), header_rate(long, helpers=spare_cores())
    others = [
        f"{name}, whole messages into a Maildir:{' ' * (13 - len(name))}{r:7.0f}/s; ours is {stored / r:.2f} of it"
        for name, r in peers(user)
    ]
    return [
        f"{HEADERS} messages of real headers ({MESSAGES} whole), {BATCH} a FETCH, plain connection, median of {ROUNDS}",
        f"raw socket, headers discarded:           {raw_headers:7.0f}/s",
        f"headers fetched:                         {fetch:7.0f}/s = {fetch / raw_headers:.2f} of raw",
        f"headers fetched to stored, one process:  {line:7.0f}/s = {line / raw_headers:.3f} of raw",
        f"headers fetched to stored, both cores:   {both:7.0f}/s = {both / raw_headers:.3f} of raw",
        f"raw socket, whole messages discarded:    {raw_whole:7.0f}/s",
        f"whole messages collected:                {whole:7.0f}/s = {whole / raw_whole:.2f} of raw",
        f"whole messages to stored with originals: {stored:7.0f}/s = {stored / raw_whole:.3f} of raw",
        *others,
    ]


def rate(work: Callable[[], int]) -> float:
    """Messages a second."""
    return statistics.median(timed(work) for _ in range(ROUNDS))


def stored_rate(work: Callable[[Reader, Store], int]) -> float:
    """The same with a reader that has loaded its signatures, and a new store each time."""
    settings = Settings()
    reader = Reader(load_identifier(settings), settings)
    work_off = reader.read_one(RawMessage("a", "INBOX", "INBOX", 1, 1, NOW, NOW, made_messages(1)[0], 1))
    assert work_off.key is not None
    rates = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            kept = Store.open(f"sqlite:///{folder}/db", Path(folder) / "originals")
            rates.append(timed(partial(work, reader, kept)))
            kept.close()
    return statistics.median(rates)


def header_rate(user: DovecotUser, helpers: int) -> float:
    """The same of headers; helpers have begun before."""
    settings = Settings()
    ahead = ReadingAhead(Reader(load_identifier(settings), settings), helpers)
    try:
        leave_aside()  # as the service does before its first look
        if helpers:
            wait_for(lambda: is_helped(user, ahead), lambda: "no helper began")
        return stored_rate(lambda _, kept: store_headers(user, ahead, kept))
    finally:
        ahead.close()


def is_helped(user: DovecotUser, ahead: ReadingAhead) -> bool:
    """Whether any of a batch was read by a helper."""
    return any(copy.document for _, copies in ahead.read([first_visit(user)]) for copy in copies)


def timed(work: Callable[[], int]) -> float:
    """What it says to have done, a second."""
    begun = time.perf_counter()
    return work() / (time.perf_counter() - begun)


def made_messages(count: int) -> list[bytes]:
    """The example messages over and over, each with a Message-ID, a subject and a Date of its own, a minute apart."""
    examples = [file.read_bytes().replace(b"\r\n", b"\n") for file in sorted(EXAMPLES.rglob("*.eml"))]
    examples = [raw for raw in examples if 1500 < len(raw) < 60_000]
    made = []
    for number, at in enumerate(moments(count)):
        lines = [line for line in examples[number % len(examples)].split(b"\n") if not line.lower().startswith(OWN)]
        date = format_datetime(at).encode()
        own = (b"Message-ID: <%d@bench.example>", b"Subject: Number %d before midnight")
        made.append(b"\r\n".join([*(field % number for field in own), b"Date: " + date, *lines]))
    return made


def moments(count: int) -> list[datetime]:
    """When each of so many messages was sent and delivered."""
    return [NOW - timedelta(minutes=count - number) for number in range(count)]


def discard(user: DovecotUser, item: str, messages: int) -> int:
    """Ask for it in batches and throw the answers away unread, but for the end of each."""
    with socket.create_connection(("127.0.0.1", user.server.port)) as sock:
        stream = sock.makefile("rb")
        stream.readline()
        sock.sendall(f"a LOGIN {user.name} {user.password}\r\nb EXAMINE INBOX\r\n".encode())
        while not stream.readline().startswith(b"b OK"):
            pass
        for first in range(1, messages + 1, BATCH):
            sock.sendall(f"c UID FETCH {first}:{first + BATCH - 1} (UID INTERNALDATE RFC822.SIZE {item})\r\n".encode())
            tail = b""
            while b"\r\nc OK" not in tail:
                tail = tail[-100:] + sock.recv(262_144)
    return messages


def fetch_headers(user: DovecotUser) -> int:
    access = Access(user.settings(security=Security.PLAIN), user.password, 60, most_bytes=200_000_000)
    connection = access.log_in()
    connection.examine("INBOX")
    uids = connection.uids_from(1)
    count = 0
    for start in range(0, len(uids), BATCH):
        found = connection.fetch(uids[start : start + BATCH], "INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER]")
        count += sum(got.body is not None for got in found.values())
    connection.logout()
    return count


def store_headers(user: DovecotUser, ahead: ReadingAhead, kept: Store) -> int:
    """Fetch headers, parse, identify, group, store on SQLite."""
    new = sum(kept.save_visit(visit, copies).new_copies for visit, copies in ahead.read(header_visits(user)))
    assert new == HEADERS, new
    return new


def first_visit(user: DovecotUser) -> FolderVisit:
    return next(header_visits(user))


def header_visits(user: DovecotUser) -> Iterator[FolderVisit]:
    access = Access(user.settings(security=Security.PLAIN), user.password, 60, most_bytes=200_000_000)
    connection = access.log_in()
    validity = connection.examine("INBOX").uidvalidity
    now = datetime.now(UTC)
    for first in range(1, HEADERS + 1, BATCH):
        found = connection.fetch(range(first, first + BATCH), "INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER]")
        raws = tuple(
            RawMessage("a", "INBOX", "INBOX", validity, uid, got.internaldate or now, now, got.body or b"", got.size or 0)
            for uid, got in sorted(found.items())
        )
        yield FolderVisit("a", "INBOX", "INBOX", now, Checkpoint("INBOX", validity, raws[-1].uid, now), (), raws)
    connection.logout()


def peers(user: DovecotUser) -> list[tuple[str, float]]:
    """Other programs that fetch the same mailbox into a Maildir, where they are installed (Debian: isync, getmail6)."""
    known = {"mbsync": mbsync, "getmail": getmail}
    return [(name, timed(partial(run, user))) for name, run in known.items() if shutil.which(name)]


def mbsync(user: DovecotUser) -> int:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rc").write_text(
            f"IMAPAccount a\nHost 127.0.0.1\nPort {user.server.port}\nUser {user.name}\nPass {user.password}\nSSLType None\n"
            f"AuthMechs LOGIN\n\nIMAPStore far\nAccount a\n\nMaildirStore near\nPath {folder}/\nInbox {folder}/INBOX\n\n"
            f"Channel c\nFar :far:INBOX\nNear :near:INBOX\nCreate Near\nSync Pull\nSyncState {folder}/state\n"
        )
        subprocess.run(["mbsync", "-c", f"{folder}/rc", "c"], check=True, capture_output=True)
        return sum(1 for part in ("cur", "new") for _ in (Path(folder) / "INBOX" / part).iterdir())


def getmail(user: DovecotUser) -> int:
    with tempfile.TemporaryDirectory() as folder:
        for part in ("cur", "new", "tmp"):
            (Path(folder) / "mail" / part).mkdir(parents=True)
        if os.geteuid() == 0:
            Path(folder).chmod(0o755)
            for path in (Path(folder) / "mail", *(Path(folder) / "mail").iterdir()):
                shutil.chown(path, "mail", "mail")
        (Path(folder) / "rc").write_text(
            f"[retriever]\ntype = SimpleIMAPRetriever\nserver = 127.0.0.1\nport = {user.server.port}\nusername = {user.name}\n"
            f"password = {user.password}\n[destination]\ntype = Maildir\npath = {folder}/mail/\n"
            + ("user = mail\n" if os.geteuid() == 0 else "")  # it delivers nothing as root
            + "[options]\nread_all = true\ndelete = false\nverbose = 0\n"
        )
        subprocess.run(["getmail", "--getmaildir", folder, "--rcfile", "rc"], check=True, capture_output=True)
        return sum(1 for _ in (Path(folder) / "mail/new").iterdir())


def visit(user: DovecotUser) -> int:
    return sum(len(result.messages) for result in _inbox(user).visit({}, SystemClock()) if isinstance(result, FolderVisit))


def store(user: DovecotUser, reader: Reader, kept: Store) -> int:
    """The way of the service: whole messages, originals kept, checkpoint and coverage with them."""
    new = 0
    for result in _inbox(user).visit({}, SystemClock()):
        if isinstance(result, FolderVisit):
            new += kept.save_visit(result, reader.read(result.messages)).new_copies
    return new


def _inbox(user: DovecotUser) -> ImapInbox:
    minute = timedelta(minutes=1)
    settings = user.settings(security=Security.PLAIN)
    return unstored(settings, user.password, timeout=minute, max_message_bytes=1_000_000, poll_every=minute)
