"""Read the tags of a DKIM-Signature (RFC 6376 §3.5): which domain signed which fields with which selector."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

VALUE_LIMIT = 6_000


@dataclass(slots=True)
class DkimSignature:
    """A signature as it claims to be; names in lower case."""

    sdid: str
    selector: str
    identity: str
    """The domain of i=, d= where it is missing or where i= is not below d=, as it must be (RFC 6376 §3.5)."""
    signed: str
    """The text of h=."""
    whole_body: bool = True
    """False where l= leaves the end of the body unsigned (RFC 6376 §8.2): anybody may have added to it."""

    def signed_fields(self) -> frozenset[str]:
        """Lower-case names of the fields that it covers."""
        return _names_in(self.signed)


@lru_cache(maxsize=2048)
def _names_in(signed: str) -> frozenset[str]:
    """A sender's software names the same fields in every signature."""
    return frozenset("".join(signed.split()).lower().split(":"))


def parse_dkim_signature(value: str) -> DkimSignature | None:
    """One signature out of an unfolded value; None where d= or s= is missing."""
    parts = value[:VALUE_LIMIT].split(";")
    parts.reverse()  # of a tag that is repeated the first counts
    tags = {name.strip(): text for part in parts for name, _, text in [part.partition("=")]}
    sdid, selector = tags.get("d", "").strip().lower().rstrip("."), tags.get("s", "").strip().lower()
    if not sdid or not selector:
        return None
    identity = tags["i"].strip().rpartition("@")[2].lower() if "i" in tags else ""
    if not f".{identity}".endswith(f".{sdid}"):
        identity = sdid  # else a bogus signature could borrow the result of a good one of another domain
    return DkimSignature(sdid[:253], selector[:253], identity, tags.get("h", ""), "l" not in tags)
