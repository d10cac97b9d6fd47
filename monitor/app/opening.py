"""Opening: from an inbox's settings to what reads it, by its kind."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from functools import partial
from typing import Protocol

from monitor.app.credentials import credential_of
from monitor.clock import Clock
from monitor.collect.imap import ImapInbox
from monitor.collect.listener import Keep, Listener, ListenerCheck
from monitor.collect.maildir import MaildirInbox
from monitor.collect.mbox import MboxInbox
from monitor.identify.address import OwnAddresses
from monitor.model import Awaited, Bodies, Checkpoint, FolderVisit, InboxNote, PollFailure
from monitor.settings import CollectSettings, InboxKind, InboxSettings, Settings
from monitor.store.store import Store


class SeedInbox(Protocol):
    """What reads one seed inbox, whatever it is."""

    def visit(
        self, checkpoints: Mapping[str, Checkpoint], clock: Clock, awaited: Mapping[str, Awaited] | None = None
    ) -> Generator[FolderVisit | Bodies | InboxNote | PollFailure, None, None]:
        """Look at every folder, and read the bodies that are `awaited`. What comes out is to be stored in this order; the
        next may be taken before, so that nothing may be taken for stored because it came out. May raise InboxError."""
        ...

    def close(self) -> None:
        """Let go of what is held open."""
        ...


def open_inbox(inbox: InboxSettings, settings: Settings, store: Store, clock: Clock, keep: Keep | None) -> SeedInbox:
    """Nothing is connected or read yet. SettingsError where a file or variable with a secret cannot be read.

    `keep` stores what comes by itself to an inbox that listens; None: another process is the one that listens.
    """
    if inbox.kind is InboxKind.LISTENER:
        return _listener(inbox, settings, clock, keep)
    return _polled(inbox, settings.collect, store)


def _listener(inbox: InboxSettings, settings: Settings, clock: Clock, keep: Keep | None) -> SeedInbox:
    if keep is None:
        return ListenerCheck(inbox, settings.collect.timeout)
    return Listener(
        inbox,
        keep,
        clock,
        is_ours=OwnAddresses(inbox.own_addresses).__contains__,
        has_canaries=settings.canary is not None and inbox.mail_address is not None,
        poll_every=inbox.poll_every or settings.collect.poll_every,
        max_message_bytes=settings.collect.max_message_bytes,
        timeout=settings.collect.timeout,
    )


def _polled(inbox: InboxSettings, settings: CollectSettings, store: Store) -> SeedInbox:
    limit, poll_every = settings.max_message_bytes, inbox.poll_every or settings.poll_every
    if inbox.kind is InboxKind.MAILDIR:
        return MaildirInbox(inbox, partial(store.known_uids, inbox.name), max_message_bytes=limit, poll_every=poll_every)
    if inbox.kind is InboxKind.MBOX:
        return MboxInbox(inbox, max_message_bytes=limit, poll_every=poll_every)
    credential = credential_of(inbox, settings.timeout.total_seconds())
    return ImapInbox(
        inbox,
        credential,
        timeout=settings.timeout,
        max_message_bytes=limit,
        poll_every=poll_every,
        stored_headers=partial(store.stored_headers, inbox.name),
    )
