"""Wire: one IMAP connection with a small typed face; the one file that knows IMAPClient, which has no types of its own.

With `line.py` it also is the one that uses private names of IMAPClient and imaplib, which gives four times the rate; a test
notices when one of them changes.
"""

from __future__ import annotations

import imaplib
import re
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, TypeVar

from imapclient import IMAPClient, exceptions

from monitor.collect.fetch_reply import Fetched
from monitor.collect.line import Address, Line, WireError
from monitor.collect.plan import FolderState, not_among, read_uid_set, uid_set
from monitor.collect.quota import alert_in, fullest
from monitor.collect.sasl import MECHANISMS, BearerLogin
from monitor.model import Quota, UidRange
from monitor.settings import Security

T = TypeVar("T")


class RefusedError(Exception):
    """The server said NO or BAD to one command; the connection is still of use."""


class ByeError(Exception):
    """The server ended the connection with a word of its own."""


FAULTS = (OSError, WireError, RefusedError, ByeError)
"""What any command may raise; TimeoutError and ssl.SSLError are OSErrors."""
_ESEARCH = re.compile(rb"\* ESEARCH\b.* ALL ([0-9:,]+)", re.I)
_VANISHED = re.compile(rb"\* VANISHED \(EARLIER\) ([0-9:,]+)", re.I)
GMAIL_TABS = ("promotions", "social", "updates", "forums")
RUBBISH = (ValueError, LookupError, TypeError, AttributeError, AssertionError)
"""What a garbled answer makes of the libraries' parsers."""


