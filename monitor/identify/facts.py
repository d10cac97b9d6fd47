"""Work out what one message says and who says so: our receiver, a passing signature, or only the sender."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.collect.auth_results import AuthResult, AuthResults, parse_auth_results, parse_received_spf
from monitor.collect.dkim_signature import DkimSignature, parse_dkim_signature
from monitor.identify.received import Border, Hop, Receiver, find_border, is_under, public_hops
from monitor.identify.receivers import ReceiverSet
from monitor.model import Message, Trust

SIGNATURES_LIMIT = 12
_METHODS = ("spf", "dkim", "dmarc")
_OBSERVED, _CLAIMED = Trust.OBSERVED, Trust.CLAIMED
"""A global is read ten times as fast as the member of an enum (CPython 3.11)."""

_FORWARDERS = ("bounces-imx+", *(f"srs{digit}{sign}" for digit in "01" for sign in "=+-"))
"""How a Return-Path that a forwarder wrote begins: ImprovMX, and the Sender Rewriting Scheme."""
_PATH_LIMIT = 256
"""Octets of a path (RFC 5321 §4.5.3.1.3)."""
_FORWARD_SUBJECT = re.compile(r"\s*(?:\[[^\]]{0,40}\]\s*)?(?:fwd?|wg|tr|rv|i|enc)\s*:", re.IGNORECASE)
_LIST_COPY = frozenset(("x-beenthere", "x-mailman-version", "x-google-group-id", "x-original-sender", "x-forwarding-service"))
_BESIDE_RESULTS = frozenset(
    (
        "received-spf",
        "arc-authentication-results",
        "x-icl-score",
        "x-icl-info",
        "x-icl-repid",
        "x-arc-info",
        "x-dmarc-info",
        "x-dmarc-policy",
    )
)
"""What Gmail and iCloud write between their Received and their results."""
_PASSING_ON = _LIST_COPY | {"x-forwarded-to", "x-forwarded-for", "resent-from", "resent-sender"}


@dataclass(slots=True)
class Facts:
    """What is known of one message before any provider is considered."""

    receiver: Receiver | None = None
    border: Border | None = None
    hops: list[Hop] = field(default_factory=list)
    """The border hop; without a receiver, or behind a relay, the public hops that it may have been, from the top."""
    sending_ip: str | None = None
    """The address that connected; behind a relay the one that connected to the relay, as far as its hops are believed."""
    auth: AuthResults | None = None
    spf: AuthResult | None = None
    spf_domain: str | None = None
    """Domain of a Return-Path that passed SPF; lower-case."""
    return_path: str | None = None
    return_path_trust: Trust = _CLAIMED
    signatures: list[tuple[DkimSignature, bool]] = field(default_factory=list)
    """Every DKIM-Signature with whether our receiver found it good."""
    signed_fields: frozenset[str] = frozenset()
    """Header names that a good signature covers."""
    body_signed: bool = False
    """Whether a good signature covers the body to its end."""
    relay: str | None = None
    """Why we think that somebody passed the message on, in words; None if it came straight."""
    forward_hint: str | None = None
    """A field that forwarders add, but others too: only makes us more careful."""
    forward_subject: bool = False
    from_domain: str | None = None
    """The author's, lower-case."""
    conflicts: list[str] = field(default_factory=list)

    @property
    def authentication_noted(self) -> bool:
        """Whether our receiver told how SPF and DKIM went, so that their silence means something.

        One that neither looks names up nor tells of SPF, as GMX, says too little for that.
        """
        return self.auth is not None and (self.spf is not None or (self.receiver is not None and self.receiver.reverse_names))

    @property
    def white_label(self) -> bool:
        """Whether a server with a name below the author's own domain sent it, DMARC passed, and no signature is broken.

        Then the owner of that domain stands behind the header, and a provider named in there works under the owner's name
        (a white label). Copied headers come from elsewhere, or with a signature that no longer fits.
        """
        name = self.border.hop.reverse_name if self.border is not None and self.relay is None else None
        if (
            name is None
            or self.from_domain is None
            or self.auth is None
            or self.receiver is None
            or not self.receiver.reverse_names
        ):
            return False
        good = bool(self.signatures) and all(passed for _, passed in self.signatures)
        return good and self._aligned(self.auth) and is_under(name, (self.from_domain,))

    def _aligned(self, auth: AuthResults) -> bool:
        """Whether DMARC passed; where the receiver tells nothing of it, whether a good signature is the author's."""
        if auth.of("dmarc"):
            return bool(auth.passed("dmarc"))
        author = self.from_domain or ""
        return any(good and (is_under(s.sdid, (author,)) or is_under(author, (s.sdid,))) for s, good in self.signatures)

    @property
    def greeting_vouched(self) -> bool:
        """Whether the client's greeting may be a hint: the receiver looks no name up, and SPF let the client send."""
        if self.border is None or self.relay is not None or self.receiver is None or self.receiver.reverse_names:
            return False
        return self.spf is not None and self.spf.result == "pass"

    def authentication(self) -> tuple[tuple[str, str], ...]:
        """(method, result) of SPF, DKIM and DMARC as our receiver noted them; one good signature makes DKIM pass."""
        noted = {"spf": self.spf.result} if self.spf is not None else {}
        for result in self.auth.results if self.auth is not None else ():
            if result.method in _METHODS and (result.result == "pass" or result.method not in noted):
                noted[result.method] = result.result
        return tuple(noted.items())

    @property
    def hop_trust(self) -> Trust:
        return _OBSERVED if self.border is not None and self.relay is None else _CLAIMED


