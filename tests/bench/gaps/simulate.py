"""Simulated campaign lists whose hazard is known, so that a delay can be compared with the best possible one.

Five kinds of lists (national, campaign, organisation, one weekly slot, sparse) on a New York calendar. Calibrated by
eye and by moments to two real samples of political mail (1,000 mails of 1-2 November 2024, 448 of October 2019): the
hours of the day, near-silent nights, thin weekends, spacing more regular than Poisson, follow-ups after a send. On
top: drift, ends of quarters, an election's ramp and the fortnights after it, public holidays, a shared news factor,
and unannounced pauses of 4 to 12 days, which the oracle does not know of either.

All times are hours since 1970-01-01T00:00Z. The same seed gives the same lists.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ZONE = ZoneInfo("America/New_York")
HOURS_PER_YEAR = 8766.0

# Relative activity of the local hours of a day: in the last weeks before an election, and otherwise.
HOURS_PEAK = np.array([5, 2, 0.3, 0.2, 0.4, 1.5, 2.5, 4, 5.5, 7, 7.5, 8, 8.2, 7.8, 7.8, 8, 7.6, 7.8, 7.2, 6.5, 6, 5.6, 5.8, 5.5])
HOURS_CALM = np.array([0.6, 0.2, 0.1, 0.1, 0.2, 0.6, 2, 4, 6.5, 9, 10.5, 10, 9.5, 8.5, 8.5, 8.5, 8, 8, 7, 6, 4.5, 3, 2, 1.2])
DAYS = np.array([1.08, 1.12, 1.1, 1.12, 1.05, 0.72, 0.68])
"""Relative activity from Monday to Sunday."""
ELECTIONS = (dt.date(2016, 11, 8), dt.date(2018, 11, 6), dt.date(2020, 11, 3), dt.date(2022, 11, 8))


@dataclass(frozen=True)
class Kind:
    """The ranges from which a list of this kind draws its traits."""

    name: str
    share: float
    per_day: tuple[float, float]
    """Sends a day, drawn evenly on a logarithmic scale."""
    shape: tuple[float, float]
    """Shape of the gamma-distributed gaps in operational time: 1 is Poisson, more is more regular."""
    follow_ups: tuple[float, float]
    """Mean number of follow-ups a send (resends, arms of an A/B test)."""
    peak: tuple[float, float]
    """Weight of the hours before an election."""


KINDS = (
    Kind("national", 0.12, (8, 18), (3, 12), (0, 0.25), (0.5, 1.0)),
    Kind("campaign", 0.30, (2, 8), (1.5, 5), (0, 0.4), (0.2, 0.8)),
    Kind("organisation", 0.30, (0.4, 2), (1, 3), (0, 0.4), (0, 0.3)),
    Kind("weekly", 0.16, (1 / 7.0, 1 / 7.0), (0, 0), (0, 0.05), (0, 0)),
    Kind("sparse", 0.12, (0.04, 0.13), (0.8, 1.6), (0, 0.2), (0, 0.1)),
)
WEEKLY_SHAPE = 12.0
"""The weekly slot's regularity in operational time, as the oracle sees it."""


@dataclass(frozen=True)
class SimulatedList:
    """One list, and what only its maker knows."""

    name: str
    kind: str
    times: Floats
    """Sends with their follow-ups, rising."""
    sessions: Floats
    """For each of `times` the send that it follows, or itself."""
    intensity: Floats
    """Expected sends in each hour from the simulation's first, without the unannounced pauses."""
    shape: float


@dataclass(frozen=True)
class Simulation:
    """Lists over one span of hours [first, end)."""

    first: int
    end: int
    lists: tuple[SimulatedList, ...]


def simulate(
    seed: int, lists: int = 400, start: tuple[int, int, int] = (2018, 1, 1), end: tuple[int, int, int] = (2021, 7, 1)
) -> Simulation:
    """Make `lists` campaign lists from `start` to `end` (UTC midnights)."""
    maker = _Maker(seed, _hour(start), _hour(end))
    return Simulation(maker.first, maker.end, tuple(maker.make(i) for i in range(lists)))


def hours_of_week(first: int, count: int) -> tuple[Ints, list[dt.date]]:
    """The New York hour of the week (Monday 00:00 is 0) and date of each hour from `first`."""
    local = [dt.datetime.fromtimestamp((first + i) * 3600, ZONE) for i in range(count)]
    return np.array([x.weekday() * 24 + x.hour for x in local], np.int64), [x.date() for x in local]


def _hour(day: tuple[int, int, int]) -> int:
    return int(dt.datetime(*day, tzinfo=dt.UTC).timestamp()) // 3600


