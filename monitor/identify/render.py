"""Show an identification: one JSON object for machines, a few claim-safe sentences for people."""

from __future__ import annotations

from collections.abc import Callable

from monitor.identify.signatures import Provider
from monitor.model import Alignment, Authenticated, Confidence, Evidence, Identification, Message, Trust
from monitor.words import plain

_SAYS = {
    Trust.OBSERVED: "our receiver saw it",
    Trust.SIGNED: "a good signature covers it",
    Trust.CLAIMED: "the sender says so",
}
_SURE = {
    Confidence.CERTAIN: "certain",
    Confidence.LIKELY: "likely",
    Confidence.POSSIBLE: "possible",
}

_ALIGNED = {
    Alignment.STRICT: "the author's domain",
    Alignment.RELAXED: "the author's organisation",
    None: "not the author's domain",
}


def as_json(identification: Identification, file: str, index: int, message: Message) -> dict[str, object]:
    """One message of `gonequiet identify --json`: every key is always there, a missing value is null, a missing list []."""
    found = identification
    return {
        "file": file,
        "index": index,
        "message_id": message.message_id,
        "from_domain": message.from_domain,
        "platform": found.platform,
        "delivery": found.delivery,
        "account": {"provider": found.account.provider, "kind": found.account.kind, "id": found.account.id}
        if found.account
        else None,
        "receiver": found.receiver,
        "sending_ip": found.sending_ip,
        "sdids": list(found.sdids),
        "confidence": {
            "platform": _word(found.platform_confidence),
            "delivery": _word(found.delivery_confidence),
            "account": _word(found.account_confidence),
        },
        "evidence": [
            {
                "provider": fact.provider,
                "role": fact.role.value,
                "field": fact.field,
                "value": fact.value,
                "trust": fact.trust.value,
                "weight": fact.weight,
                "signature": fact.signature,
            }
            for fact in found.evidence
        ],
        "conflicts": list(found.conflicts),
    }


def explain(identification: Identification, message: Message, provider: Callable[[str], Provider | None]) -> str:
    """The same for people: who, how sure, why, and what speaks against it."""
    found = identification
    lines = [f"{plain(message.from_address) or 'no usable From'}: {plain(message.subject) or 'no subject'}"]
    for word, name, sure in (
        ("Campaign tool", found.platform, found.platform_confidence),
        ("Mail servers", found.delivery, found.delivery_confidence),
    ):
        if name is None:
            lines.append(f"  {word}: cannot be told from this message")
            continue
        known = provider(name)
        lines.append(f"  {word}: {known.label if known else name}, {_SURE[sure] if sure else 'possible'}")
    if found.account is not None:
        sure_account = f", {_SURE[found.account_confidence]}" if found.account_confidence else ""
        lines.append(f"  Account: {found.account.kind} {found.account.id} at {found.account.provider}{sure_account}")
    if found.receiver is not None:
        lines.append(f"  Received by {found.receiver}" + (f" from {found.sending_ip}" if found.sending_ip else ""))
    else:
        lines.append("  Who received it is not known, so all of this is the sender's word (name it with --receiver)")
    if found.authenticated:
        lines.append(f"  Authentication: {'; '.join(_authenticated(entry) for entry in found.authenticated)}")
    chosen = [fact for fact in found.evidence if fact.provider in (found.platform, found.delivery)]
    lines += [f"  Because {_reason(fact)}" for fact in sorted(chosen, key=_importance)[:6]]
    lines += [f"  But {conflict}" for conflict in found.conflicts]
    return "\n".join(lines)


def _reason(fact: Evidence) -> str:
    return f"{fact.field} is {plain(fact.value)} ({_SAYS[fact.trust]}; {fact.provider}, {fact.signature})"


def _authenticated(entry: Authenticated) -> str:
    words = f"{entry.method.upper()} {plain(entry.result, 40)}"
    if entry.method == "dmarc":
        return words
    key = f" with key {plain(entry.selector, 80)}" if entry.selector else ""
    return f"{words} for {plain(entry.domain, 80) or 'no domain'}{key} ({_ALIGNED[entry.aligned]})"


def _importance(fact: Evidence) -> tuple[int, float]:
    return ([Trust.OBSERVED, Trust.SIGNED, Trust.CLAIMED].index(fact.trust), -fact.weight)


def _word(confidence: Confidence | None) -> str | None:
    return confidence.value if confidence else None
