"""A small IMAP server that misbehaves as a test wants: cuts, drips, lies, refuses. It knows what a read-only client asks.

Each test changes one answer or one way of sending; all else is what a sober server would do.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from monitor.collect.plan import FolderState, uid_set
from monitor.settings import InboxSettings, Security

HOST = "127.0.0.1"
DAY = date(2021, 1, 6)
Spoil = Callable[[str, bytes], bytes | None]
"""(command, the right answer) → the answer that is sent; None: hang up."""


@dataclass
class Box:
    """One folder: UID → message."""

    messages: dict[int, bytes]
    uidvalidity: int = 7
    flags: str = ""
    tabs: dict[int, str] = field(default_factory=dict)
    """UID → Gmail's tab (X-GM-EXT-1)."""
    days: dict[int, date] = field(default_factory=dict)
    """UID → the day of its delivery, where that is not 6 January 2021."""

    @property
    def state(self) -> FolderState:
        return FolderState(self.uidvalidity, max(self.messages, default=0) + 1, messages=len(self.messages))


@dataclass
class ScriptedImap:
    """The server; `asked` keeps every command line without its tag."""

    boxes: dict[str, Box]
    spoil: Spoil = lambda _command, answer: answer
    greeting: bytes = b"* OK ready\r\n"
    capabilities: str = "IMAP4rev1 UNSELECT"
    cut_after: int | None = None
    """Hang up after so many bytes of a session."""
    drip: float = 0
    """Seconds between two bytes."""
    asked: list[str] = field(default_factory=list)
    sent: int = 0
    """Bytes of the last session."""
    selected: str = ""
    port: int = 0

    def settings(self, security: Security = Security.PLAIN) -> InboxSettings:
        return InboxSettings(
            name="seed", host=HOST, port=self.port, security=security, user="reader@seed.example", password_env="UNUSED"
        )

    def serve(self, connection: socket.socket) -> None:
        """One session."""
        self.sent = 0
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, suppress(OSError, EOFError):
            self._send(connection, self.greeting)
            for line in connection.makefile("rb"):
                tag, _, rest = line.decode("latin-1").rstrip("\r\n").partition(" ")
                rest = rest or tag  # DONE has no tag
                self.asked.append(rest)
                command = " ".join(rest.upper().split()[: 2 if rest.upper().startswith("UID") else 1])
                if command == "EXAMINE":
                    self.selected = rest.split(" ", 1)[1].strip('"')
                answer = self.spoil(command, self._answer(tag, command, rest))
                if answer is None:
                    return
                self._send(connection, answer)
                if command == "LOGOUT":
                    return

    def _answer(self, tag: str, command: str, rest: str) -> bytes:
        done = f"{tag} OK {command} done\r\n".encode()
        box = self.boxes.get(self.selected)
        match command:
            case "CAPABILITY":
                return f"* CAPABILITY {self.capabilities}\r\n".encode() + done
            case "LIST":
                return b"".join(f'* LIST ({b.flags}) "/" "{name}"\r\n'.encode() for name, b in self.boxes.items()) + done
            case "STATUS":
                name = rest.split(" ")[1].strip('"')
                if name not in self.boxes:
                    return f"{tag} NO [NONEXISTENT] no such folder\r\n".encode()
                state = self.boxes[name].state
                numbers = f"UIDVALIDITY {state.uidvalidity} UIDNEXT {state.uidnext} MESSAGES {state.messages}"
                return f'* STATUS "{name}" ({numbers})\r\n'.encode() + done
            case "EXAMINE":
                assert box is not None
                head = f"* {len(box.messages)} EXISTS\r\n* 0 RECENT\r\n* FLAGS ()\r\n"
                codes = f"* OK [UIDVALIDITY {box.state.uidvalidity}] x\r\n* OK [UIDNEXT {box.state.uidnext}] x\r\n"
                return (head + codes + f"{tag} OK [READ-ONLY] done\r\n").encode()
            case "UID SEARCH":
                assert box is not None
                found = searched(box, rest)
                if "RETURN (ALL)" in rest:
                    return f'* ESEARCH (TAG "{tag}") UID ALL {uid_set(found)}\r\n'.encode() + done
                return f"* SEARCH {' '.join(map(str, found))}\r\n".encode() + done
            case "UID FETCH":
                assert box is not None
                return b"".join(fetched(box, uid, rest) for uid in uids_in(rest.split(" ")[2], box)) + done
            case "LOGOUT":
                return b"* BYE see you\r\n" + done
            case _:
                return done

    def _send(self, connection: socket.socket, data: bytes) -> None:
        for part in (data,) if not self.drip else (data[i : i + 1] for i in range(len(data))):
            left = len(part) if self.cut_after is None else max(self.cut_after - self.sent, 0)
            connection.sendall(part[:left])
            self.sent += len(part[:left])
            if left < len(part):
                raise EOFError
            if self.drip:
                time.sleep(self.drip)


def uids_in(text: str, box: Box) -> list[int]:
    """The UIDs of a sequence set that are there; `*` is the last one (RFC 9051 §9, seq-range)."""
    last = max(box.messages, default=0)
    found = set[int]()
    for part in text.split(","):
        first, _, end = part.partition(":")
        ends = [last if e == "*" else int(e) for e in (first, end or first)]
        found |= {uid for uid in box.messages if min(ends) <= uid <= max(ends)}
    return sorted(found)


def searched(box: Box, asked: str) -> list[int]:
    """The UIDs that fit a search of UIDs, days and tabs."""
    found = uids_in(said[1], box) if (said := re.search(r"\bUID ([\d:,*]+)", asked)) else sorted(box.messages)
    if said := re.search(r" SINCE (\S+)", asked):
        since = datetime.strptime(said[1], "%d-%b-%Y").replace(tzinfo=UTC).date()
        found = [uid for uid in found if box.days.get(uid, DAY) >= since]
    if said := re.search(r" X-GM-RAW category:(\w+)", asked):
        found = [uid for uid in found if box.tabs.get(uid) == said[1]]
    return found


def fetched(box: Box, uid: int, asked: str) -> bytes:
    """One FETCH answer with what was asked for."""
    raw, day = box.messages[uid], box.days.get(uid, DAY)
    items = f'* {uid} FETCH (UID {uid} RFC822.SIZE {len(raw)} INTERNALDATE "{day:%d-%b-%Y} 18:22:46 +0000"'.encode()
    if "BODY.PEEK" not in asked:
        return items + b")\r\n"
    part, section = re.search(r"<0\.(\d+)>", asked), b"HEADER" if "[HEADER]" in asked else b""
    whole = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if section else raw
    body = whole[: int(part[1])] if part else whole
    return items + b" BODY[%b]%b {%d}\r\n%b)\r\n" % (section, b"<0>" if part else b"", len(body), body)


@contextmanager
def scripted(server: ScriptedImap) -> Iterator[ScriptedImap]:
    """The server on a free port of loopback, one thread a session, until the end."""
    with socket.create_server((HOST, 0), backlog=64) as listener:
        server.port = listener.getsockname()[1]

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=server.serve, args=(listener.accept()[0],), daemon=True).start()

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join(10)
