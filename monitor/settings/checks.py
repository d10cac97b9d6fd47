"""What spans several keys: names that must differ, references that must exist, keys that need each other (pure).

These look at the plain values as they stand in the file, so that they speak in the same run as the models' own faults; of a
value of the wrong type they say nothing, as the model does.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from monitor.model import FindingKind, Level
from monitor.settings.expectations import expectation, shown
from monitor.settings.gaps import GapSettings
from monitor.settings.inboxes import listen_place
from monitor.settings.lines import Place

Fault = tuple[Place, str]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_ADDRESS = re.compile(r"[^@\s<>(),;:\"]+@[A-Za-z0-9.-]+")
_FILES = frozenset({"path", "folders"})
_KEYS_OF_KIND = {
    "imap": frozenset(
        {"host", "port", "user", "password_file", "password_env", "oauth", "security", "ca_file", "idle", "watch", "folders"}
    ),
    "maildir": _FILES,
    "mbox": _FILES,
    "listener": frozenset({"listen", "protocol"}),
}
"""Keys that have a meaning for some kinds of inboxes only."""
_NEEDED_BY_KIND = {"imap": ("host", "user"), "maildir": ("path",), "mbox": ("path",), "listener": ("listen", "addresses")}
_KINDS = [kind.value for kind in FindingKind]


def faults_in(data: object) -> Iterator[Fault]:
    """Every such fault with its path."""
    if not isinstance(data, Mapping):
        return
    inboxes, streams = _items(data, "inboxes"), _items(data, "streams")
    organisations = _items(data, "organisations")
    alerts = data.get("alerts")
    yield from _names(inboxes, _NAME, 'expected a name of letters, digits, ".", "_" and "-" (it is shown in alerts and metrics)')
    yield from _names(streams, None, "")
    yield from _names(organisations, None, "")
    for path, inbox in inboxes:
        yield from _inbox(path, inbox)
    yield from _same_account(inboxes)
    yield from _same_file(inboxes, ("oauth", "token_file"))
    yield from _same_file(inboxes, ("path",))
    yield from _same_file(inboxes, ("listen",))
    for path, stream in streams:
        yield from _stream(path, stream)
    yield from _same_domain(streams)
    gap = data.get("gap")
    yield from _gap_bounds(("gap",), gap, {})
    for path, owner in [*streams, *organisations]:
        yield from _gap_overrides((*path, "gap"), owner.get("gap"))
        yield from _gap_bounds((*path, "gap"), gap, owner.get("gap"))
    if isinstance(alerts, Mapping):
        yield from _alerts(alerts)
    canary = data.get("canary")
    if isinstance(canary, Mapping):
        yield from _canary(canary, inboxes)
    yield from _database(data.get("database"))
    web = data.get("web")
    if isinstance(web, Mapping) and _is_text(url := web.get("public_url")) and not re.match(r"https?://[^/]+", str(url)):
        yield ("web", "public_url"), f'expected an address such as "https://gonequiet.example.org"{shown((), url)}'


def _items(data: Mapping[str, object], key: str, above: Place = ()) -> list[tuple[Place, Mapping[str, object]]]:
    """The mappings in a list, each with its path."""
    values = data.get(key)
    return [((*above, key, i), v) for i, v in enumerate(values) if isinstance(v, Mapping)] if isinstance(values, list) else []


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _names(items: list[tuple[Place, Mapping[str, object]]], shape: re.Pattern[str] | None, wanted: str) -> Iterator[Fault]:
    first: dict[str, Place] = {}
    for path, item in items:
        name = item.get("name")
        if not isinstance(name, str):
            continue
        if not name.strip():
            yield (*path, "name"), "expected a name, got nothing"
        elif shape is not None and not shape.fullmatch(name):
            yield (*path, "name"), f'{wanted}, got "{name}"'
        elif name in first:
            yield (*path, "name"), f'expected a name of its own; "{name}" is {path[-2]}[{first[name][-1]}] already'
        else:
            first[name] = path


def _one_of(path: Place, item: Mapping[str, object], keys: tuple[str, ...]) -> Iterator[Fault]:
    given = [k for k in keys if item.get(k) is not None]
    if len(given) != 1:
        got = ", got " + " and ".join(given) if given else ""
        yield path, f"expected one of {', '.join(keys)}{got}"


def _plain_only_on_loopback(path: Place, item: Mapping[str, object]) -> Iterator[Fault]:
    host = item.get("host")
    if item.get("security") == "plain" and isinstance(host, str) and not _is_loopback(host):
        yield (*path, "security"), f'expected "tls" or "starttls"; "plain" is for this machine only, not for {host}'


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _host_and_port(path: Place, item: Mapping[str, object]) -> Iterator[Fault]:
    host, port = item.get("host"), item.get("port")
    if isinstance(host, str) and ("://" in host or "/" in host or " " in host.strip()):
        yield (*path, "host"), f'expected a host name such as "mail.example.org"{shown((), host)}'
    if isinstance(port, int) and not isinstance(port, bool) and not 1 <= port <= 65535:
        yield (*path, "port"), f"expected a port from 1 to 65535, got {port}"


def _inbox(path: Place, inbox: Mapping[str, object]) -> Iterator[Fault]:
    kind = inbox.get("kind", "imap")
    if isinstance(kind, str) and kind in _KEYS_OF_KIND:
        for key in sorted(set().union(*_KEYS_OF_KIND.values()) - _KEYS_OF_KIND[kind]):
            if key in inbox:
                yield (*path, key), f"has no meaning for an inbox of kind {kind}"
        for key in _NEEDED_BY_KIND[kind]:
            if not inbox.get(key):
                yield (*path, key), "is missing" if kind == "imap" else f"is missing; an inbox of kind {kind} needs it"
    if kind == "imap":
        yield from _imap_inbox(path, inbox)
    listen = inbox.get("listen")
    if isinstance(listen, str) and not _is_listen_place(listen):
        yield (
            (*path, "listen"),
            'expected "127.0.0.1:8024" or "/run/gonequiet/lmtp": a mail server on this machine stands in front',
        )
    address = inbox.get("address")
    if isinstance(address, str) and not _ADDRESS.fullmatch(address):
        yield (*path, "address"), "expected a mail address such as quiet-1@example.org, without a name"
    addresses = inbox.get("addresses")
    for i, address in enumerate(addresses if isinstance(addresses, list) else []):
        if isinstance(address, str) and not _ADDRESS.fullmatch(f"x{address}" if address.startswith("@") else address):
            yield (*path, "addresses", i), 'expected an address, or "@example.org" for all of a domain'
    if inbox.get("folders") == []:
        yield (*path, "folders"), "expected at least one folder, or no such key for all that can hold list mail"


def _is_listen_place(text: str) -> bool:
    try:
        listen_place(text)
    except ValueError:
        return False
    return True


def _imap_inbox(path: Place, inbox: Mapping[str, object]) -> Iterator[Fault]:
    if "idle" in inbox and "watch" in inbox:
        yield (*path, "idle"), "`watch` says it; take `idle` away (`idle: true` is the older word for `watch: both`)"
    if "password" not in inbox:  # an unknown key, about which enough is said
        yield from _one_of(path, inbox, ("password_file", "password_env", "oauth"))
    yield from _oauth((*path, "oauth"), inbox.get("oauth"))
    yield from _plain_only_on_loopback(path, inbox)
    yield from _host_and_port(path, inbox)


def _oauth(path: Place, oauth: object) -> Iterator[Fault]:
    if not isinstance(oauth, Mapping):
        return
    for key in ("authorize_url", "token_url", "device_url"):
        url = oauth.get(key)
        if isinstance(url, str) and not _is_safe_address(url):
            yield (*path, key), "expected an address that begins with https:// (http:// is for this machine only)"
    if oauth.get("provider") is None:
        for key in ("token_url", "scopes"):
            if not oauth.get(key):
                yield (*path, key), "is missing; without a provider (google, microsoft) the addresses and scopes stand here"
        if not oauth.get("authorize_url") and not oauth.get("device_url"):
            yield path, "expected authorize_url (to log in with a browser), device_url (with a code), or both"
    if oauth.get("tenant") is not None and oauth.get("provider") != "microsoft":
        yield (*path, "tenant"), "expected with `provider: microsoft` only"
    tenant = oauth.get("tenant")
    if isinstance(tenant, str) and not re.fullmatch(r"[A-Za-z0-9.-]+", tenant):
        yield (*path, "tenant"), 'expected the name or number of an organisation, such as "example.org"'
    if oauth.get("client_secret_file") is not None and oauth.get("client_secret_env") is not None:
        yield path, "expected at most one of client_secret_file, client_secret_env"


def _is_safe_address(url: str) -> bool:
    found = re.match(r"(https?)://(\[[0-9a-f:]+\]|[^/\s:@]+)(:\d+)?(/\S*)?$", url)
    return found is not None and (found[1] == "https" or _is_loopback(found[2]))


def _canary(canary: Mapping[str, object], inboxes: list[tuple[Place, Mapping[str, object]]]) -> Iterator[Fault]:
    """The account itself, and an address of every inbox that it is to write to."""
    path: Place = ("canary",)
    yield from _host_and_port(path, canary)
    yield from _plain_only_on_loopback(path, canary)
    if canary.get("user") is not None and "password" not in canary:
        yield from _one_of(path, canary, ("password_file", "password_env"))
    yield from _mail_addresses(path, canary)
    for place, inbox in inboxes:
        user = inbox.get("user")
        if inbox.get("enabled", True) and not inbox.get("address") and isinstance(user, str) and "@" not in user:
            yield (*place, "address"), "is missing; canary mail needs it, as `user` is no mail address"


def _same_account(inboxes: list[tuple[Place, Mapping[str, object]]]) -> Iterator[Fault]:
    first: dict[tuple[str, str, object], Place] = {}
    for path, inbox in inboxes:
        host, user = inbox.get("host"), inbox.get("user")
        if isinstance(host, str) and isinstance(user, str):
            account = (host.lower(), user, inbox.get("port"))
            if account in first:
                yield (*path, "user"), f"expected another account; inboxes[{first[account][-1]}] polls this one already"
            first.setdefault(account, path)


def _same_file(inboxes: list[tuple[Place, Mapping[str, object]]], key: tuple[str, ...]) -> Iterator[Fault]:
    first: dict[str, Place] = {}
    for path, inbox in inboxes:
        value: object = inbox
        for part in key:
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, str) and first.setdefault(value, path) != path:
            yield (*path, *key), f"expected one of its own; inboxes[{first[value][-1]}] has this one already"


def _stream(path: Place, stream: Mapping[str, object]) -> Iterator[Fault]:
    if not any(stream.get(key) for key in ("domains", "addresses", "list_ids")):
        yield path, "expected at least one of domains, addresses, list_ids"
    for key, shape, example in (("domains", _DOMAIN, "mail.example.org"), ("addresses", None, "news@example.org")):
        values = stream.get(key)
        for i, value in enumerate(values if isinstance(values, list) else []):
            fits = isinstance(value, str) and (
                shape.fullmatch(value) is not None if shape else re.fullmatch(r"[^@\s]+@[^@\s]+", value)
            )
            if isinstance(value, str) and not fits:
                yield (*path, key, i), f'expected "{example}" in small letters{shown((), value)}'


def _same_domain(streams: list[tuple[Place, Mapping[str, object]]]) -> Iterator[Fault]:
    first: dict[tuple[str, str], Place] = {}
    for path, stream in streams:
        for key in ("domains", "addresses", "list_ids"):
            values = stream.get(key)
            for i, value in enumerate(values if isinstance(values, list) else []):
                if isinstance(value, str) and first.setdefault((key, value), path) != path:
                    yield (
                        (*path, key, i),
                        f'expected each in one stream only; "{value}" belongs to streams[{first[key, value][-1]}] already',
                    )


def _gap_overrides(path: Place, overrides: object) -> Iterator[Fault]:
    if isinstance(overrides, Mapping):
        try:
            GapSettings.model_validate(dict(overrides))
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                yield (*path, *fault["loc"]), expectation(fault, GapSettings)


def _gap_bounds(path: Place, defaults: object, overrides: object) -> Iterator[Fault]:
    """A floor above the longest silence would silently win."""
    own = overrides if isinstance(overrides, Mapping) else {}
    try:
        gap = GapSettings.model_validate({**(defaults if isinstance(defaults, Mapping) else {}), **own})
    except ValidationError:
        return  # told by the key itself
    said = own if own else defaults
    for key, longest in (("fixed", gap.fixed), ("ceiling", gap.ceiling if gap.fixed is None else None)):
        if longest is not None and longest < gap.floor and isinstance(said, Mapping) and {key, "floor"} & said.keys():
            yield (*path, key if key in said else "floor"), f'expected "floor" not to be longer than "{key}"'


def _alerts(alerts: Mapping[str, object]) -> Iterator[Fault]:
    channels, routes = _items(alerts, "channels", ("alerts",)), _items(alerts, "routes", ("alerts",))
    yield from _names(channels, _NAME, 'expected a name of letters, digits, ".", "_" and "-"')
    for path, channel in channels:
        yield from _channel(path, channel)
    known = [str(c.get("name")) for _, c in channels] if "channels" in alerts else ["log"]
    levels = [level.word for level in Level]
    opening = alerts.get("open_at", "alert")
    if "channels" in alerts and "routes" not in alerts and "log" not in known:
        yield ("alerts", "routes"), "is missing; routes lead alerts to the channels"
    if channels and alerts.get("routes") == []:
        yield ("alerts", "routes"), "expected at least one route; without one nobody is ever told"
    for path, route in routes:
        names = route.get("channels")
        for i, name in enumerate(names if isinstance(names, list) else []):
            if isinstance(name, str) and name not in known:
                yield (
                    (*path, "channels", i),
                    f'expected the name of a channel ({", ".join(known) or "there is none"}), got "{name}"',
                )
        kinds = route.get("kinds")
        for i, kind in enumerate(kinds if isinstance(kinds, list) else []):
            if isinstance(kind, str) and kind not in _KINDS:
                yield (*path, "kinds", i), f'expected one of {", ".join(_KINDS)}, got "{kind}"'
        level = route.get("level", "alert")
        if level in levels and opening in levels and levels.index(str(level)) < levels.index(str(opening)) and "level" in route:
            yield (*path, "level"), f'expected "{opening}" or above, as alerts.open_at says so, got "{level}"'


def _channel(path: Place, channel: Mapping[str, object]) -> Iterator[Fault]:
    kind = channel.get("kind")
    if kind == "smtp":
        for key in ("host", "sender", "to"):
            if not channel.get(key):
                yield (*path, key), "is missing; a channel of kind smtp needs host, sender and to"
        yield from _mail_addresses(path, channel)
        yield from _plain_only_on_loopback(path, channel)
        if channel.get("user") is not None:
            yield from _one_of(path, channel, ("password_file", "password_env"))
    elif kind in ("webhook", "apprise"):
        yield from _one_of(path, channel, ("url", "url_env", "url_file"))
        url = channel.get("url")
        if isinstance(url, str) and not re.match(r"https?://[^/\s]+" if kind == "webhook" else r"[a-z0-9]+://", url):
            yield (
                (*path, "url"),
                f"expected an address such as {'https://example.org/hook' if kind == 'webhook' else 'ntfys://ntfy.sh/topic'}",
            )
    yield from _host_and_port(path, channel)


def _mail_addresses(path: Place, channel: Mapping[str, object]) -> Iterator[Fault]:
    to = channel.get("to")
    for place, address in [
        (("sender",), channel.get("sender")),
        *((("to", i), a) for i, a in enumerate(to if isinstance(to, list) else [])),
    ]:
        if isinstance(address, str) and not _ADDRESS.fullmatch(address):
            yield (*path, *place), "expected a mail address such as alerts@example.org, without a name"


def _database(url: object) -> Iterator[Fault]:
    if isinstance(url, str) and not re.match(r"(sqlite|postgresql)(\+[a-z0-9]+)?://", url):
        yield ("database",), "expected an address such as postgresql://gonequiet@localhost/gonequiet, or sqlite:///file"
