"""How rare is a standardised silence: pooled survival curves with an exponential tail (peaks over threshold).

`surprise(v)` is -ln P(V > v). Up to the threshold `u` it is the empirical curve of the pooled gaps, beyond it the
straight line of an exponential tail with the mean excess over `u` (Pickands 1975; Siffer et al., KDD 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CLASS_NAMES = (">5/day", "1-5/day", "1-7/week", "<1/week")
CLASS_RATES = (5.0, 1.0, 1.1 / 7.0)
"""Sessions a day above which a stream belongs to the class. One slot a week, now and then early, is in the last."""


def classes_of(sessions_per_day: Floats) -> NDArray[np.int64]:
    """The rate class 0 … 3 of each stream."""
    heavy, daily, weekly = CLASS_RATES
    return (sessions_per_day <= heavy).astype(np.int64) + (sessions_per_day <= daily) + (sessions_per_day <= weekly)


REGULARITIES = ("regular", "irregular")
"""Each class has a curve for streams that are clearly more regular than the pool, and one for the others."""
REGULAR = 0.9
"""Irregularity, in units of the pool's, up to which a stream counts as regular."""
KINDS = tuple((name, regularity) for name in CLASS_NAMES for regularity in REGULARITIES)
"""The curves in the order of `Tails.by_kind`."""


def kinds_of(classes: NDArray[np.int64], irregularity: Floats) -> NDArray[np.int64]:
    """Which of KINDS each stream belongs to; `irregularity` is in units of the pool's."""
    return np.asarray(2 * classes + (irregularity > REGULAR))


@dataclass(frozen=True)
class Tail:
    """A survival curve: knots (v, -ln P(V > v)), both rising from 0, and the mean excess beyond the last knot."""

    values: Floats
    surprises: Floats
    mean_excess: float

    def surprise(self, v: Floats) -> Floats:
        beyond: Floats = np.maximum(v - self.values[-1], 0.0) / self.mean_excess
        return np.asarray(np.interp(v, self.values, self.surprises) + beyond)

    def inverse(self, surprise: Floats) -> Floats:
        """The `v` with this surprise."""
        beyond: Floats = np.maximum(surprise - self.surprises[-1], 0.0) * self.mean_excess
        return np.asarray(np.interp(surprise, self.surprises, self.values) + beyond)


def fit_tail(values: Floats, *, share: float = 0.02, least: int = 20, most: int = 60, knots: int = 60) -> Tail:
    """Fit a tail to pooled completed gaps (at least 100 of them).

    The threshold is the k-th largest value with k = 2 % of them, between 20 and 60; knots lie evenly in surprise.
    """
    ordered = np.sort(values)
    n = ordered.size
    k = int(min(max(share * n, least), most))
    threshold = ordered[n - k - 1]
    mean_excess = float(np.mean(ordered[n - k :] - threshold))
    at_threshold = np.log(n / k)
    surprises = np.linspace(0.0, at_threshold, knots)
    ranks = np.clip(n * (1.0 - np.exp(-surprises)), 0, n - 1)
    curve = np.interp(ranks, np.arange(n), ordered)
    curve[0], curve[-1] = 0.0, threshold
    curve = np.maximum.accumulate(curve) + np.arange(knots) * 1e-9
    return Tail(curve, surprises, max(mean_excess, 1e-6))


def stricter(one: Tail, other: Tail, knots: int = 80) -> Tail:
    """The tail that asks for the longer silence at every surprise."""
    surprises = np.linspace(0.0, max(one.surprises[-1], other.surprises[-1]), knots)
    values = np.maximum(one.inverse(surprises), other.inverse(surprises)) + np.arange(knots) * 1e-9
    return Tail(values, surprises, max(one.mean_excess, other.mean_excess))


def between(one: Tail, other: Tail, share: float, knots: int = 80) -> Tail:
    """The tail whose silences lie `share` (0 … 1) of the way from those of `one` to those of `other`, at every surprise."""
    surprises = np.linspace(0.0, max(one.surprises[-1], other.surprises[-1]), knots)
    values = (1.0 - share) * one.inverse(surprises) + share * other.inverse(surprises)
    return Tail(values, surprises, (1.0 - share) * one.mean_excess + share * other.mean_excess)


_STEP = 1000.0
"""Sets the kinds' knots apart on one axis, so that one interpolation serves all of them."""


class Tails:
    """One curve for each of KINDS."""

    def __init__(self, by_kind: Sequence[Tail]) -> None:
        self.by_kind = tuple(by_kind)
        steps = _STEP * np.arange(len(self.by_kind))
        self._values = np.concatenate([t.values + s for t, s in zip(self.by_kind, steps, strict=True)])
        self._surprises = np.concatenate([t.surprises + s for t, s in zip(self.by_kind, steps, strict=True)])
        self._last_value = np.array([t.values[-1] for t in self.by_kind])
        self._last_surprise = np.array([t.surprises[-1] for t in self.by_kind])
        self._excess = np.array([t.mean_excess for t in self.by_kind])

    def surprise(self, v: Floats, kinds: NDArray[np.int64]) -> Floats:
        """-ln P(V > v), element by element."""
        step, last = _STEP * kinds, self._last_value[kinds]
        inside = np.interp(np.minimum(v, last) + step, self._values, self._surprises) - step
        return np.asarray(inside + np.maximum(v - last, 0.0) / self._excess[kinds])

    def inverse(self, surprise: Floats, kinds: NDArray[np.int64]) -> Floats:
        """The `v` with this surprise, element by element."""
        step, last = _STEP * kinds, self._last_surprise[kinds]
        inside = np.interp(np.minimum(surprise, last) + step, self._surprises, self._values) - step
        return np.asarray(inside + np.maximum(surprise - last, 0.0) * self._excess[kinds])


def tails_from(rows: Sequence[Sequence[Sequence[float]]], mean_excesses: Sequence[float]) -> Tails:
    """Tails from stored knots: one list of (v, surprise) pairs a kind."""
    return Tails(
        tuple(
            Tail(np.array([k[0] for k in knots]), np.array([k[1] for k in knots]), excess)
            for knots, excess in zip(rows, mean_excesses, strict=True)
        )
    )
