"""IDLE as a state machine without a socket: bytes and moments in, bytes and news out (pure; RFC 2177).

Its reader keeps what has come of a line until the rest is there, reads news that stand in one packet with `+ idling`, and
skips literals. Moments are seconds of a monotonic clock.
"""

from __future__ import annotations

import re
from enum import Enum

LONGEST_LINE = 65_536
_NEWS = re.compile(rb"\* (?:\d+ (?:EXISTS|RECENT)\b|STATUS )", re.I)
"""STATUS is news of a folder that is not open (NOTIFY, RFC 5465)."""
_OVERFLOW = re.compile(rb"\* OK \[NOTIFICATIONOVERFLOW", re.I)
_LITERAL = re.compile(rb"\{(\d{1,9})\+?\}\Z")


class IdleEnded(Exception):  # noqa: N818  an end, whoever brings it about
    """This connection idles no more; why."""


class Phase(Enum):
    STARTING = "IDLE was sent, `+` is awaited"
    IDLING = "the server may send news"
    ENDING = "DONE was sent, its OK is awaited"


class IdleSession:
    """One connection with a folder open. It is renewed every `renew_every` seconds: that proves that the server still answers.

    A server has `timeout` seconds for each answer; where nothing comes any more (half-open connections), the renewal tells.
    """

    def __init__(self, *, timeout: float, renew_every: float, already: bytes = b"") -> None:
        """`already` is what came before IDLE was sent and was not yet read."""
        self._timeout, self._renew_every = timeout, renew_every
        self._phase = Phase.STARTING
        self._kept = already
        self._skip = 0
        self._within = False
        self._round = 0
        self._deadline = 0.0
        self.renewed = 0
        """How many round trips proved the connection alive."""

    def start(self, now: float) -> bytes:
        """Send this first."""
        self._round += 1
        self._phase, self._deadline = Phase.STARTING, now + self._timeout
        return b"I%d IDLE\r\n" % self._round

    def receive(self, data: bytes, now: float) -> tuple[bytes, bool]:
        """What to send in return, and whether there are news: the folder grew, or idling has just begun and a look is due.

        IdleEnded where the server ended it, or does not speak IMAP.
        """
        out, news = b"", False
        for line in self._lines(data):
            answer, told = self._take(line, now)
            out, news = out + answer, news or told
        return out, news

    def tick(self, now: float) -> bytes:
        """What to send because time has passed. IdleEnded where the server's time is over."""
        if now < self._deadline:
            return b""
        if self._phase is not Phase.IDLING:
            raise IdleEnded("the server does not answer")
        self._phase, self._deadline = Phase.ENDING, now + self._timeout
        return b"DONE\r\n"

    def _take(self, line: bytes, now: float) -> tuple[bytes, bool]:
        if line.startswith(b"+") and self._phase is Phase.STARTING:
            self._phase, self._deadline = Phase.IDLING, now + self._renew_every
            return b"", self._round == 1
        if line[:6].upper() == b"* BYE ":
            raise IdleEnded("the server said BYE")
        if _OVERFLOW.match(line):
            raise IdleEnded("the server tells of other folders no more")
        if line.startswith(b"* "):
            return b"", bool(_NEWS.match(line))
        if line.startswith(b"I%d " % self._round):
            if self._phase is not Phase.ENDING or not line.upper().startswith(b"I%d OK" % self._round):
                raise IdleEnded("the server does not let us idle")
            self.renewed += 1
            return self.start(now), False
        raise IdleEnded("the server does not speak IMAP as it should")

    def _lines(self, data: bytes) -> list[bytes]:
        """The lines that are whole by now, without CR LF; of one with literals only its beginning."""
        data = self._kept + data
        lines: list[bytes] = []
        while True:
            skipped = min(self._skip, len(data))
            data, self._skip = data[skipped:], self._skip - skipped
            line, ended, rest = data.partition(b"\n")
            if self._skip or not ended:
                break
            data, line = rest, line.rstrip(b"\r")
            if not self._within:
                lines.append(line)
            literal = _LITERAL.search(line)
            self._within = literal is not None
            self._skip = int(literal[1]) if literal else 0
        if len(data) > LONGEST_LINE:
            raise IdleEnded("the server sends a line without end")
        self._kept = data
        return lines
