"""Folders: which of an inbox's can hold list mail, and what each is for (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

JUNK_NAMES = frozenset({"junk", "spam", "junk e-mail", "junk email", "bulk", "bulk mail", "inbox.junk", "inbox.spam"})
"""How servers without SPECIAL-USE call it (Dovecot and Cyrus set-ups, Outlook, Yahoo), lower-case."""
TRASH_NAMES = frozenset({"trash", "deleted", "deleted items", "deleted messages", "inbox.trash"})
OWN_NAMES = frozenset({"sent", "sent items", "sent messages", "drafts", "templates", "outbox", "inbox.sent", "inbox.drafts"})
"""Folders of what the owner writes: no list mail arrives there."""
TABS = frozenset({"promotions", "updates", "social", "forums"})
"""Names under which rules or webmail file bulk mail; with Gmail's IMAP the tabs stay within INBOX, see `Connection.in_tabs`."""

_BY_USE = {b"\\junk": "JUNK", b"\\trash": "TRASH", b"\\archive": "ARCHIVE", b"\\all": "ALL"}
_UNUSABLE = frozenset({b"\\noselect", b"\\nonexistent"})
_OWN_USES = frozenset({b"\\sent", b"\\drafts", b"\\flagged", b"\\important"})


@dataclass(frozen=True, slots=True)
class Folder:
    """One mailbox of a LIST answer (RFC 9051 §6.3.9)."""

    name: str
    role: str


def role_of(name: str, flags: Iterable[bytes], delimiter: str | None) -> str | None:
    """`INBOX`, `JUNK`, `TAB:promotions`, `TRASH`, `ARCHIVE`, `ALL` or `OTHER`; None where no list mail can be.

    SPECIAL-USE (RFC 6154) says it; on a server without it the usual names do.
    """
    uses = {flag.lower() for flag in flags}
    if uses & (_UNUSABLE | _OWN_USES):
        return None
    if name.upper() == "INBOX":
        return "INBOX"
    for use, role in _BY_USE.items():
        if use in uses:
            return role
    lower = name.lower()
    leaf = lower.rsplit(delimiter, 1)[-1] if delimiter else lower
    if {lower, leaf} & OWN_NAMES:
        return None
    if {lower, leaf} & JUNK_NAMES:
        return "JUNK"
    if {lower, leaf} & TRASH_NAMES:
        return "TRASH"
    return f"TAB:{leaf}" if leaf in TABS else "OTHER"


def which_folders(listing: Iterable[tuple[Iterable[bytes], str | None, str]], wanted: Iterable[str] | None) -> list[Folder]:
    """The folders to read, INBOX and Junk first: all that can hold list mail, or those that the settings name.

    Trash is left out (mail comes there by a person's hand), and so is Gmail's All Mail: its messages lie in the other
    folders too. `wanted` names that the server does not list are not in the answer.
    """
    named = None if wanted is None else {name.upper() if name.upper() == "INBOX" else name for name in wanted}
    found = []
    for flags, delimiter, name in listing:
        role = role_of(name, flags, delimiter)
        if named is not None:
            if (name.upper() if name.upper() == "INBOX" else name) in named:
                found.append(Folder(name, role or "OTHER"))
        elif role is not None and role not in ("TRASH", "ALL"):
            found.append(Folder(name, role))
    first = {"INBOX": 0, "JUNK": 1}
    return sorted(found, key=lambda folder: (first.get(folder.role, 2), folder.name))
