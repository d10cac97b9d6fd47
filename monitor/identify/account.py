"""Read the customer number at a provider out of a message, and the number of the mailing (job)."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.identify.signatures import AccountRule
from monitor.model import Account, Confidence, Trust

VALUE_LIMIT = 16_000
"""Characters of a value that are read."""

_SIGNED, _CLAIMED = Trust.SIGNED, Trust.CLAIMED
_CERTAIN, _LIKELY, _POSSIBLE = Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE
"""A global is read ten times as fast as the member of an enum (CPython 3.11)."""
TOKENS_LIMIT = 8
_TOKEN = re.compile(r"eyJ[A-Za-z0-9+/_-]{8,4000}")
"""Base64 of what begins with `{"`: the parts of a JSON Web Token (RFC 7519), of an X-MSFBL."""
_URL_SAFE = str.maketrans("+/", "-_")


@dataclass(slots=True)
class AccountFound:
    provider: str
    account: Account | None
    """None where the rule reads only the mailing's number."""
    trust: Trust
    job: str | None
    field: str


def read_accounts(numbers: Iterable[tuple[AccountRule, str, Trust]], names: Sequence[str]) -> list[AccountFound]:
    """The numbers of the named providers, out of the values that their rules fit."""
    found: list[AccountFound] = []
    own = [number for number in numbers if number[0].provider in names]
    if len(own) > 1:
        own.sort(key=_order)
    for rule, value, trust in own:
        if (groups := rule.pattern.groups(value[:VALUE_LIMIT])) is not None:
            number = groups.get("id")
            account = Account(rule.provider, rule.kind, number) if number else None
            found.append(AccountFound(rule.provider, account, trust, groups.get("job"), rule.field))
    return found


def _order(number: tuple[AccountRule, str, Trust]) -> int:
    return number[0].order


def in_tokens(
    rules: Iterable[AccountRule], fields: Mapping[str, Sequence[str]], signed: frozenset[str]
) -> list[tuple[AccountRule, str, Trust]]:
    """What the rules on tokens have to read: the JSON in the base64 runs of their fields."""
    found: list[tuple[AccountRule, str, Trust]] = []
    for rule in rules:
        values = fields.get(rule.field, ())
        trust = _SIGNED if rule.field in signed and len(values) == 1 else _CLAIMED
        for value in values:
            runs = _TOKEN.findall("".join(value[:VALUE_LIMIT].split()))[:TOKENS_LIMIT] if "eyJ" in value else ()
            found += [(rule, text, trust) for run in runs if (text := _json_in(run)) is not None]
    return found


def _json_in(run: str) -> str | None:
    try:
        return urlsafe_b64decode(run.translate(_URL_SAFE) + "=" * (-len(run) % 4)).decode("utf-8")
    except ValueError:
        return None


def choose_account(
    found: Sequence[AccountFound], platform: str | None, delivery: str | None, sure: Confidence | None, conflicts: list[str]
) -> tuple[Account | None, Confidence | None, str | None]:
    """(account, confidence, `provider:job`): the platform's number before the delivery's, the best vouched before others.

    Two different numbers of one kind are a conflict and lower the confidence. A claimed number is never certain.
    """
    job: str | None = None
    for provider in (platform,) if platform == delivery else (platform, delivery):
        own = [entry for entry in found if entry.provider == provider]
        if not own:
            continue
        if job is None and len(jobs := {entry.job for entry in own if entry.job}) == 1:
            job = f"{provider}:{next(iter(jobs))}"
        numbered = [(entry, entry.account) for entry in own if entry.account is not None]
        if not numbered:
            continue
        first, account = numbered[0]
        others: list[str] = []
        if len(numbered) > 1:
            alike = [pair for pair in numbered if pair[1].kind == account.kind]
            first, account = min(alike, key=lambda pair: _RANK[pair[0].trust])
            others = sorted({other.id for _, other in alike} - {account.id})
        confidence = sure or _POSSIBLE
        if confidence is _CERTAIN and first.trust is _CLAIMED:
            confidence = _LIKELY
        if others:
            conflicts.append(f"{provider}: {account.kind} is {account.id} in {first.field}, elsewhere {', '.join(others[:3])}")
            confidence = _POSSIBLE
        return account, confidence, job
    return None, None, job


_RANK = {Trust.OBSERVED: 0, Trust.SIGNED: 1, Trust.CLAIMED: 2}