class Connection:
    """One connection, read-only: EXAMINE and BODY.PEEK leave no mark on a message (RFC 9051 §6.3.3, §6.4.5)."""

    def __init__(self, address: Address) -> None:
        """Connect, and turn to TLS where the address says so."""
        self._address = address
        self._client: Any = _translate(lambda: _Client(address), None)
        self._client.normalise_times = False
        self._line: Line = self._client._imap
        self._line.debug = 0  # IMAPClient's 5 formats every answer for a log that nobody reads
        self.tells_vanished = self._is_open = False
        if address.security is Security.STARTTLS:
            try:
                self._ask(lambda: self._client.starttls(address.context))
            except BaseException:
                self.drop()
                raise

    def login(self, user: str, password: str) -> None:
        """RefusedError where the server does not let us in. What is not ASCII goes through SASL PLAIN (RFC 4616)."""
        if (user + password).isascii() and not self.offers("LOGINDISABLED"):
            self._ask(lambda: self._client.login(user, password))
        else:
            self._ask(lambda: self._client.plain_login(user, password))

    def alert(self) -> str | None:
        """What the server wants its owner to read: the last [ALERT] that it has said over this connection."""
        return alert_in(self._line.said)

    def quota(self) -> Quota | None:
        """How full the mailbox is; None where the server does not say so that one understands it (QUOTA, RFC 9208)."""
        if not self.offers("QUOTA"):
            return None
        try:
            return self._ask(self._fullest)
        except RefusedError:
            return None

    def _fullest(self) -> Quota | None:
        """Mail can be read all the same where the answer makes no sense."""
        try:
            _, found = self._client.get_quota_root("INBOX")
            return fullest((str(q.resource), int(q.usage), int(q.limit)) for q in found)
        except RUBBISH:
            return None

    def login_by_token(self, user: str, token: str) -> None:
        """By OAuth (RFC 7628). RefusedError holds the server's word for why, and never the token."""
        mechanism = next((m for m in MECHANISMS if self.offers(f"AUTH={m}")), None)
        if mechanism is None:
            raise RefusedError("it takes no access tokens (it offers neither OAUTHBEARER nor XOAUTH2)")
        login = BearerLogin(mechanism, user, token, self._address.host, self._address.port)
        try:
            self._ask(lambda: self._line.authenticate(mechanism, login.answer))
        except RefusedError as error:
            why = f" ({login.refusal})" if login.refusal else ""
            raise RefusedError(f"{str(error).replace(token, '…')}{why}") from None

    def offers(self, capability: str) -> bool:
        """Whether the server names this extension."""
        return bool(self._ask(lambda: self._client.has_capability(capability)))

    def folders(self) -> list[tuple[tuple[bytes, ...], str | None, str]]:
        """(flags, delimiter, name) of each folder; names that no command can carry are left out."""
        return [
            (tuple(flags), delimiter.decode("ascii", "replace") if delimiter else None, str(name))
            for flags, delimiter, name in self._ask(self._client.list_folders)
            if str(name).isprintable()
        ]

    def status(self, folder: str) -> FolderState:
        """How a folder stands, without opening it. One that a look was broken off in is closed before."""
        self.leave()
        items = ["UIDVALIDITY", "UIDNEXT", "MESSAGES", *(["HIGHESTMODSEQ"] if self.offers("CONDSTORE") else [])]
        return _folder_state(self._ask(lambda: self._client.folder_status(folder, items)))

    def examine(self, folder: str) -> FolderState:
        """Open a folder read-only."""
        self._is_open = False
        answer = self._ask(lambda: self._client.select_folder(folder, readonly=True))
        self._is_open = True
        return _folder_state(answer)

    def leave(self) -> None:
        """Close the open folder where the server can without CLOSE (UNSELECT, RFC 3691): STATUS is for folders that are not open.

        CLOSE would do, as EXAMINE expunges nothing, but there are servers that refuse it after EXAMINE (pymap 0.36).
        """
        if self._is_open and self.offers("UNSELECT"):
            self._is_open = False
            self._ask(self._client.unselect_folder)

    def uids_from(self, first: int) -> tuple[int, ...]:
        """The UIDs that are there from `first` on, ascending.

        `n:*` always names the last message too, even if n is above every UID (RFC 9051 §6.4.8).
        """
        found = self._ask(lambda: self._client.search(["UID", f"{first}:*"]))
        return tuple(sorted({uid for uid in found if uid >= first}))

    def uids_among(self, uids: Collection[int]) -> tuple[int, ...]:
        """Which of these are there, ascending."""
        found = self._ask(lambda: self._client.search(["UID", uid_set(sorted(uids))])) if uids else []
        return tuple(sorted(set(found) & set(uids)))

    def in_tabs(self, uids: Collection[int]) -> dict[int, str]:
        """UID → Gmail's tab, of these messages in the open inbox; those of the first tab, and of other servers, are left out.

        By Gmail's own search (X-GM-EXT-1 with its web search's `category:`): FETCH gives labels, and tabs are none.
        """
        if not uids or not self.offers("X-GM-EXT-1"):
            return {}
        found = self._by_tab(["UID", uid_set(sorted(uids))]) or {}  # where nobody knows of tabs, the message lies in the inbox
        return {uid: tab for uid, tab in found.items() if uid in uids}

    def tabs_since(self, day: date) -> dict[int, str | None]:
        """UID → Gmail's tab (None: the first), of the messages in the open inbox that were delivered on that day or later.

        Empty where the server does not tell. Five commands, whose answers hold numbers only.
        """
        if not self.offers("X-GM-EXT-1"):
            return {}
        recent = self._ask(lambda: self._client.search(["SINCE", day]))
        found = self._by_tab(["SINCE", day]) if recent else None
        return {uid: found.get(uid) for uid in recent} if found is not None else {}

    def _by_tab(self, criteria: list[object]) -> dict[int, str] | None:
        """UID → tab, of the messages that fit; None where the server knows no tabs."""
        tabs: dict[int, str] = {}
        for tab in GMAIL_TABS:
            asked = partial(self._client.search, [*criteria, "X-GM-RAW", f"category:{tab}"])
            try:
                found = self._ask(asked)
            except RefusedError:
                return None
            for uid in found:
                tabs.setdefault(uid, tab)
        return tabs

    def absent(self, last: int) -> tuple[UidRange, ...]:
        """The ranges of 1 … `last` in which no message lies; by a compact answer where the server can (ESEARCH, RFC 4731)."""
        if not self.offers("ESEARCH"):
            found = sorted(set(self._ask(lambda: self._client.search(["UID", f"1:{last}"]))))
            return not_among(((uid, uid) for uid in found), last)
        return not_among(self._ranges(_ESEARCH, "SEARCH", f"RETURN (ALL) UID 1:{last}"), last)

    def enable_qresync(self) -> None:
        """Let the server tell which messages vanished (RFC 7162), where it can; before any folder is opened."""
        if self.offers("QRESYNC") and self.offers("ENABLE"):
            enabled = self._ask(lambda: self._client.enable("QRESYNC"))
            self.tells_vanished = b"QRESYNC" in {name.upper() for name in enabled}

    def vanished(self, last: int, modseq: int) -> tuple[UidRange, ...]:
        """What vanished of 1 … `last` after this mod-sequence; only where `tells_vanished`."""
        return self._ranges(_VANISHED, "FETCH", f"1:{last}", f"(UID) (CHANGEDSINCE {modseq} VANISHED)")

    def _ranges(self, wanted: re.Pattern[bytes], *command: str) -> tuple[UidRange, ...]:
        """The sequence sets in those untagged answers to a command of UID that are wanted."""
        answers = self._ask(lambda: [texts[0] for texts, _ in self._line.untagged(*command)])
        sets = [found[1].decode("ascii") for answer in answers if (found := wanted.match(answer))]
        return _translate(lambda: read_uid_set(",".join(sets)), None)

    def fetch(self, uids: Collection[int], items: str) -> Mapping[int, Fetched]:
        """What the server gave for each of these UIDs; others that it names, and repeats, are left out."""
        wanted = set(uids)
        found: dict[int, Fetched] = {}
        for got in self._ask(lambda: list(self._line.uid_fetch(uid_set(sorted(wanted)), f"(UID {items})"))):
            if got.uid in wanted:
                found.setdefault(got.uid, got)
        return found

    def noop(self) -> None:
        """A round trip: the connection and the session are alive."""
        self._ask(self._client.noop)

    def notify(self, others: Sequence[str]) -> bool:
        """Ask for news of the open folder and of these others on this connection (RFC 5465); False where the server does not.

        Of all folders where one has a name that is not ASCII: Dovecot 2.3 takes such a name and never tells of it.
        """
        if not self.offers("NOTIFY"):
            return False
        events = "(MessageNew MessageExpunge)"
        wanted = f"(SELECTED {events})"
        if not all(name.isascii() for name in others):
            wanted += f" (PERSONAL {events})"
        elif others:
            names = " ".join(self._client._normalise_folder(name).decode("ascii") for name in others)
            wanted += f" (MAILBOXES ({names}) {events})"
        try:
            answer, _ = self._ask(lambda: self._line.xatom("NOTIFY", f"SET {wanted}"))
        except RefusedError:
            return False
        return bool(answer == "OK")

    def detach(self) -> tuple[socket.socket, bytes]:
        """The socket, for IDLE, and what has come and was not yet read. The connection is of no more use to anyone else."""
        return self._line.detach()

    def logout(self) -> None:
        """Say good-bye and close, whatever the server does."""
        try:
            self._ask(self._client.logout)
        except FAULTS:
            self.drop()

    def drop(self) -> None:
        """Close without a word."""
        self._line.shutdown()

    def _ask(self, command: Callable[[], T]) -> T:
        self._line.begin()
        return _translate(command, self._line)


