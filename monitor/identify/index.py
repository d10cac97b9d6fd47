"""Find which signals fit a value without trying each: dictionaries for hosts and names, one RE2 set a field for patterns.

The rules that read account numbers are in the same sets, so that one pass over a value tells of them too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network

import re2

from monitor.identify.patterns import matcher_of
from monitor.identify.signatures import HOST_FIELDS, AccountRule, Provider, Signal

VALUE_LIMIT = 16_000
"""Characters of a value that patterns look at."""

HOSTS_KEPT = 5_000
"""How many looked-up host names a field remembers; senders come back with the same ones."""
VALUES_KEPT = 500
"""How many short values: much of what a sender's software writes is the same in all its mail. Beyond it begins anew."""
SHORT = 100
"""Characters of a value that is remembered."""


Fitting = Signal | AccountRule


class FieldIndex:
    """All signals and account rules that read one field."""

    def __init__(self, name: str, signals: Sequence[Signal], rules: Sequence[AccountRule] = ()) -> None:
        self.present = tuple(signal for signal in signals if signal.way == "present")
        self.exact: dict[str, tuple[Signal, ...]] = {}
        self.hosts: dict[str, tuple[Signal, ...]] = {}
        self.tails: dict[str, tuple[Signal, ...]] = {}
        patterns: list[tuple[Fitting, str]] = [(rule, rule.pattern.text) for rule in rules]
        for signal in signals:
            value = signal.value.lower()
            if signal.way == "exact":
                self.exact[value] = (*self.exact.get(value, ()), signal)
            elif signal.way == "suffix" and value.startswith(":"):
                self.tails[value[1:]] = (*self.tails.get(value[1:], ()), signal)
            elif signal.way == "suffix" and name in HOST_FIELDS:
                self.hosts[value] = (*self.hosts.get(value, ()), signal)
            elif signal.way == "suffix":
                patterns.append((signal, "(?i)" + re2.escape(value) + "$"))
            elif signal.way == "prefix":
                patterns.append((signal, "(?i)^" + re2.escape(value)))
            elif signal.way == "regex":
                patterns.append((signal, signal.value))
        self._patterned = [entry for entry, _ in patterns]
        self._match = matcher_of([pattern for _, pattern in patterns]) if patterns else None
        self.reads_text = bool(self.exact or self.tails or patterns or self.hosts)
        """Whether more than the presence of the field counts."""
        self._others = bool(self.present or self.exact or self.tails)
        self._hosts_seen: dict[str, list[Signal]] = {}
        self._names_seen: dict[str, list[Fitting]] = {}
        self._values_seen: dict[str, list[Fitting]] = {}
        self.reads_values = bool(self.present or self.exact or self.tails or patterns)
        """Whether `of_value` can find anything."""

    def of_value(self, value: str) -> list[Fitting]:
        """What fits the whole value; `suffix` on hosts is `of_host`."""
        if len(value) > SHORT:
            return self._fitting(value)
        known = self._values_seen.get(value)
        if known is None:
            if len(self._values_seen) >= VALUES_KEPT:
                self._values_seen.clear()
            known = self._values_seen[value] = self._fitting(value)
        return known

    def _fitting(self, value: str) -> list[Fitting]:
        found: list[Fitting] = []
        if self._match is not None and (numbers := self._match(value[:VALUE_LIMIT].encode("utf-8", "replace"))):
            # Many patterns over one value in one pass, linear whatever the value is.
            found = [self._patterned[number] for number in numbers]
        if self._others:
            found = [*self.present, *found]
            if self.exact:
                found += self.exact.get(value.strip().lower(), ())
            if self.tails:
                found += self.tails.get(value[-60:].rpartition(":")[2].strip().lower(), ())
        return found

    def of_host(self, host: str) -> list[Signal]:
        """Signals whose domain the host is, or is below, on label borders."""
        known = self._hosts_seen.get(host)
        if known is not None:
            return known
        found: list[Signal] = []
        rest = host[-253:] if self.hosts else ""
        while rest:
            if here := self.hosts.get(rest):
                found += here
            rest = rest.partition(".")[2]
        if len(self._hosts_seen) < HOSTS_KEPT:
            self._hosts_seen[host] = found
        return found

    def of_name(self, name: str) -> list[Fitting]:
        """`of_host` and then `of_value` of a host name or selector, remembered: senders come back with the same ones."""
        known = self._names_seen.get(name)
        if known is None:
            known = [*self.of_host(name), *self.of_value(name)]
            if len(self._names_seen) < HOSTS_KEPT:
                self._names_seen[name] = known
        return known


class NetworkIndex:
    """Signals by address: one dictionary for each length of prefix."""

    def __init__(self, signals: Iterable[Signal]) -> None:
        self._tables: dict[tuple[int, int], dict[int, tuple[Signal, ...]]] = {}
        self._cache: dict[str, tuple[Signal, ...]] = {}
        for signal in signals:
            for text in signal.value.split():
                network = ip_network(text)
                table = self._tables.setdefault((network.version, network.prefixlen), {})
                key = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
                table[key] = (*table.get(key, ()), signal)

    def of_address(self, ip: str) -> tuple[Signal, ...]:
        known = self._cache.get(ip)
        if known is not None:
            return known
        address = ip_address(ip)
        number = int(address)
        found: tuple[Signal, ...] = ()
        for (version, length), table in self._tables.items():
            if version == address.version:
                found += table.get(number >> (address.max_prefixlen - length), ())
        if len(self._cache) < 20_000:
            self._cache[ip] = found
        return found


class SignatureIndex:
    """All signals of all providers, by header and by derived field."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        by_field: dict[str, list[Signal]] = {}
        rules: dict[str, list[AccountRule]] = {}
        self.token_rules: dict[str, tuple[AccountRule, ...]] = {}
        """Provider → rules that read the JSON inside a value: few, so that only those of the provider found are tried."""
        for provider in providers:
            for signal in provider.signals:
                by_field.setdefault(signal.field, []).append(signal)
            for rule in provider.accounts:
                if rule.token:
                    self.token_rules[provider.name] = (*self.token_rules.get(provider.name, ()), rule)
                else:
                    rules.setdefault(rule.field, []).append(rule)
        self.networks = NetworkIndex(by_field.pop("sender-ip", []))
        nothing = FieldIndex("", [])
        built = {name: FieldIndex(name, by_field.get(name, ()), rules.get(name, ())) for name in (*by_field, *rules)}
        self.received_host = built.pop("received-host", nothing)
        self.return_path = built.pop("return-path", nothing)
        self.dkim_domain = built.pop("dkim-d", nothing)
        self.dkim_selector = built.pop("dkim-s", nothing)
        self.link_host = built.pop("body-link-host", nothing)
        self.headers = {header: index for name, index in built.items() for header in _ALSO.get(name, (name,))}


_ALSO = {"feedback-id": ("feedback-id", "x-feedback-id")}
"""SendGrid, Campaign Monitor, Iterable, Constant Contact and Mailgun wrote X-Feedback-ID in 2019."""
