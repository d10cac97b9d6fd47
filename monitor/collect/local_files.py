"""Local files: read mail that lies on this machine, and leave no mark on it."""

from __future__ import annotations

import os
import re
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from monitor.collect.dates import parse_date

_QUIET = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | getattr(os, "O_NOATIME", 0)
_RECEIVED = re.compile(rb"\A(?:[^\n]+\n)*?Received:((?:[^\n]|\n[ \t])*)", re.I)
_HEAD = 65_536


def open_quietly(path: Path, *, follow: bool) -> BinaryIO:
    """The file, to read from; OSError where that cannot be, or it is no regular file.

    Mail programs tell by the time of access whether somebody has read a mailbox: it stays as it is wherever that is allowed,
    which is to the file's owner. `follow`: a symbolic link is gone after.
    """
    flags = _QUIET | (0 if follow else os.O_NOFOLLOW)
    try:
        opened = os.open(path, flags)
    except PermissionError:
        opened = os.open(path, flags & ~getattr(os, "O_NOATIME", 0))
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(0, "is no regular file")
    return os.fdopen(opened, "rb")


def why(error: OSError) -> str:
    """What the system says of a file, for a person."""
    return error.strerror or type(error).__name__


def received_at(raw: bytes, now: datetime) -> datetime:
    """When the last server on the way got a message, by its topmost Received field (RFC 5321 §4.4), UTC.

    Now where it has none, or one that is still to come.
    """
    found = _RECEIVED.match(raw[:_HEAD])
    moment = parse_date(found[1].rpartition(b";")[2].decode("latin-1").strip()) if found else None
    return min(moment or now, now)


def moment_of(seconds: float, now: datetime) -> datetime:
    """Seconds since 1970 as a moment that is not after now; one that no calendar has is now."""
    try:
        return min(datetime.fromtimestamp(seconds, UTC), now)
    except (ValueError, OverflowError, OSError):
        return now
