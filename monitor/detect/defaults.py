"""What a cold installation knows before its first mail: pooled profile, scales, tails (`config/gap-defaults.json`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from monitor.detect.calendar import HOURS_PER_WEEK
from monitor.detect.tails import KINDS, Floats, Tails, tails_from
from monitor.shipped import shipped


@dataclass(frozen=True)
class Defaults:
    """Pooled knowledge; the file's `provenance` says from which data."""

    profile: Floats
    """Relative activity of the 168 hours of the week (Monday 00:00 first), mean 1, in the zone of the data."""
    q90: float
    top5: float
    """Pooled scale of rescaled gaps: their 90 % quantile, and the mean of the five largest of 128."""
    variation: float
    """Pooled coefficient of variation of rescaled gaps."""
    prior_sessions: float
    prior_hours: float
    """The level's Gamma prior: as if so many sessions had been seen in so many hours."""
    tails: Tails

    @cached_property
    def marginals(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The pooled profile's shares of the 24 hours and of the 7 days."""
        share = (self.profile / HOURS_PER_WEEK).reshape(7, 24).astype(np.float32)
        return share.sum(axis=0), share.sum(axis=1)

    @cached_property
    def scale(self) -> float:
        """The pooled irregularity, to which streams are compared."""
        return float(np.sqrt(self.q90 * self.top5))


def read_defaults(text: str) -> Defaults:
    """Read the JSON text of `gap-defaults.json`; a missing key raises KeyError (the file ships with the program)."""
    data = json.loads(text)
    profile = np.array(data["profile"], np.float64)
    tails = [data["tails"][name][regularity] for name, regularity in KINDS]
    return Defaults(
        profile=profile * HOURS_PER_WEEK / profile.sum(),
        q90=data["scale"]["q90"],
        top5=data["scale"]["top5"],
        variation=data["scale"]["variation"],
        prior_sessions=data["level_prior"]["sessions"],
        prior_hours=data["level_prior"]["hours"],
        tails=tails_from([t["knots"] for t in tails], [t["mean_excess"] for t in tails]),
    )


@cache
def load_defaults() -> Defaults:
    """The shipped defaults."""
    return read_defaults(shipped("config/gap-defaults.json").read_text(encoding="utf-8"))
