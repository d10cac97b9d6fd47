"""Which members of a group stopped together, and how sure that is of each.

If some of them stopped, their last sends all lie before one moment, and whoever sent after it is not among them. For a moment
and for a share of the group that stopped, Bayes' rule weighs for each member that was silent from then on how seldom it
pauses so long *after* that moment; moments and shares that explain all members better count for more.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from monitor.detect.bank import Floats, Rows
from monitor.detect.calendar import hours_of_week
from monitor.detect.gaps import Reading
from monitor.detect.rhythm import Rhythm

SHARES = np.arange(1, 10) / 10.0
"""Of the group that stopped; each is as likely as any other before anything was seen."""
MOST_MOMENTS = 48
"""So many moments are compared at once; of more, those around the best are looked at again."""
MOST_PROOF = 8.0
"""A silence counts for at most so much: one list that paused long is no proof of a moment."""
_ROWS_AT_ONCE = 256

SurprisesAt = Callable[[Floats], Floats]
"""Moments → for each member (row) and moment (column) how surprising its silence was by then; 0 before its last send."""


def chances_of_stop(last: Floats, surprise: Floats, surprises_at: SurprisesAt, now: float) -> Floats:
    """For each member the chance that it is one of those that stopped together.

    `last`: its last send, hours since the epoch; `surprise`: -ln of the chance that a gap of it lasts as long as its silence.
    """
    moments, end = np.unique(last), now
    while True:
        looked_at = moments
        if moments.size > MOST_MOMENTS:
            looked_at = moments[np.linspace(0, moments.size - 1, MOST_MOMENTS).astype(np.int64)]
        fits, chances = _weigh(last, surprise, surprises_at(looked_at), looked_at)
        if looked_at.size == moments.size:
            weights = np.exp(fits + np.log(np.diff(moments, append=end) + 1e-6)[:, None])
            return np.asarray((chances * weights / weights.sum()).sum(axis=(1, 2)))
        best = int(fits.max(axis=1).argmax())
        low, high = looked_at[max(best - 1, 0)], looked_at[min(best + 1, looked_at.size - 1)]
        end = min([end, *moments[moments > high][:1].tolist()])
        moments = moments[(moments >= low) & (moments <= high)]


def _weigh(last: Floats, surprise: Floats, before: Floats, moments: Floats) -> tuple[Floats, Floats]:
    """By moment and share how well they explain all members (ln, the best is 0); by member, moment and share its chance."""
    proof = np.exp(np.clip(surprise[:, None] - before, 0.0, MOST_PROOF))
    silent = (last[:, None] <= moments)[:, :, None]
    stopped = np.where(silent, SHARES * proof[:, :, None], 0.0)
    either = stopped + (1.0 - SHARES)
    fits = np.log(either).sum(axis=0)
    return fits - fits.max(), stopped / either


def surprises_at(reading: Reading, rows: Rows, moments: Floats) -> Floats:
    """For each of `rows` and each moment up to now how surprising the running silence was by then.

    The clock's hours are apportioned by the row's profile and coverage, as if the fleet's factor had not changed meanwhile.
    """
    chunks = [_surprises_at(reading, rows[i : i + _ROWS_AT_ONCE], moments) for i in range(0, rows.size, _ROWS_AT_ONCE)]
    return np.concatenate(chunks) if chunks else np.empty((0, moments.size))


def _surprises_at(reading: Reading, rows: Rows, moments: Floats) -> Floats:
    engine, bank = reading.frame.engine, reading.frame.engine.bank
    begun = bank.session[rows]
    first = int(np.floor(min(begun.min(), moments.min())))
    hours = first + np.arange(int(np.ceil(reading.now)) - first + 1)
    cells = {zone: hours_of_week(first, hours.size - 1, reading.zones[zone]) for zone in set(bank.zone[rows].tolist())}
    steps = {w: np.diff(engine.witnesses[w].at_each(hours.astype(np.float64))) for w in set(bank.witness[rows].tolist())}
    passed = np.zeros((rows.size, hours.size))
    for place, row in enumerate(rows.tolist()):
        passed[place, 1:] = np.cumsum(bank.profile[row][cells[bank.zone[row]]] * steps[bank.witness[row]])
    edges = np.array([np.interp((since, reading.now), hours, p) for since, p in zip(begun, passed, strict=True)])
    reached = np.array([np.interp(moments, hours, p) for p in passed])
    share = (reached - edges[:, :1]) / np.maximum(edges[:, 1:] - edges[:, :1], 1e-9)
    elapsed = bank.elapsed[rows][:, None] * np.clip(share, 0.0, 1.0)
    each = np.repeat(rows, moments.size)
    v = Rhythm.of(bank, each).standardise(elapsed.ravel())
    return engine.learning.tails.surprise(v, bank.tail[each]).reshape(elapsed.shape)
