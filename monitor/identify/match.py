"""Say whose infrastructure sent a message: platform, delivery, account, how sure each is, and the evidence."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.identify.account import choose_account, in_tokens, read_accounts
from monitor.identify.authenticated import authenticated
from monitor.identify.dkim_proof import good_signatures, with_own_check
from monitor.identify.evidence import Hit, find_hits
from monitor.identify.facts import gather_facts
from monitor.identify.index import VALUE_LIMIT, SignatureIndex
from monitor.identify.receivers import ReceiverSet
from monitor.identify.redact import VALUE_LIMIT as SHOWN_LIMIT
from monitor.identify.redact import recipients_of, redact
from monitor.identify.signatures import Provider, SignatureSet
from monitor.identify.weigh import decide
from monitor.model import DkimProof, Evidence, Identification, Message

EVIDENCE_LIMIT = 60


class Identifier:
    """Identifies messages with one set of signatures and receivers. Pure and safe to share between threads."""

    def __init__(self, signatures: SignatureSet, receivers: ReceiverSet) -> None:
        self._providers = signatures.providers
        self._receivers = receivers
        self._index = SignatureIndex(signatures.providers.values())

    def provider(self, name: str) -> Provider | None:
        """What is known of a provider by its name."""
        return self._providers.get(name)

    def receiver_of_host(self, imap_host: str) -> str | None:
        """The receiver that runs an IMAP host, such as `Gmail` for imap.gmail.com."""
        found = self._receivers.of_imap_host(imap_host)
        return found.name if found else None

    def closes_after_days(self, receiver: str | None, imap_host: str) -> int | None:
        """After how many days the receiver of this name, or of this IMAP host, closes a mailbox that nobody signs in to."""
        found = self._receivers.named(receiver) if receiver else self._receivers.of_imap_host(imap_host)
        return found.closes_after_days if found else None

    def knows_receiver(self, name: str) -> bool:
        """True for a name or alias of `config/receivers/`, and for `none`."""
        return name.lower() == "none" or self._receivers.named(name) is not None

    def receiver_names(self) -> tuple[str, ...]:
        return self._receivers.names()

    def header_names(self) -> frozenset[str]:
        """Lower-case names of the headers that any signature reads."""
        return frozenset(self._index.headers)

    def identify(self, message: Message, receiver: str | None = None, dkim: Sequence[DkimProof] = ()) -> Identification:
        """Weigh all evidence of one message.

        `receiver` names who received it (a name or alias of `config/receivers/`); None lets the topmost fields tell it.
        Where no known receiver fits (`"none"`), nothing rises above likely. `dkim` is what we verified ourselves at receipt.
        """
        facts = gather_facts(message, self._receivers, receiver, good_signatures(dkim) if dkim else frozenset())
        found = find_hits(message, facts, self._index)
        hits = list(found.hits.values())
        verdict = decide(hits, facts, self._providers)
        account, sure, job = None, None, None
        names = [name for name in (verdict.platform, verdict.delivery) if name]
        for name in dict.fromkeys(names):
            if rules := self._index.token_rules.get(name):
                found.numbers += in_tokens(rules, message.fields, facts.signed_fields)
        if found.numbers and (numbers := read_accounts(found.numbers, names)):
            account, sure, job = choose_account(
                numbers,
                verdict.platform,
                verdict.delivery,
                verdict.platform_confidence or verdict.delivery_confidence,
                verdict.conflicts,
            )
        return Identification(
            platform=verdict.platform,
            delivery=verdict.delivery,
            account=account,
            receiver=facts.receiver.name if facts.receiver else None,
            sending_ip=facts.sending_ip,
            sdids=tuple(dict.fromkeys([signature.sdid for signature, _ in facts.signatures])),
            platform_confidence=verdict.platform_confidence,
            delivery_confidence=verdict.delivery_confidence,
            account_confidence=sure,
            evidence=_evidence(hits, message.delivered_to) if hits else (),
            conflicts=tuple(verdict.conflicts),
            job=job,
            authentication=with_own_check(facts.authentication(), dkim) if dkim else facts.authentication(),
            authenticated=authenticated(facts, dkim),
            dkim=tuple(dkim),
        )


def _evidence(hits: Sequence[Hit], delivered_to: Sequence[str]) -> tuple[Evidence, ...]:
    """The hits as evidence in the order of the message, recipients taken out."""
    recipients = recipients_of(delivered_to)
    shown: dict[str, str] = {}
    found: list[Evidence] = []
    for hit in hits[:EVIDENCE_LIMIT]:
        signal = hit.signal
        if signal.role is None:
            continue
        value = hit.host
        if value is None:
            deciding = hit.value
            if len(deciding) > SHOWN_LIMIT and signal.pattern is not None:
                # Of a long value what the pattern matched.
                deciding = signal.pattern.matched(deciding[:VALUE_LIMIT]) or deciding
            value = shown.get(deciding)
            if value is None:
                value = shown[deciding] = redact(deciding, recipients)
        found.append(Evidence(signal.provider, signal.role, signal.field, value, hit.trust, signal.weight, signal.label))
    return tuple(found)
