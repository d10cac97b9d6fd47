"""Ask DNS for public keys of DKIM signatures (RFC 6376 §3.6.2), in bounded time; the one file that knows dnspython."""

from __future__ import annotations

import threading
from time import monotonic

import dns.exception
import dns.resolver

PATIENCE = 3.0
"""Seconds for one key."""
REST = 60.0
"""Seconds without a question after DNS gave no answer, so that a batch of mail does not wait for each of its signatures."""
REMEMBERED_FOR = 3600.0
MOST_REMEMBERED = 4096


class DnsKeys:
    """A lookup for `check_signatures`; safe from many threads. Answers are remembered for an hour, also that there is no key."""

    def __init__(self, resolver: dns.resolver.Resolver | None = None) -> None:
        """Without a `resolver` that of the system."""
        self._resolver = resolver
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, str | None]] = {}
        self._rests_until = 0.0

    def __call__(self, name: str) -> str | None:
        """The TXT record of that name, its parts joined; None where there is none. OSError if DNS gives no answer."""
        with self._lock:
            found = self._known.get(name)
            if found is not None and monotonic() < found[0]:
                return found[1]
            if monotonic() < self._rests_until:
                raise TimeoutError("DNS gave no answer a moment ago")
        try:
            record = self._ask(name)
        except (dns.resolver.LifetimeTimeout, dns.resolver.NoNameservers, dns.resolver.NoResolverConfiguration, OSError) as error:
            with self._lock:
                self._rests_until = monotonic() + REST
            raise TimeoutError(f"DNS gave no answer for {name}: {error}") from error
        with self._lock:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[name] = (monotonic() + REMEMBERED_FOR, record)
        return record

    def _ask(self, name: str) -> str | None:
        if self._resolver is None:
            self._resolver = dns.resolver.Resolver()
        try:
            answer = self._resolver.resolve(f"{name}.", "TXT", lifetime=PATIENCE, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.YXDOMAIN):
            return None
        except (dns.resolver.LifetimeTimeout, dns.resolver.NoNameservers, dns.resolver.NoResolverConfiguration):
            raise
        except (dns.exception.DNSException, UnicodeError):
            return None  # a name that cannot be: whoever wrote the signature chose it
        for record in answer:
            text = b"".join(record.strings).decode("utf-8", "replace")
            if "p=" in text:
                return text
        return None
