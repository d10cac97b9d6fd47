"""The demo's three seed inboxes, and the folder in which each of them files a message."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from monitor.demo.archive import RECEIVER, ArchivedMail

INBOX = "INBOX"
JUNK = "Junk"


@dataclass(frozen=True, slots=True)
class Seed:
    """One seed inbox of the demo."""

    name: str
    group: Literal["quiet", "engaged"]
    files_junk: bool = False
    """True where some mail goes to Junk."""

    @property
    def user(self) -> str:
        return f"{self.name}@{RECEIVER}"


SEEDS = (Seed("replay-a", "quiet"), Seed("replay-b", "engaged"), Seed("replay-c", "quiet", files_junk=True))


def folder_for(seed: Seed, mail: ArchivedMail) -> str:
    """`INBOX`, or for every fifth message of a seed inbox that files junk, `Junk`: by a hash, so the same every time."""
    digest = hashlib.sha256(mail.message_id.encode()).digest()
    return JUNK if seed.files_junk and digest[0] % 5 == 0 else INBOX
