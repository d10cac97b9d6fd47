"""Mailbox providers: which seed inboxes are filtered by one and the same, and how to name it without telling where they are."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.identify.match import Identifier
from monitor.identify.stream import registrable_domain
from monitor.settings import InboxSettings


@dataclass(frozen=True, slots=True)
class MailboxProvider:
    """`key` tells it from the others and stays as it is when inboxes are added behind the first; `named` is for readers."""

    key: str
    named: str


def mailbox_providers(inboxes: Sequence[InboxSettings], identifier: Identifier) -> dict[str, MailboxProvider]:
    """Inbox → who runs its mailbox: a receiver that is known, else the owner of its IMAP host's registrable domain.

    Of the latter the inboxes are named and not the domain: list mail may well be sent to addresses in it.
    """
    found: dict[str, MailboxProvider] = {}
    unknown: defaultdict[str, list[str]] = defaultdict(list)
    for inbox in inboxes:
        receiver = inbox.receiver or identifier.receiver_of_host(inbox.host)
        if receiver is not None:
            found[inbox.name] = MailboxProvider(receiver, receiver)
        else:
            unknown[_domain(inbox)].append(inbox.name)
    for names in unknown.values():
        found |= dict.fromkeys(names, MailboxProvider(names[0], _named(names)))
    return found


def _domain(inbox: InboxSettings) -> str:
    """Of the IMAP host, or of the addresses where mail is not read over IMAP; an inbox without either stands for itself."""
    domains = [inbox.host] if inbox.host else [address.rpartition("@")[2] for address in inbox.own_addresses]
    if not domains:
        return f"inbox {inbox.name}"
    try:
        return str(ipaddress.ip_address(domains[0].strip("[]")))
    except ValueError:
        return registrable_domain(domains[0].lower())


def _named(names: Iterable[str]) -> str:
    first, *more = names
    return f"{first} and {len(more)} more of the same mail server" if more else first