def gather_facts(
    message: Message, receivers: ReceiverSet, receiver_name: str | None, verified: frozenset[tuple[str, str]] = frozenset()
) -> Facts:
    """Find the border and what stands above it.

    `receiver_name` None lets the topmost fields tell it. A name that is not known, or that does not fit the topmost
    Received, leaves everything a claim. `verified` are the (SDID, selector) whose signatures we found good ourselves.
    """
    headers = message.headers
    facts = Facts()
    _find_receiver(facts, message, receivers, receiver_name)
    if facts.border is not None and facts.receiver is not None:
        facts.auth = _trusted_results(headers, facts.receiver, facts.border)
        facts.spf = _spf(facts, headers)
        if receiver_name is None and facts.auth is None and facts.receiver.auth_results != "none":
            facts = Facts()  # a known receiver would have noted authentication: not its doing
    _signatures(facts, message.fields.get("dkim-signature", ()), verified)
    _envelope(facts, message)
    _relay(facts, message)
    facts.from_domain = message.from_domain
    if facts.border is not None and facts.relay is None:
        facts.hops = [facts.border.hop]
        facts.sending_ip = facts.border.hop.ip
    else:
        start = facts.border.position + 1 if facts.border is not None else 0
        facts.hops = public_hops(headers, start)
        if facts.border is not None:
            facts.hops.append(facts.border.hop)
    return facts


def _find_receiver(facts: Facts, message: Message, receivers: ReceiverSet, receiver_name: str | None) -> None:
    if receiver_name is None:
        if found := receivers.recognise(message):
            facts.receiver, facts.border = found
        return
    facts.receiver = receivers.named(receiver_name)
    if facts.receiver is None:
        return
    facts.border = find_border(message.headers, facts.receiver)
    if facts.border is None:
        facts.conflicts.append(f"the topmost Received fields are not those of {facts.receiver.name}")
        facts.receiver = None


def _trusted_results(headers: Sequence[tuple[str, str]], receiver: Receiver, border: Border) -> AuthResults | None:
    """The Authentication-Results that our receiver wrote, joined if it writes one a method; None without any.

    Only the place where this receiver puts them counts: a field further down is the sender's, whatever its authserv-id.
    """
    ids = (border.hop.by or "",) if receiver.authserv_ids == ("by",) else receiver.authserv_ids
    found: list[AuthResults] = []
    if receiver.auth_results == "above":
        for name, value in headers[: border.position]:
            if name == "authentication-results":
                parsed = parse_auth_results(value)
                if ("none" in ids) if parsed.authserv_id is None else is_under(parsed.authserv_id, ids):
                    found.append(parsed)
    elif receiver.auth_results in ("below", "below-several"):
        told: set[str] = set()
        for position in range(border.position + 1, len(headers)):
            name, value = headers[position]
            if name == "authentication-results":
                parsed = parse_auth_results(value)
                methods = {result.method for result in parsed.results}
                if parsed.authserv_id is not None and is_under(parsed.authserv_id, ids) and not methods & told:
                    found.append(parsed)
                    told |= methods
                if receiver.auth_results == "below":
                    break
            elif name not in _BESIDE_RESULTS:
                break
    if not found:
        return None
    if len(found) == 1:
        return found[0]
    results = tuple(result for part in found for result in part.results)
    return AuthResults(found[0].authserv_id, results, next((part.sender_ip for part in found if part.sender_ip), None))


