"""Read the tags of a DKIM-Signature (RFC 6376 §3.5): which domain signed which fields with which selector."""

from __future__ import annotations

from dataclasses import dataclass

VALUE_LIMIT = 6_000


@dataclass(frozen=True, slots=True)
class DkimSignature:
    """A signature as it claims to be; `sdid` and `selector` in lower case."""

    sdid: str
    selector: str
    signed_fields: frozenset[str]
    """Lower-case header names of h=."""
    identity: str
    """The domain of i=, d= where it is missing."""


def parse_dkim_signature(value: str) -> DkimSignature | None:
    """One signature out of an unfolded value; None where d= or s= is missing."""
    tags: dict[str, str] = {}
    for part in value[:VALUE_LIMIT].split(";"):
        name, equals, text = part.partition("=")
        if equals:
            tags.setdefault(name.strip(), text)
    sdid, selector = tags.get("d", "").strip().lower().rstrip("."), tags.get("s", "").strip().lower()
    if not sdid or not selector:
        return None
    identity = tags.get("i", "").strip().rpartition("@")[2].lower() or sdid
    fields = "".join(tags.get("h", "").split()).lower()
    return DkimSignature(sdid[:253], selector[:253], frozenset(fields.split(":")) if fields else frozenset(), identity)
