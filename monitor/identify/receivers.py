"""Receiver files (`config/receivers/`): how each mailbox provider writes its hops and what it says about authentication."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.identify.data_files import Folder, read_folder
from monitor.identify.patterns import Pattern
from monitor.identify.received import VALUE_LIMIT, Border, Receiver, find_border, is_under, parse_received
from monitor.identify.signatures import PatternText
from monitor.model import Message


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class ReceiverSource(_Strict):
    what: str
    read: date


class ReceiverFile(_Strict):
    name: Annotated[str, Field(min_length=2, max_length=60)]
    aliases: tuple[str, ...] = ()
    imap_hosts: tuple[str, ...] = ()
    automatic: bool = True
    by: tuple[str, ...] = ()
    inner_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    inner_hosts: tuple[str, ...] = ()
    reverse_names: bool = True
    inner_by: tuple[str, ...] = ()
    top: tuple[PatternText, ...] = ()
    authserv_ids: tuple[str, ...] = ()
    auth_results: Literal["above", "below", "below-several", "none"] = "above"
    closes_after_days: Annotated[int | None, Field(ge=30)] = None
    """A mailbox that nobody signs in to is closed after so long; null: not known, or never."""
    notes: str | None = None
    sources: Annotated[tuple[ReceiverSource, ...], Field(min_length=1)]


@dataclass(frozen=True, eq=False)
class ReceiverSet:
    """All receivers by lower-case name and alias."""

    receivers: Mapping[str, Receiver]

    def named(self, name: str) -> Receiver | None:
        return self.receivers.get(name.strip().lower())

    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(receiver.name for receiver in self.receivers.values()))

    def of_imap_host(self, host: str) -> Receiver | None:
        """The receiver that runs an IMAP host, or None."""
        return next((r for r in self.receivers.values() if is_under(host.lower().rstrip("."), r.imap_hosts)), None)

    def recognise(self, message: Message) -> tuple[Receiver, Border] | None:
        """The known receiver whose own hops stand on top, and where its border is; None if none fits.

        The host that wrote the topmost hop tells it, and nothing else in there: a client's greeting is the client's word.
        Only where that host has a bare name, as at iCloud, the server that handed over to it does, or the form of the hop.
        """
        hops = message.fields.get("received")
        if not hops:
            return None
        hop = parse_received(hops[0])
        top, greeting = hop.by, hop.greeting
        if top is None:
            return None
        receiver = self._by_host(top if "." in top or ":" in top else greeting or "")
        if receiver is None:
            return self._recognise_form(message, hops, greeting)
        border = find_border(message.headers, receiver, hop)
        if border is None:
            return None
        told = is_under(top, receiver.by) or is_under(border.hop.by or "", receiver.by)
        return (receiver, border) if told else None

    def _recognise_form(self, message: Message, hops: Sequence[str], greeting: str | None) -> tuple[Receiver, Border] | None:
        """The receiver whose inner hops read so: all above its border must, and the border's host is its own.

        Where that has a bare name too, as at iCloud, it must be the one that handed over.
        """
        for form, receiver in self._forms:
            if form.matched(hops[0][:VALUE_LIMIT]) is None:
                continue
            border = find_border(message.headers, receiver)
            if border is None or any(form.matched(hop[:VALUE_LIMIT]) is None for hop in hops[1 : border.hops - 1]):
                return None
            writer = border.hop.by or ""
            return (receiver, border) if is_under(writer, receiver.by) or writer == greeting else None
        return None

    def _by_host(self, host: str) -> Receiver | None:
        rest = host
        while rest:
            if (found := self._hosts.get(rest)) is not None:
                return found
            rest = rest.partition(".")[2]
        for mark, receiver in self._inner:
            if host.startswith(mark):
                return receiver
        return None

    @cached_property
    def _hosts(self) -> dict[str, Receiver]:
        """The domains of the hosts whose Received tells a receiver."""
        return {domain: receiver for receiver in self.receivers.values() if receiver.automatic for domain in receiver.by}

    @cached_property
    def _inner(self) -> tuple[tuple[str, Receiver], ...]:
        found = dict.fromkeys(receiver for receiver in self.receivers.values() if receiver.automatic)
        return tuple((mark, receiver) for receiver in found for mark in receiver.inner_by)

    @cached_property
    def _forms(self) -> tuple[tuple[Pattern, Receiver], ...]:
        found = dict.fromkeys(receiver for receiver in self.receivers.values() if receiver.automatic)
        return tuple((form, receiver) for receiver in found for form in receiver.top)


def load_receivers(folders: Iterable[Folder]) -> ReceiverSet:
    """Read receiver files; a later folder's file replaces the receiver of the same name. Raises `SettingsError`."""
    by_name: dict[str, Receiver] = {}
    for file, spec in read_folder(list(folders), ReceiverFile):
        by_name[spec.name] = Receiver(
            name=spec.name,
            aliases=spec.aliases,
            imap_hosts=spec.imap_hosts,
            automatic=spec.automatic,
            by=spec.by,
            inner_by=spec.inner_by,
            top=tuple(Pattern(text) for text in spec.top),
            inner_networks=spec.inner_networks,
            inner_hosts=spec.inner_hosts,
            reverse_names=spec.reverse_names,
            authserv_ids=tuple(text.lower() for text in spec.authserv_ids),
            auth_results=spec.auth_results,
            closes_after_days=spec.closes_after_days,
            file=file,
        )
    names = {alias.lower(): receiver for receiver in by_name.values() for alias in receiver.aliases}
    return ReceiverSet(names | {receiver.name.lower(): receiver for receiver in by_name.values()})
