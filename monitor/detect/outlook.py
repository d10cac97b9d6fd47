"""When a running silence will have lasted so many profile-hours, if nothing arrives and all stays covered."""

from __future__ import annotations

import numpy as np

from monitor.detect.bank import Bank, Floats, Rows
from monitor.detect.calendar import HOURS_PER_WEEK, hour_of_week

_CHUNK = 4096


def reach(bank: Bank, rows: Rows, starts: Floats, needed: Floats, factor: Floats, zones: list[str]) -> Floats:
    """The time (hours) at which `needed` more profile-hours will have passed after `starts`, at the fleet's `factor`.

    NaN where `needed` is not finite. The weekly profile repeats; a change of daylight saving ahead is ignored.
    """
    result = np.full(rows.size, np.nan)
    finite = np.isfinite(needed) & np.isfinite(starts)
    places = np.nonzero(finite)[0]
    for chunk in np.array_split(places, max(1, -(-places.size // _CHUNK))):
        if chunk.size:
            result[chunk] = _reach(bank, rows[chunk], starts[chunk], needed[chunk], factor[chunk], zones)
    return result


def _reach(bank: Bank, rows: Rows, starts: Floats, needed: Floats, factor: Floats, zones: list[str]) -> Floats:
    first = np.floor(starts).astype(np.int64)
    zone = bank.zone[rows]
    cells = np.array([hour_of_week(int(h), zones[z]) for h, z in zip(first, zone, strict=True)])
    order = (cells[:, None] + np.arange(HOURS_PER_WEEK + 1)[None, :]) % HOURS_PER_WEEK
    pace = np.take_along_axis(bank.profile[rows], order, axis=1).astype(np.float64)
    pace[:, 0] *= 1.0 - (starts - first)
    pace[:, -1] *= starts - first
    passed = np.cumsum(pace, axis=1)
    want = np.maximum(needed, 0.0) / factor
    week = passed[:, -1]
    weeks = np.floor(want / week)
    rest = want - weeks * week
    place = np.minimum((passed < rest[:, None]).sum(axis=1), HOURS_PER_WEEK)
    index = np.arange(rows.size)
    before = np.where(place > 0, passed[index, np.maximum(place - 1, 0)], 0.0)
    share = np.where(pace[index, place] > 0, (rest - before) / pace[index, place], 0.0)
    width = np.where(place == 0, 1.0 - (starts - first), np.where(place == HOURS_PER_WEEK, starts - first, 1.0))
    begin = np.where(place == 0, starts, first + place)
    return np.asarray(begin + share * width + weeks * HOURS_PER_WEEK)
