"""The best that is possible: deadlines from the true hazard of simulated lists, with one threshold a class.

The next send after one at t is silent beyond t + d with probability S = P(gap in operational time > Λ(session, t + d))
over the same at t, where the gap is gamma-distributed and Λ the integrated true intensity (time rescaling: Brown, Barbieri,
Ventura, Kass, Frank 2002). The score is -ln S. Unannounced pauses are unknown to it, as to everyone.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincc, gammainccinv

from tests.bench.gaps.protocol import Floats, Record, Stream
from tests.bench.gaps.simulate import SimulatedList, Simulation

_LEAST = 1e-290
"""Below this a survival probability is no longer told apart."""


class Oracle:
    """A rule that knows how the lists are made."""

    name = "oracle: true hazard"

    def __init__(self, simulation: Simulation, record: Record) -> None:
        self.record, self._first = record, simulation.first
        by_name = {x.name: x for x in simulation.lists}
        self._lists = [by_name[name] for name in record.names]
        self._cumulated = [np.concatenate([[0.0], np.cumsum(x.intensity)]) for x in self._lists]

    def score(self) -> Floats:
        result = np.empty(self.record.start.size)
        for known, cumulated, part in zip(self._lists, self._cumulated, self.record.slices(), strict=True):
            begun = self._survival(known, cumulated, part, self.record.start[part])
            ended = self._survival(known, cumulated, part, self.record.end[part])
            result[part] = np.log(begun) - np.log(ended)
        return result

    def deadline(self, threshold: Floats) -> Floats:
        result = np.empty(self.record.start.size)
        for known, cumulated, part in zip(self._lists, self._cumulated, self.record.slices(), strict=True):
            begun = self._survival(known, cumulated, part, self.record.start[part])
            wanted = np.maximum(begun * np.exp(-threshold[part]), _LEAST)
            gap = gammainccinv(known.shape, wanted) / known.shape
            at = self._integral(cumulated, known.sessions[: begun.size]) + gap
            result[part] = np.maximum(self._when(cumulated, at), self.record.start[part])
        return result

    def _survival(self, known: SimulatedList, cumulated: Floats, part: slice, time: Floats) -> Floats:
        sessions = known.sessions[: part.stop - part.start]
        gap = self._integral(cumulated, time) - self._integral(cumulated, sessions)
        return np.asarray(np.maximum(gammaincc(known.shape, known.shape * gap), _LEAST))

    def _integral(self, cumulated: Floats, time: Floats) -> Floats:
        return np.interp(time - self._first, np.arange(cumulated.size), cumulated)

    def _when(self, cumulated: Floats, amount: Floats) -> Floats:
        """The inverse of `_integral`; after the simulation's end the list's mean intensity goes on."""
        beyond = np.maximum(amount - cumulated[-1], 0.0) / (cumulated[-1] / (cumulated.size - 1))
        return np.asarray(self._first + np.interp(amount, cumulated, np.arange(cumulated.size)) + beyond)


def streams_of(simulation: Simulation) -> list[Stream]:
    """The simulated lists as anyone sees them."""
    return [Stream(x.name, x.times, float(simulation.end)) for x in simulation.lists]
