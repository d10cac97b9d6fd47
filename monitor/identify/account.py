"""Read the customer number at a provider out of a message, and the number of the mailing (job)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.identify.facts import Facts
from monitor.identify.index import SignatureIndex
from monitor.identify.signatures import AccountRule
from monitor.model import Account, Confidence, Message, Trust

VALUE_LIMIT = 4_096


@dataclass(frozen=True, slots=True)
class AccountFound:
    account: Account
    trust: Trust
    job: str | None
    field: str


def find_accounts(message: Message, facts: Facts, index: SignatureIndex, names: Sequence[str]) -> list[AccountFound]:
    """Every number that a rule of the named providers reads, in the order of the message."""
    if not names:
        return []
    found: list[AccountFound] = []
    if facts.return_path and (rules := index.rules.get("return-path")):
        found += _read(rules, facts.return_path, facts.return_path_trust, names)
    for signature, good in facts.signatures:
        if rules := index.rules.get("dkim-d"):
            found += _read(rules, signature.sdid, Trust.SIGNED if good else Trust.CLAIMED, names)
    for name, value in message.headers:
        key = "feedback-id" if name == "x-feedback-id" else name
        if key != "return-path" and (rules := index.rules.get(key)):
            found += _read(rules, value, Trust.SIGNED if name in facts.signed_fields else Trust.CLAIMED, names)
    return found


def _read(rules: Sequence[AccountRule], value: str, trust: Trust, names: Sequence[str]) -> list[AccountFound]:
    out: list[AccountFound] = []
    for rule in rules:
        if rule.provider in names and (fit := rule.pattern.search(value[:VALUE_LIMIT])) is not None:
            groups = fit.groupdict()
            number = groups.get("id")
            if number:
                out.append(AccountFound(Account(rule.provider, rule.kind, number), trust, groups.get("job"), rule.field))
    return out


def choose_account(
    found: Sequence[AccountFound], platform: str | None, delivery: str | None, sure: Confidence | None, conflicts: list[str]
) -> tuple[Account | None, Confidence | None, str | None]:
    """(account, confidence, job): the platform's number before the delivery's, the best vouched before others.

    Two different numbers of one kind are a conflict and lower the confidence. A claimed number is never certain.
    """
    for provider in dict.fromkeys((platform, delivery)):
        own = [entry for entry in found if entry.account.provider == provider]
        if not own:
            continue
        first = min(own, key=lambda entry: _RANK[entry.trust])
        same = [entry for entry in own if entry.account.kind == first.account.kind]
        others = sorted({entry.account.id for entry in same} - {first.account.id})
        jobs = {entry.job for entry in own if entry.job}
        confidence = sure or Confidence.POSSIBLE
        if confidence is Confidence.CERTAIN and first.trust is Trust.CLAIMED:
            confidence = Confidence.LIKELY
        if others:
            conflicts.append(
                f"{provider}: {first.account.kind} is {first.account.id} in {first.field}, elsewhere {', '.join(others[:3])}"
            )
            confidence = Confidence.POSSIBLE
        return first.account, confidence, next(iter(jobs)) if len(jobs) == 1 else None
    return None, None, None


_RANK = {Trust.OBSERVED: 0, Trust.SIGNED: 1, Trust.CLAIMED: 2}
