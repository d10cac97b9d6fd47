"""Words for pages: a notice in its parts, how often a list mails, and what a return period means."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta

from monitor import words
from monitor.model import GapFacts
from monitor.words import plain


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a notice: its heading (empty: none), paragraphs and items."""

    heading: str
    paragraphs: tuple[str, ...]
    items: tuple[str, ...]


def letter(text: str) -> list[Block]:
    """A notice's plain text in blocks: paragraphs, `- ` items, and a first line in capitals as the block's heading."""
    blocks = []
    for lines in (block.splitlines() for block in re.split(r"\n\s*\n", text.strip())):
        heading = lines[0].capitalize() if len(lines) > 1 and lines[0].isupper() else None
        rest = lines[1:] if heading else lines
        items = tuple(plain(line[2:], 2000) for line in rest if line.startswith("- "))
        paragraphs = tuple(plain(line, 2000) for line in rest if line.strip() and not line.startswith("- "))
        blocks.append(Block(plain(heading), paragraphs, items))
    return blocks


def rate(per_day: float) -> str:
    """`about 9 a day`, `about 3 a week`, `about 2 a month`; `less than one a month` below that."""
    for times, unit in ((per_day, "day"), (per_day * 7, "week"), (per_day * 30.4, "month")):
        if times >= 0.95:
            shown = f"{times:.1f}".rstrip("0").rstrip(".") if times < 2 else f"{times:.0f}"
            return f"about {shown} a {unit}"
    return "less than one a month" if per_day > 0 else "not known yet"


def rarity(facts: GapFacts) -> str:
    """What a return period means: `a silence this long is expected once in about 3 years`; where only a part counts, of that."""
    years, uncounted = facts.return_period_years, facts.silence - facts.covered
    if years <= 0 or math.isnan(years):
        return "how rare a silence like this is, is not known yet"
    if facts.covered < timedelta(minutes=1) <= uncounted:
        return "nothing can be said of this silence yet, as none of it counts so far"
    is_partly_seen = uncounted > max(timedelta(hours=1), 0.1 * facts.silence)
    silence = f"a silence of {words.span(facts.covered)}, so much of it counts," if is_partly_seen else "a silence this long"
    known = words.odds(years)
    return f"{silence} is expected {known}" if known else f"{silence} is usual here"


def fleet(factor: float) -> str:
    """How the other lists are doing, in a sentence."""
    if words.fleet(factor) is None:
        return "All lists together mail about as usual now."
    return f"{words.fleet(factor)}; this is taken into account."
