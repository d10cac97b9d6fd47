"""Say to which stream a message belongs, and to which organisation: the thing that can fall silent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

from monitor.model import Message, StreamKey
from monitor.settings import OrganisationSettings, StreamSettings

_FREEMAIL = """gmail.com googlemail.com yahoo.com ymail.com rocketmail.com aol.com outlook.com hotmail.com live.com msn.com
icloud.com me.com mac.com proton.me protonmail.com pm.me gmx.com gmx.de gmx.net web.de mail.com fastmail.com fastmail.fm zoho.com
zohomail.com yandex.ru yandex.com mail.ru qq.com 163.com 126.com comcast.net verizon.net att.net sbcglobal.net bellsouth.net
cox.net charter.net earthlink.net juno.com btinternet.com orange.fr wanadoo.fr free.fr laposte.net t-online.de libero.it
terra.com.br uol.com.br bol.com.br naver.com daum.net hushmail.com tutanota.com"""
FREEMAIL = frozenset(_FREEMAIL.split())
"""Domains on which strangers have addresses: there the whole address is the stream."""
SHARED = frozenset(("mail.house.gov", "substack.com", "mail.beehiiv.com", "ccsend.com", "mailchimpapp.com", "mailchimpapp.net"))
"""Domains on which a platform gives each customer an address: likewise."""
_LIST_MANAGERS = frozenset(("x-beenthere", "x-mailman-version", "x-google-group-id"))
_LIST_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,200}")


def stream_of(
    message: Message, streams: Sequence[StreamSettings] = (), organisations: Sequence[OrganisationSettings] = ()
) -> StreamKey | None:
    """The stream and its organisation; None where From has no usable address or the settings ignore the stream.

    Key: what the settings say; else the List-Id of a list manager; else the address on shared domains; else the full
    From domain. Organisation: what the settings say, else the registrable domain (Public Suffix List).
    """
    address, domain = message.from_address, message.from_domain
    if address is None or domain is None:
        return None
    chosen = _chosen(message.list_id, address, domain, streams)
    if chosen is not None:
        if chosen.ignore:
            return None
        return StreamKey(chosen.name, chosen.organisation or _organisation(domain, address, organisations))
    if message.list_id and _LIST_NAME.fullmatch(message.list_id) and any(name in _LIST_MANAGERS for name, _ in message.headers):
        return StreamKey(message.list_id, _organisation(message.list_id, address, organisations))
    name = address if is_shared(domain) else domain
    return StreamKey(name, _organisation(domain, address, organisations))


def is_followed(name: str, streams: Sequence[StreamSettings]) -> bool:
    """Whether a stream that stored mail belongs to still gets mail, by the settings.

    They may ignore it, under its name, its domain, address or List-Id, or give what it would get to a stream of another name.
    """
    named = [stream for stream in streams if stream.name == name]
    if named:
        return not any(stream.ignore for stream in named)
    return _chosen(name, name, name.rpartition("@")[2], streams) is None


def is_shared(domain: str) -> bool:
    """Whether strangers to each other send from this domain."""
    return domain in FREEMAIL or domain in SHARED or domain.endswith((".ccsend.com", ".mailchimpapp.com", ".mailchimpapp.net"))


@lru_cache(maxsize=8192)
def registrable_domain(domain: str) -> str:
    """`donaldtrump.com` of `victory.donaldtrump.com`; the domain itself where it is a public suffix."""
    return str(_suffixes().privatesuffix(domain) or domain)


def _chosen(list_id: str | None, address: str, domain: str, streams: Sequence[StreamSettings]) -> StreamSettings | None:
    """Addresses before List-Ids before domains; a domain stands for those below it too, the longest wins."""
    best: tuple[int, StreamSettings] | None = None
    for stream in streams:
        if address in (known.lower() for known in stream.addresses):
            return stream
        if list_id is not None and list_id in (known.lower().strip("<>") for known in stream.list_ids):
            return stream
        length = _longest(domain, stream.domains)
        if length and (best is None or length > best[0]):
            best = (length, stream)
    return best[1] if best else None


def _organisation(domain: str, address: str, organisations: Sequence[OrganisationSettings]) -> str:
    found = max(((_longest(domain, known.domains), known.name) for known in organisations), default=(0, ""))
    if found[0]:
        return found[1]
    return address if is_shared(domain) else registrable_domain(domain)


def _longest(domain: str, known: Sequence[str]) -> int:
    """Length of the longest known domain that `domain` is or is below; 0 for none."""
    fitting = (name.lower() for name in known)
    return max((len(name) for name in fitting if domain == name or domain.endswith("." + name)), default=0)


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