def _spf(facts: Facts, headers: Sequence[tuple[str, str]]) -> AuthResult | None:
    """The receiver's SPF result: out of its Authentication-Results, else its Received-SPF beside the border."""
    if facts.auth is not None:
        for result in facts.auth.results:
            if result.method == "spf":
                return result
    if facts.border is None or facts.receiver is None or facts.receiver.auth_results == "none":
        return None
    position = facts.border.position
    for name, value in headers[max(0, position - 6) : position + 2]:
        if name == "received-spf" and (noted := parse_received_spf(value)):
            ip = noted.properties.get("client-ip")
            return noted if ip is None or ip == facts.border.hop.ip else None
    return None


def _signatures(facts: Facts, values: Sequence[str], verified: frozenset[tuple[str, str]]) -> None:
    """Every signature, and which fields the good ones cover. A good one needs our receiver's word, or our own check.

    A result names a signature by domain and selector only (RFC 8601 §2.7.1), or, as Yahoo did, not at all. Where more
    signatures fit it than there are such results, a bogus one may stand beside the good one, so only what all of them cover
    counts as signed.
    """
    if not values:
        return
    found = [s for value in values[:SIGNATURES_LIMIT] if (s := parse_dkim_signature(value)) is not None]
    good: dict[tuple[str | None, str], int] = {}
    for result in facts.auth.results if facts.auth is not None else ():
        if result.method == "dkim" and result.result == "pass":
            key = (result.domain(), result.properties.get("header.s", "").lower())
            good[key] = good.get(key, 0) + 1
    passed: set[int] = set()
    covered: frozenset[str] = frozenset()
    for (domain, selector), results in good.items():
        fitting = [
            place
            for place, s in enumerate(found)
            if (domain is None or domain in (s.sdid, s.identity)) and (not selector or selector == s.selector)
        ]
        if not fitting:
            continue
        if domain is not None or len(fitting) <= results:
            passed.update(fitting)
        fields = found[fitting[0]].signed_fields()
        whole = found[fitting[0]].whole_body
        for place in fitting[1:]:
            others = found[place].signed_fields()
            fields = fields | others if len(fitting) <= results else fields & others
            whole = whole and found[place].whole_body
        facts.body_signed |= whole
        covered = covered | fields if covered else fields
    if verified:
        for place, signature in enumerate(found):
            if (signature.sdid, signature.selector) in verified:
                passed.add(place)
                facts.body_signed |= signature.whole_body
                covered |= signature.signed_fields()
    facts.signatures = [(signature, place in passed) for place, signature in enumerate(found)]
    if len(values) <= SIGNATURES_LIMIT:
        facts.signed_fields = covered


def _envelope(facts: Facts, message: Message) -> None:
    """The Return-Path and whether our receiver saw it pass SPF."""
    facts.return_path = message.return_path
    if facts.border is None:
        return
    above = False
    for name, _ in message.headers[: facts.border.position]:
        if name == "return-path":
            above = True
            break
    noted = _mail_from(facts.spf) if facts.spf is not None else ""
    if not above:
        # Outlook writes it below the sender's fields, and of the envelope only the domain into its results.
        if not noted:
            return
        facts.return_path = _path_of(noted, message.fields.get("return-path", ()))
    domain = (facts.return_path or "").rpartition("@")[2].lower().rstrip(".")
    if facts.spf is not None and facts.spf.result == "pass" and domain:
        judged = (facts.spf.domain() or "").lower()
        if not judged or judged == domain:
            facts.spf_domain, facts.return_path_trust = domain, _OBSERVED


def _path_of(noted: str, paths: Sequence[str]) -> str:
    """Of several fields, such as that of a former receiver, the one of the noted domain; the noted one where there is none."""
    domain = noted.rpartition("@")[2].lower()
    plain = (path.strip().strip("<>") for path in paths)
    return next((path for path in plain if path.rpartition("@")[2].lower() == domain), noted)


def _mail_from(spf: AuthResult) -> str:
    """The envelope sender that SPF was asked about; Gmail wrote `smtp.mail` until 2015."""
    return spf.properties.get("smtp.mailfrom") or spf.properties.get("smtp.mail", "")


def _relay(facts: Facts, message: Message) -> None:
    """Signs that somebody passed the message on. They may be invented: then they only make us more careful."""
    if facts.return_path:
        address = facts.return_path[:_PATH_LIMIT].lower()
        if address.startswith(_FORWARDERS) or "+caf_=" in address.partition("@")[0]:
            facts.relay = "forwarded: the Return-Path is a forwarder's"
    if not message.fields.keys().isdisjoint(_PASSING_ON):
        for name in message.fields:
            if name in _LIST_COPY:
                facts.relay = facts.relay or f"passed on by a list or forwarder: {name}"
            elif name in _PASSING_ON:
                facts.forward_hint = f"perhaps forwarded: {name}"
    facts.forward_subject = bool(message.subject and ":" in message.subject and _FORWARD_SUBJECT.match(message.subject))
