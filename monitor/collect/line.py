"""Line: an imaplib connection whose reading neither hangs nor swells, whatever the server does.

Seen of imaplib: its time-out is one for each packet, so that a server which drips a byte now and then holds a poll for ever;
a literal is given its memory before it has come; a line ends at a million bytes, which a large folder's SEARCH exceeds.
"""

from __future__ import annotations

import imaplib
import io
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any

from monitor.collect.fetch_reply import Fetched, read_fetched
from monitor.settings import Security

BUFFER = 32_768
"""Octets that each kept connection holds; a larger message is read past it."""
LONGEST_LINE = 16_000_000
"""A SEARCH answer of some two million UIDs."""
LEAST_RATE = 10_000
"""Bytes a second: a server that drips more slowly than this uses up its time-out."""
_ALERT = re.compile(rb"\S+ (?:OK|NO|BAD|BYE|PREAUTH) \[ALERT\]", re.I)
_LITERAL = re.compile(rb"\{(\d{1,12})\+?\}\r\n\Z")


class WireError(Exception):
    """The server broke the protocol, or our limits; the connection is of no more use."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where and how to connect."""

    host: str
    port: int
    security: Security
    context: ssl.SSLContext | None
    timeout: float
    """Seconds: for connecting, and for each command together with its answer (longer where much comes)."""
    most_bytes: int
    """A larger answer is refused before it is read."""


class Line(imaplib.IMAP4):
    """The part of imaplib that sends commands and reads answers, on a reader of our own."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._detached = False
        self.said: list[str] = []
        """The last status answer with an [ALERT] (RFC 9051 §7.1), whatever it answered."""
        self.begin()
        super().__init__(address.host, address.port)

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        """Connect; with Security.TLS before the first byte (RFC 8314 §3.2)."""
        self.sock = socket.create_connection((self._address.host, self._address.port), self._address.timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._address.security is Security.TLS:
                self._secure(self._address.context)
        except BaseException:
            self.sock.close()
            raise
        self._reader = io.BufferedReader(_Paced(self), BUFFER)

    def starttls(self, ssl_context: ssl.SSLContext | None = None) -> tuple[str, list[Any]]:  # type: ignore[override]
        """Turn to TLS. What came in clear text after the server's OK is thrown away: anybody may have put it there."""
        answer, text = self._simple_command("STARTTLS")
        if answer != "OK":
            raise self.error("the server does not start TLS")
        self._secure(ssl_context)
        self._reader = io.BufferedReader(_Paced(self), BUFFER)
        self._tls_established = True
        self._get_capabilities()
        return answer, text

    def _secure(self, context: ssl.SSLContext | None) -> None:
        if context is None:
            raise ValueError("TLS needs a context")
        self.sock.settimeout(self._address.timeout)
        self.sock = context.wrap_socket(self.sock, server_hostname=self._address.host)

    def begin(self) -> None:
        """A command begins: its time and its allowance of bytes count from here."""
        self._began = monotonic()
        self._received = 0

    def receive_into(self, buffer: memoryview) -> int | None:
        """What is there, at least a byte; 0 at the end. TimeoutError where the command's time is over."""
        if self._detached:
            return None
        left = self._began + self._address.timeout + self._received / LEAST_RATE - monotonic()
        if left <= 0:
            raise TimeoutError("the answer came too slowly")
        self.sock.settimeout(left)
        got = self.sock.recv_into(buffer)
        self._received += got
        if self._received > self._address.most_bytes:
            raise WireError(f"an answer of more than {self._address.most_bytes} bytes")
        return got

    def read(self, size: int) -> bytes:
        """A literal, whole."""
        if size > self._address.most_bytes:
            raise WireError(f"a literal of {size} bytes")
        data = self._reader.read(size)
        if len(data) < size:
            raise ConnectionAbortedError("the connection ended within a message")
        return data

    def readline(self) -> bytes:
        """A line with its CR LF."""
        line = self._reader.readline(LONGEST_LINE)
        if len(line) == LONGEST_LINE:
            raise WireError(f"a line of {LONGEST_LINE} bytes or more")
        if not line.endswith(b"\n"):
            raise ConnectionAbortedError("the connection ended")
        if b"[" in line[:60] and _ALERT.match(line):
            self.said = [line[:1000].decode("utf-8", "replace")]
        return line

    def shutdown(self) -> None:
        """Close at once."""
        self.sock.close()

    def detach(self) -> tuple[socket.socket, bytes]:
        """The socket, for a reader of someone else's, and what has come and was not yet read."""
        self._detached = True
        return self.sock, self._reader.peek()

    def uid_fetch(self, uids: str, items: str) -> Iterator[Fetched]:
        """Send UID FETCH and read the answers one by one; other untagged answers are passed over."""
        for texts, literals in self.untagged("FETCH", uids, items):
            if (fetched := read_fetched(texts, literals)) is not None:
                yield fetched

    def untagged(self, name: str, *arguments: str) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Send a command of UID and read its untagged answers one by one, each as its texts and the literals between them.

        BYE and a refusal raise imaplib's own errors.
        """
        tag = self._command("UID", name, *arguments)
        try:
            while not (line := self.readline()).startswith(tag + b" "):
                if not line.startswith(b"* "):
                    raise WireError(f"an unexpected answer to {name}: {line[:40]!r}")
                if line[2:5].upper() == b"BYE":
                    self.untagged_responses.setdefault("BYE", []).append(line[6:].rstrip())
                    raise self.abort("BYE")
                yield self._whole(line)
            if line[len(tag) + 1 :][:2].upper() != b"OK":
                raise self.error(f"{name} {line[len(tag) + 1 :][:200].decode('latin-1').rstrip()}")
        finally:
            self.tagged_commands.pop(tag, None)

    def _whole(self, line: bytes) -> tuple[list[bytes], list[bytes]]:
        """The texts and literals of the answer that begins with this line."""
        texts: list[bytes] = []
        literals: list[bytes] = []
        while (announced := _LITERAL.search(line)) is not None:
            texts.append(line[: announced.start()])
            literals.append(self.read(int(announced[1])))
            line = self.readline()
        return [*texts, line], literals


class _Paced(io.RawIOBase):
    """The bytes of a Line as a raw stream."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        return self._line.receive_into(buffer)
