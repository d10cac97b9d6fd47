"""What the fleet teaches: tails refitted monthly from its own gaps, and feedback that keeps the promise, for kinds and streams.

Both use only gaps and alarms that are over. Tails fall back to the shipped ones while a rate class has few gaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.detect.bank import Bank, Floats, Rows
from monitor.detect.calendar import HOURS_PER_YEAR
from monitor.detect.defaults import Defaults
from monitor.detect.tails import KINDS, REGULARITIES, Tail, Tails, between, fit_tail, stricter

MONTH = round(HOURS_PER_YEAR / 12)
LEAST_GAPS = 2000
TRIAL = HOURS_PER_YEAR / 2
"""So long the shipped tails still count: the fleet's own ones have seen too little of a year."""
FEEDBACK_HALF_LIFE = 2 * HOURS_PER_YEAR
FEEDBACK_INERTIA = np.repeat([20.0, 5.0, 5.0, 5.0], len(REGULARITIES))
"""False alarms as if seen and promised before, by kind; heavy lists' come in clusters, so that as many prove less."""
FEEDBACK_LIMIT = 3.0
OWN_INERTIA = 5.0
"""The same for the correction of a single stream, on top of its kind's."""
OWN_CLASSES = 2
"""So many of the busier rate classes have one: slower lists differ in this by no more than chance."""
REAL_STOP_HOURS, REAL_STOP_GAPS = 14 * 24.0, 20.0


def is_real_stop(silence: Floats, mean_gap: Floats) -> NDArray[np.bool_]:
    """A silence so long that reporters want it: more than 14 days and more than 20 mean gaps."""
    return np.asarray(silence > np.maximum(REAL_STOP_HOURS, REAL_STOP_GAPS * mean_gap))


@dataclass
class Learning:
    """Pooled knowledge at one moment."""

    defaults: Defaults
    tails: Tails
    feedback: Floats
    """Added to the surprise that an alarm needs, by kind of tail."""
    gaps: list[tuple[NDArray[np.float32], NDArray[np.int8]]]
    """Standardised gaps with their kinds of tails, in the order in which they ended."""
    contradicted: Floats
    promised: Floats
    """Alarms that were contradicted, and that the tails alone promised at the thresholds in force, by kind, decayed."""
    since: int
    """The first hour."""

    @classmethod
    def start(cls, defaults: Defaults, hour: int) -> Learning:
        n = len(KINDS)
        return cls(defaults, defaults.tails, np.zeros(n), [], np.zeros(n), np.zeros(n), hour)

    def copy(self) -> Learning:
        return Learning(
            self.defaults,
            self.tails,
            self.feedback.copy(),
            list(self.gaps),
            self.contradicted.copy(),
            self.promised.copy(),
            self.since,
        )

    def note_gaps(self, gaps: Floats, wall: Floats, level: Floats, kinds: Rows, is_group: NDArray[np.bool_]) -> None:
        """Keep standardised gaps of streams that lived on; a real stop says nothing about the living."""
        with np.errstate(invalid="ignore"):
            useful = ~np.isnan(gaps) & ~is_group & ~is_real_stop(wall, 1.0 / level)
        if np.count_nonzero(useful):
            self.gaps.append((gaps[useful].astype(np.float32), kinds[useful].astype(np.int8)))

    def note_alarm(self, bank: Bank, row: int, kind: int, silence: float, mean_gap: float) -> None:
        """An alarm of a row ended with a send; unless it was a real stop, it was false.

        What `fixed` hours or a `ceiling` bring about proves nothing about tails.
        """
        if np.isinf(bank.limit[row]) and silence <= max(REAL_STOP_HOURS, REAL_STOP_GAPS * mean_gap):
            self.contradicted[kind] += 1.0
            bank.contradicted[row] += 1.0

    def pass_day(self, bank: Bank, hour: int, judged: Floats) -> None:
        """Add the false alarms that the tails promise for the day that ends, and decay.

        `judged`: by row, the hours of it in which an alarm was possible; not those of holes, nor of imported history.
        """
        keep = 0.5 ** (24 / FEEDBACK_HALF_LIFE)
        self.contradicted *= keep
        self.promised *= keep
        with np.errstate(invalid="ignore"):
            mean_gap = 1.0 / bank.levels()
            live = ~is_real_stop(hour - bank.view("last"), mean_gap) & ~np.isnan(bank.view("last"))
        live &= (bank.view("sessions") >= bank.view("min_sessions")) & ~bank.view("is_group") & np.isinf(bank.view("limit"))
        share = np.where(live, bank.view("budget"), 0.0) * judged / HOURS_PER_YEAR * np.exp(-bank.view("feedback"))
        by_kind = np.bincount(bank.view("tail"), weights=share, minlength=len(KINDS))
        self.promised += by_kind * np.exp(-self.feedback)
        bank.view("contradicted")[:] *= keep
        bank.view("promised")[:] = bank.view("promised") * keep + share

    def refit(self, bank: Bank, hour: int) -> bool:
        """At the end of the day on which a month is over: new tails and feedback. True where anything may have changed."""
        if hour // MONTH == (hour - 24) // MONTH:
            return False
        if self.gaps:
            values = np.concatenate([g for g, _ in self.gaps])
            kinds = np.concatenate([k for _, k in self.gaps])
            self.gaps = [(values, kinds)]
            own = [values[kinds == index].astype(np.float64) for index in range(len(KINDS))]
            known = zip(own, self.defaults.tails.by_kind, strict=True)
            self.tails = Tails([self._tail(v, tail, hour) for v, tail in known])
        off_by = np.log((self.contradicted + FEEDBACK_INERTIA) / (self.promised + FEEDBACK_INERTIA))
        self.feedback = np.clip(off_by, -FEEDBACK_LIMIT, FEEDBACK_LIMIT)
        own_by = np.log((bank.view("contradicted") + OWN_INERTIA) / (bank.view("promised") + OWN_INERTIA))
        busy = bank.view("rate_class") < OWN_CLASSES
        bank.view("feedback")[:] = np.where(busy, np.clip(own_by, -FEEDBACK_LIMIT, FEEDBACK_LIMIT), 0.0)
        return True

    def _tail(self, gaps: Floats, shipped: Tail, hour: int) -> Tail:
        """The fleet's own tail; at first no bolder than the shipped one, which has seen holidays, and less and less so bound."""
        if gaps.size < LEAST_GAPS:
            return shipped
        own = fit_tail(gaps)
        share = (hour - self.since) / TRIAL
        return own if share >= 1.0 else between(stricter(own, shipped), own, share)
