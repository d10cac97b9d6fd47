"""Verify DKIM ourselves when mail comes in, while the sender's key is still in DNS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from monitor.collect.key_lookup import DnsKeys
from monitor.identify.dkim_check import SIGNATURES_LIMIT, KeyLookup, check_signatures
from monitor.model import DkimProof, RawMessage
from monitor.settings import Settings

FRESH = timedelta(days=3)
"""Older mail is not verified: its key may have been replaced, and a failure would say nothing."""


def own_check(settings: Settings) -> Callable[[RawMessage], tuple[DkimProof, ...]] | None:
    """What verifies mail that comes in now, asking the system's DNS; None where the settings say `off`."""
    return verifier(DnsKeys()) if settings.collect.verify_dkim == "auto" else None


def verifier(lookup: KeyLookup) -> Callable[[RawMessage], tuple[DkimProof, ...]]:
    """What verifies a message just received; () for one that is old, truncated, not signed or signed over and over."""

    def verify(raw: RawMessage) -> tuple[DkimProof, ...]:
        if raw.truncated or raw.seen_at - raw.delivered_at > FRESH:
            return ()
        verdicts = check_signatures(raw.raw, lookup, raw.delivered_at)
        if len(verdicts) >= SIGNATURES_LIMIT:
            return ()  # there may be more of the same names that were not looked at
        return tuple(DkimProof(v.sdid, v.selector, v.result, v.key, raw.seen_at) for v in verdicts)

    return verify
