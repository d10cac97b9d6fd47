"""Read the customer number at a provider out of a message, and the number of the mailing (job)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from monitor.identify.signatures import AccountRule
from monitor.model import Account, Confidence, Trust

VALUE_LIMIT = 16_000
"""Characters of a value that are read."""


class AccountFound(NamedTuple):
    provider: str
    account: Account | None
    """None where the rule reads only the mailing's number."""
    trust: Trust
    job: str | None
    field: str


def read_accounts(numbers: Iterable[tuple[AccountRule, str, Trust]], names: Sequence[str]) -> list[AccountFound]:
    """The numbers of the named providers, out of the values that their rules fit."""
    found: list[AccountFound] = []
    for rule, value, trust in numbers:
        if rule.provider in names and (groups := rule.pattern.groups(value[:VALUE_LIMIT])) is not None:
            number = groups.get("id")
            account = Account(rule.provider, rule.kind, number) if number else None
            found.append(AccountFound(rule.provider, account, trust, groups.get("job"), rule.field))
    return found


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
