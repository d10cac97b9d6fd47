"""Read the customer number at a provider out of a message, and the number of the mailing (job)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from monitor.identify.facts import Facts
from monitor.identify.index import SignatureIndex
from monitor.identify.signatures import AccountRule
from monitor.model import Account, Confidence, Message, Trust

VALUE_LIMIT = 4_096
_DERIVED = {"return-path", "dkim-d"}


class AccountFound(NamedTuple):
    provider: str
    account: Account | None
    """None where the rule reads only the mailing's number."""
    trust: Trust
    job: str | None
    field: str


def find_accounts(message: Message, facts: Facts, index: SignatureIndex, names: Sequence[str]) -> list[AccountFound]:
    """Every number that a rule of the named providers reads: envelope, signatures, then the fields from the top."""
    found: list[AccountFound] = []
    for provider in names:
        rules = index.accounts.get(provider)
        if rules is None:
            continue
        if facts.return_path and "return-path" in rules:
            found += _read(rules["return-path"], facts.return_path, facts.return_path_trust)
        if "dkim-d" in rules:
            for signature, good in facts.signatures:
                found += _read(rules["dkim-d"], signature.sdid, Trust.SIGNED if good else Trust.CLAIMED)
        wanted = rules.keys() - _DERIVED
        for name, value in message.headers if wanted else ():
            if name in wanted:
                found += _read(rules[name], value, Trust.SIGNED if name in facts.signed_fields else Trust.CLAIMED)
    return found


def _read(rules: Sequence[AccountRule], value: str, trust: Trust) -> list[AccountFound]:
    out: list[AccountFound] = []
    for rule in rules:
        if (groups := rule.pattern.groups(value[:VALUE_LIMIT])) is not None:
            number = groups.get("id")
            account = Account(rule.provider, rule.kind, number) if number else None
            out.append(AccountFound(rule.provider, account, trust, groups.get("job"), rule.field))
    return out


def choose_account(
    found: Sequence[AccountFound], platform: str | None, delivery: str | None, sure: Confidence | None, conflicts: list[str]
) -> tuple[Account | None, Confidence | None, str | None]:
    """(account, confidence, `provider:job`): the platform's number before the delivery's, the best vouched before others.

    Two different numbers of one kind are a conflict and lower the confidence. A claimed number is never certain.
    """
    job: str | None = None
    for provider in dict.fromkeys((platform, delivery)):
        own = [entry for entry in found if entry.provider == provider]
        jobs = {entry.job for entry in own if entry.job}
        job = job or (f"{provider}:{next(iter(jobs))}" if len(jobs) == 1 else None)
        numbered = [(entry, entry.account) for entry in own if entry.account is not None]
        if not numbered:
            continue
        first, account = min(numbered, key=lambda pair: _RANK[pair[0].trust])
        others = sorted({other.id for _, other in numbered if other.kind == account.kind} - {account.id})
        confidence = sure or Confidence.POSSIBLE
        if confidence is Confidence.CERTAIN and first.trust is Trust.CLAIMED:
            confidence = Confidence.LIKELY
        if others:
            conflicts.append(f"{provider}: {account.kind} is {account.id} in {first.field}, elsewhere {', '.join(others[:3])}")
            confidence = Confidence.POSSIBLE
        return account, confidence, job
    return None, None, job


_RANK = {Trust.OBSERVED: 0, Trust.SIGNED: 1, Trust.CLAIMED: 2}
