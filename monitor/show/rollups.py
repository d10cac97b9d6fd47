"""Roll-ups: all streams on one provider or account, all providers of one organisation; and changes as rows (pure)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.detect.infrastructure import InfrastructureChange, Regime
from monitor.model import Send
from monitor.words import iso

Row = dict[str, object]


class By(StrEnum):
    PROVIDER = "provider"
    ACCOUNT = "account"
    ORGANISATION = "organisation"


@dataclass(frozen=True, slots=True)
class Share:
    """How much of some mail came through one provider, as platform, as delivery or as both."""

    provider: str
    sends: int
    share: float


@dataclass(frozen=True, slots=True)
class Rollup:
    """Everything that came through one provider or account, or from one organisation."""

    by: By
    name: str
    sends: int
    share: float
    """Of all sends that were looked at."""
    roles: tuple[str, ...]
    """For a provider: `delivery`, `platform` or both."""
    streams: tuple[str, ...]
    organisations: tuple[str, ...]
    providers: tuple[Share, ...]
    """The most frequent first."""
    accounts: tuple[str, ...]
    """`kind:id`, the most frequent first."""
    first_at: datetime
    last_at: datetime


def rollup_rows(sends: Iterable[Send], by: By) -> list[Rollup]:
    """One row for each name, the largest first. What is not known is in no row of providers or accounts."""
    found: dict[str, list[Send]] = defaultdict(list)
    total = 0
    for send in sends:
        total += 1
        for name in _names(send, by):
            found[name].append(send)
    rows = [_rollup(by, name, some, total) for name, some in found.items()]
    return sorted(rows, key=lambda row: (-row.sends, row.name))


def provider_shares(sends: Sequence[Send]) -> tuple[Share, ...]:
    """Through whom some mail came, the most frequent first; a mail with a platform and another delivery counts for both."""
    providers = Counter(provider for send in sends for provider in _names(send, By.PROVIDER))
    return tuple(
        Share(name, number, number / len(sends)) for name, number in sorted(providers.items(), key=lambda p: (-p[1], p[0]))
    )


def rollup_json(row: Rollup) -> Row:
    """Keys are always there."""
    return {
        row.by.value: row.name,
        "sends": row.sends,
        "share": round(row.share, 4),
        "roles": list(row.roles),
        "streams": list(row.streams),
        "organisations": list(row.organisations),
        "providers": [share.provider for share in row.providers],
        "provider_shares": {share.provider: round(share.share, 4) for share in row.providers},
        "accounts": list(row.accounts),
        "first_send": iso(row.first_at),
        "last_send": iso(row.last_at),
    }


def change_json(change: InfrastructureChange) -> Row:
    """One change with the first and the last message of what was before and of what came after."""
    return {
        "stream": change.stream,
        "organisation": change.organisation,
        "aspect": change.aspect.name.lower(),
        "before": _regime(change.before),
        "after": _regime(change.after),
        "found_at": iso(change.found_at),
        "sentence": change.sentence,
    }


def _regime(regime: Regime) -> Row:
    return {
        "value": regime.value,
        "share": round(regime.share, 4),
        "sends": regime.sends,
        "first_send": iso(regime.first.at),
        "first_message_id": regime.first.message_id,
        "last_send": iso(regime.last.at),
        "last_message_id": regime.last.message_id,
    }


def _names(send: Send, by: By) -> Iterable[str]:
    if by is By.PROVIDER:
        return {name for name in (send.platform, send.delivery) if name}
    if by is By.ACCOUNT:
        return (send.account,) if send.account else ()
    return (send.organisation,)


def _rollup(by: By, name: str, sends: list[Send], total: int) -> Rollup:
    roles = {"platform": any(s.platform == name for s in sends), "delivery": any(s.delivery == name for s in sends)}
    accounts = Counter(send.account for send in sends if send.account)
    return Rollup(
        by=by,
        name=name,
        sends=len(sends),
        share=len(sends) / total,
        roles=tuple(sorted(role for role, holds in roles.items() if holds)) if by is By.PROVIDER else (),
        streams=tuple(sorted({send.stream for send in sends})),
        organisations=tuple(sorted({send.organisation for send in sends})),
        providers=provider_shares(sends),
        accounts=tuple(sorted(accounts, key=lambda a: (-accounts[a], a))),
        first_at=min(send.at for send in sends),
        last_at=max(send.at for send in sends),
    )