def _season(dates: list[dt.date]) -> dict[str, Floats]:
    """What all lists share: 0 or 1 an hour for each kind of day, and for `ramp` the way to election day from 0 to 1."""

    def mask(holds: list[bool]) -> Floats:
        return np.array(holds, np.float64)

    def thanksgiving(year: int) -> dt.date:
        first = dt.date(year, 11, 1)
        return first + dt.timedelta((3 - first.weekday()) % 7 + 21)

    def is_minor(d: dt.date) -> bool:
        late_may, early_september = d.month == 5 and d.day > 24, d.month == 9 and d.day <= 7
        return (d.month, d.day) in ((7, 4), (11, 11), (6, 19)) or (d.weekday() == 0 and (late_may or early_september))

    ramp, after = np.zeros(len(dates)), np.zeros(len(dates))
    for election in ELECTIONS:
        days = np.array([(d - election).days for d in dates])
        ramp = np.maximum(ramp, np.where((days >= -63) & (days <= 0), (days + 63) / 63.0, 0))
        after = np.maximum(after, ((days > 0) & (days <= 60)).astype(np.float64))
    return {
        "quarter": mask([d.month in (3, 6, 9, 12) and d.day >= (31 if d.month in (3, 12) else 30) - 3 for d in dates]),
        "month": mask([(d + dt.timedelta(2)).month != d.month for d in dates]),
        "thanksgiving": mask([0 <= (d - thanksgiving(d.year)).days <= 3 for d in dates]),
        "christmas": mask([d.month == 12 and 23 <= d.day <= 27 for d in dates]),
        "new_year": mask([d.month == 1 and d.day <= 2 for d in dates]),
        "minor": mask([is_minor(d) for d in dates]),
        "ramp": ramp,
        "after": after,
    }


