"""What the whole fleet teaches: tails refitted monthly from its own gaps, and feedback that keeps the promise.

Both use only gaps and alarms that are over. Tails fall back to the shipped ones while a rate class has few gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.detect.bank import Bank, Floats, Rows
from monitor.detect.calendar import HOURS_PER_YEAR
from monitor.detect.defaults import Defaults
from monitor.detect.tails import KINDS, REGULARITIES, Tail, Tails, between, fit_tail, stricter

MONTH = round(HOURS_PER_YEAR / 12)
LEAST_GAPS = np.repeat([2000, 2000, 1000, 500], len(REGULARITIES))
"""By kind, how many gaps a fleet's own tail is made from: slow lists' alarms come from less far out in it."""
FULL_YEAR = np.repeat([True, True, False, False], len(REGULARITIES))
"""The kinds whose alarms come in a year's lulls, mostly: what a fleet teaches of them before it has seen a year is too bold."""
TRIAL = np.where(FULL_YEAR, 1.0, 0.5) * HOURS_PER_YEAR
"""By kind, so long the shipped tails still count."""
FEEDBACK_HALF_LIFE = 2 * HOURS_PER_YEAR
FEEDBACK_INERTIA = np.repeat([20.0, 5.0, 5.0, 5.0], len(REGULARITIES))
"""False alarms as if seen and promised before, by kind; heavy lists' come in clusters, so that as many prove less."""
FEEDBACK_LIMIT = 3.0
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
    own: NDArray[np.bool_]
    """By kind, whether the tail is the fleet's own alone."""

    @classmethod
    def start(cls, defaults: Defaults, hour: int) -> Learning:
        n = len(KINDS)
        return cls(defaults, defaults.tails, np.zeros(n), [], np.zeros(n), np.zeros(n), hour, np.zeros(n, np.bool_))

    def copy(self) -> Learning:
        return Learning(
            self.defaults,
            self.tails,
            self.feedback.copy(),
            list(self.gaps),
            self.contradicted.copy(),
            self.promised.copy(),
            self.since,
            self.own.copy(),
        )

    def note_gaps(self, gaps: Floats, wall: Floats, level: Floats, kinds: Rows, is_group: NDArray[np.bool_]) -> None:
        """Keep standardised gaps of streams that lived on; a real stop says nothing about the living."""
        with np.errstate(invalid="ignore"):
            useful = ~np.isnan(gaps) & ~is_group & ~is_real_stop(wall, 1.0 / level)
        if np.count_nonzero(useful):
            self.gaps.append((gaps[useful].astype(np.float32), kinds[useful].astype(np.int8)))

    def note_alarm(self, kind: int, silence: float, mean_gap: float) -> None:
        """An alarm ended with a send; unless it was a real stop, it was false."""
        if silence <= max(REAL_STOP_HOURS, REAL_STOP_GAPS * mean_gap):
            self.contradicted[kind] += 1.0

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
        live &= (bank.view("sessions") >= bank.view("min_sessions")) & ~bank.view("is_group")
        share = np.where(live, bank.view("budget"), 0.0) * judged / HOURS_PER_YEAR
        by_kind = np.bincount(bank.view("tail"), weights=share, minlength=len(KINDS))
        self.promised += by_kind * np.exp(-self.feedback)

    def refit(self, hour: int) -> bool:
        """At the end of the day on which a month is over: new tails and feedback. True where anything may have changed."""
        if hour // MONTH == (hour - 24) // MONTH:
            return False
        if self.gaps:
            values = np.concatenate([g for g, _ in self.gaps])
            kinds = np.concatenate([k for _, k in self.gaps])
            self.gaps = [(values, kinds)]
            self._take_tails(
                [values[kinds == index].astype(np.float64) for index in range(len(KINDS))], (hour - self.since) / TRIAL
            )
        off_by = np.log((self.contradicted + FEEDBACK_INERTIA) / (self.promised + FEEDBACK_INERTIA))
        least = np.where(FULL_YEAR & (hour - self.since < TRIAL), 0.0, -FEEDBACK_LIMIT)
        self.feedback = np.clip(off_by, least, FEEDBACK_LIMIT)
        return True

    def _take_tails(self, gaps: Sequence[Floats], share: Floats) -> None:
        """The fleet's own tails from its gaps by kind; `share` of TRIAL is over."""
        enough = np.array([of_kind.size for of_kind in gaps]) >= LEAST_GAPS
        known = zip(enough, gaps, self.defaults.tails.by_kind, share.tolist(), strict=True)
        self.tails = Tails([_tail(of_kind, tail, over) if is_enough else tail for is_enough, of_kind, tail, over in known])
        own = enough & (share >= 1.0)
        # What was counted against another tail says nothing about this one.
        self.contradicted[own & ~self.own] = self.promised[own & ~self.own] = 0.0
        self.own = own


def _tail(gaps: Floats, shipped: Tail, share: float) -> Tail:
    """The fleet's own tail; at first no bolder than the shipped one, which has seen holidays, and less and less so bound."""
    own = fit_tail(gaps)
    return own if share >= 1.0 else between(stricter(own, shipped), own, share)