class _Client(IMAPClient):  # type: ignore[misc]
    def __init__(self, address: Address) -> None:
        self._address = address
        super().__init__(address.host, address.port, ssl=address.security is Security.TLS, timeout=address.timeout)

    def _create_IMAP4(self) -> Line:  # noqa: N802  IMAPClient's name
        return Line(self._address)


def _translate(command: Callable[[], T], line: Line | None) -> T:
    """Run it; the libraries' errors become ours."""
    try:
        return command()
    except OSError:  # a certificate that is not trusted is a ValueError as well
        raise
    except imaplib.IMAP4.error as error:
        raise _as_ours(error, line) from error
    except RUBBISH as error:
        raise WireError(f"an answer that makes no sense ({type(error).__name__})") from error


def _as_ours(error: imaplib.IMAP4.error, line: Line | None) -> Exception:
    """imaplib has `abort` for an end of the connection and `error` for all else; IMAPClient's LoginError hides either."""
    origin = error.__context__ if isinstance(error, exceptions.LoginError) else error
    text = str(error)
    if isinstance(origin, imaplib.IMAP4.abort):
        bye: list[Any] | None = line.untagged_responses.get("BYE") if line else None
        if bye:
            return ByeError(str(bye[-1], "latin-1"))
        return ConnectionAbortedError("the connection ended") if "socket error" in text else WireError(text)
    if isinstance(error, exceptions.ProtocolError):
        return WireError(text)
    if error.args and isinstance(error.args[0], bytes) and line is None:  # the greeting: imaplib's `error(self.welcome)`
        return ByeError(error.args[0].decode("latin-1"))
    return RefusedError(text)


def _folder_state(answer: Mapping[bytes, Any]) -> FolderState:
    """From an answer to STATUS or EXAMINE; WireError where it gives no UIDVALIDITY."""
    keys = (b"UIDVALIDITY", b"UIDNEXT", b"HIGHESTMODSEQ", b"MESSAGES", b"EXISTS")
    uidvalidity, uidnext, modseq, messages, exists = (_number(answer.get(key)) for key in keys)
    if uidvalidity is None:
        raise WireError("a folder without UIDVALIDITY")
    return FolderState(uidvalidity, uidnext, modseq, messages if messages is not None else exists)


def _number(value: object) -> int | None:
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    return value if isinstance(value, int) and value >= 0 else None