class _Maker:
    """Draws lists one after another from one random stream."""

    def __init__(self, seed: int, first: int, end: int) -> None:
        self.random = np.random.default_rng(seed)
        self.first, self.end, self.hours = first, end, end - first
        self.hour_of_week, dates = hours_of_week(first, self.hours)
        self.season = _season(dates)
        self.news = self._news()

    def make(self, index: int) -> SimulatedList:
        kind = KINDS[int(self.random.choice(len(KINDS), p=[k.share for k in KINDS]))]
        name = f"{kind.name}-{index:04d}"
        low, high = kind.per_day
        per_day = float(np.exp(self.random.uniform(np.log(low), np.log(high))))
        if kind.name == "weekly":
            times, intensity = self._weekly()
            return SimulatedList(name, kind.name, times, times, intensity, WEEKLY_SHAPE)
        intensity = per_day / 24 * self._profile(kind)[self.hour_of_week] * self._season_of_list(kind) * self._drift()
        awake = self._pauses(kind)
        shape = float(np.exp(self.random.uniform(np.log(kind.shape[0]), np.log(kind.shape[1]))))
        times, sessions = self._renewal(intensity * awake, shape, self.random.uniform(*kind.follow_ups))
        return SimulatedList(name, kind.name, times, sessions, intensity, shape)

    def _news(self) -> Floats:
        """A common unforeseeable factor: lulls and surges of hours to days."""
        step, keep = self.random.normal(size=self.hours), np.exp(-1 / 36.0)
        state = np.zeros(self.hours)
        for i in range(1, self.hours):
            state[i] = keep * state[i - 1] + np.sqrt(1 - keep * keep) * step[i]
        return np.asarray(np.exp(0.15 * state - 0.5 * 0.15**2))

    def _profile(self, kind: Kind) -> Floats:
        """Relative activity of the hours of a week, mean 1, with the list's own whims."""
        r = self.random
        mix = r.uniform(*kind.peak)
        hours = mix * HOURS_PEAK / HOURS_PEAK.sum() + (1 - mix) * HOURS_CALM / HOURS_CALM.sum()
        hours = np.roll(hours, r.choice([-1, 0, 0, 0, 1, 2, 3])) * r.gamma(6, 1 / 6.0, 24)
        days = DAYS * r.gamma(25, 1 / 25.0, 7)
        if kind.name in ("organisation", "sparse"):
            days[5:] *= r.uniform(0.05, 0.8)
        profile = (days[:, None] * hours[None, :]).ravel() * r.gamma(8, 1 / 8.0, 168)
        return np.asarray(profile * 168 / profile.sum())

    def _season_of_list(self, kind: Kind) -> Floats:
        """The shared calendar with this list's own depth of each lull and height of each surge."""
        r, season = self.random, self.season
        political = kind.name in ("national", "campaign")
        factor = np.ones(self.hours)
        factor *= 1 + season["quarter"] * r.uniform(0.2, 2.0 if political else 0.6)
        factor *= 1 + season["month"] * r.uniform(0, 0.5 if political else 0.2)
        factor *= 1 - season["thanksgiving"] * r.uniform(0.4, 0.9)
        factor *= 1 - season["christmas"] * r.uniform(0.5, 0.95)
        factor *= 1 - season["new_year"] * r.uniform(0.4, 0.9)
        factor *= 1 - season["minor"] * r.uniform(0.2, 0.7)
        if not political:
            return np.asarray(factor * (1 + season["ramp"] * r.uniform(0, 0.5)))
        factor *= 1 + season["ramp"] * r.uniform(0.3, 2.0)
        return np.asarray(factor * (1 - season["after"] * r.uniform(0.3, 0.85)))

    def _drift(self) -> Floats:
        """Slow drift of the level (45 days) times the news, as far as the list follows them."""
        r = self.random
        state, size, keep = r.normal(), r.uniform(0.15, 0.45), np.exp(-1 / 45.0)
        days = np.empty(self.hours // 24 + 2)
        for day in range(days.size):
            days[day] = state
            state = keep * state + np.sqrt(1 - keep * keep) * r.normal()
        level = np.exp(size * np.repeat(days, 24)[: self.hours] - 0.5 * size * size)
        return np.asarray(level * self.news ** r.uniform(0.3, 1.5))

    def _pauses(self, kind: Kind) -> Floats:
        """1 an hour, and 0 in unannounced pauses after which the list resumes: 0.12 a year."""
        awake = np.ones(self.hours)
        if kind.name in ("campaign", "organisation"):
            for _ in range(self.random.poisson(0.12 * self.hours / HOURS_PER_YEAR)):
                start = self.random.integers(0, self.hours - 300)
                awake[start : start + int(self.random.uniform(4, 12) * 24)] = 0
        return awake

    def _renewal(self, intensity: Floats, shape: float, follow_ups: float) -> tuple[Floats, Floats]:
        """Sends with gamma gaps in operational time, each with its follow-ups; and the send each belongs to."""
        r = self.random
        operational = np.concatenate([[0], np.cumsum(intensity)])
        marks = np.cumsum(r.gamma(shape, 1 / shape, int(operational[-1] * 1.3 + 50)))
        marks = marks[marks < operational[-1]]
        hour = np.searchsorted(operational, marks, side="right") - 1
        sends = self.first + hour + (marks - operational[hour]) / np.maximum(intensity[hour], 1e-12)
        extra = r.poisson(follow_ups, sends.size)
        later = np.repeat(sends, extra) + r.exponential(0.35, extra.sum())
        times = _to_seconds(np.concatenate([sends, later]))
        times = times[times < self.end - 1]
        origin = np.maximum(np.searchsorted(sends, times + 1e-3, side="right") - 1, 0)
        return times, np.minimum(sends[origin], times)

    def _weekly(self) -> tuple[Floats, Floats]:
        """One slot a week with its own punctuality, sometimes skipped, more often on holidays, or a day off."""
        r = self.random
        slot = r.integers(0, 5) * 24 + r.choice([7, 8, 9, 10, 11, 12, 14, 15, 16, 17])
        spread, skip, holiday_skip = r.uniform(0.2, 3.0), r.uniform(0.01, 0.08), r.uniform(0.3, 0.9)
        holiday = self.season["thanksgiving"] + self.season["christmas"] + self.season["new_year"]
        intensity, times = np.zeros(self.hours), []
        width = max(spread, 0.5)
        for hour in np.nonzero(self.hour_of_week == slot)[0]:
            chance = (1 - skip) * (1 - holiday_skip * holiday[hour])
            for offset in range(-8, 9):
                if 0 <= hour + offset < self.hours:
                    intensity[hour + offset] += chance * np.exp(-0.5 * (offset / width) ** 2) / (width * np.sqrt(2 * np.pi))
            if r.random() < chance:
                off = r.normal() * spread
                times.append(self.first + hour + 0.5 + off + (24 * r.choice([-1, 1]) if r.random() < 0.03 else 0))
        rising = np.unique(np.array(times))
        return rising[(rising < self.end - 1) & (rising >= self.first)], intensity


def _to_seconds(hours: Floats) -> Floats:
    """Rounded to whole seconds, without repeats, rising."""
    return np.asarray(np.unique(np.round(hours * 3600).astype(np.int64)) / 3600.0)
