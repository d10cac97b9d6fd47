"""Runs of equal rows, such as the sends of one hour that stand row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of equal rows. Places point into all of them, `member` into the distinct ones."""

    rows: Rows
    distinct: Rows
    member: Rows
    """Of each place, which of `distinct` it is."""
    rank: Rows
    """Of each place, how many there are of its run before it."""
    first: Rows
    last: Rows
    """Of each distinct row, its first and last place."""

    def before(self, values: Floats, known: Floats) -> Floats:
        """Of each place, the value of its row's place before it; of a first place that of `known`, by distinct row."""
        shifted = np.empty_like(values)
        shifted[1:] = values[:-1]
        shifted[self.first] = known
        return shifted


def runs_of(rows: Rows, parts: Rows | None = None) -> Runs:
    """`rows`: equal ones stand together. A run ends where `parts` changes, too."""
    new = np.ones(rows.size, np.bool_)
    np.not_equal(rows[1:], rows[:-1], out=new[1:])
    if parts is not None:
        new[1:] |= parts[1:] != parts[:-1]
    first = new.nonzero()[0]
    member = new.cumsum() - 1
    return Runs(rows, rows[first], member, np.arange(rows.size) - first[member], first, np.append(first, rows.size)[1:] - 1)
