"""Rebuild: read every stored original again with today's signatures and stream rules, and say what is different."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from monitor.app.ingest import Reader
from monitor.model import NewCopy
from monitor.store.rebuild import Before
from monitor.store.store import Store

EXAMPLES = 3
"""Messages that are kept to show one difference."""

Progress = Callable[[int, int], None]
"""Is told the number of the last copy read and the highest there is."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One aspect of one message that reads differently now; None: not told."""

    aspect: str
    """`platform`, `delivery`, `account` or `stream`."""
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Example:
    """One message that shows a difference, by what identifies it to a person."""

    message_id: str | None
    stream: str | None
    delivered_at: str
    """ISO 8601 UTC."""


@dataclass
class Rebuilt:
    """What a rebuild found, in messages."""

    read: int = 0
    changed: int = 0
    """Messages with at least one difference."""
    surer: int = 0
    """Messages whose platform or delivery has the same name and another confidence."""
    lost: list[str] = field(default_factory=list)
    """What the store said of originals that are missing or damaged."""
    before: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """`platform` and `delivery` → provider (`unknown` where none was told) → messages; `after` likewise."""
    after: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    differences: Counter[Difference] = field(default_factory=Counter)
    examples: dict[Difference, list[Example]] = field(default_factory=lambda: defaultdict(list))


def rebuild(store: Store, reader: Reader, progress: Progress, size: int = 200) -> Rebuilt:
    """Read what is left to read, one small transaction for each `size` messages, so that a running service goes on between.

    An interrupted one goes on where it stopped when it is called again; its report then tells of the rest only.
    """
    found = Rebuilt()
    while (batch := store.rebuild_next(size)) is not None:
        read = {number: reader.read_one(raw, batch.before[number].dkim) for number, raw in batch.messages.items()}
        store.rebuild_keep(batch, read)
        _compare(found, batch.before, read)
        found.lost += batch.lost
        progress(batch.last, batch.total)
    return found


def _compare(found: Rebuilt, before: Mapping[int, Before], read: Mapping[int, NewCopy]) -> None:
    for number, copy in read.items():
        old, who = before[number], copy.identification
        account = f"{who.account.kind}:{who.account.id}" if who.account else None
        aspects = (
            Difference("platform", old.platform, who.platform),
            Difference("delivery", old.delivery, who.delivery),
            Difference("account", old.account, account),
            Difference("stream", old.stream, copy.key.stream if copy.key else None),
        )
        found.read += 1
        for aspect in aspects[:2]:
            found.before[aspect.aspect][aspect.before or "unknown"] += 1
            found.after[aspect.aspect][aspect.after or "unknown"] += 1
        different = [aspect for aspect in aspects if aspect.before != aspect.after]
        for difference in different:
            found.differences[difference] += 1
            if len(found.examples[difference]) < EXAMPLES:
                shown = Example(copy.message.message_id, old.stream, copy.raw.delivered_at.strftime("%Y-%m-%dT%H:%M:%SZ"))
                found.examples[difference].append(shown)
        found.changed += bool(different)
        sure = (old.platform_confidence, old.delivery_confidence)
        found.surer += not different and sure != (who.platform_confidence, who.delivery_confidence)
