"""Findings beside the gap have a budget of their own, of the same size: what level such a finding has."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.detect.bank import BUDGETS, LEVELS
from monitor.model import Level


@dataclass(frozen=True, slots=True)
class Budget:
    """How many false alerts a year are accepted of one stream, and whether the levels beside `alert` are wanted."""

    a_year: float
    with_levels: bool = True

    def level_of(self, a_year: float) -> Level | None:
        """The highest level that something may have that happens so often a year by chance; None: it is nothing."""
        reached = [level for level, share in zip(LEVELS, BUDGETS, strict=True) if a_year <= share * self.a_year]
        if not self.with_levels:
            return Level.ALERT if Level.ALERT in reached else None
        return reached[-1] if reached else None
