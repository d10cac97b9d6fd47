"""What completed gaps teach: a stream's level with every session, profile and scale with the first one of its lesson hours.

Everything is learned when a session begins, from the gap that has just ended and from nothing later, never during a
silence: a detector that learns from silence talks itself out of the alarm. Profile and scale take weeks to change, so one
look a day (UTC) is enough, but for a stream that has just come.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from monitor.detect.arrivals import Flags, Sessions, hours_by_day
from monitor.detect.bank import MEMORIES, RING, Bank, Floats, Rows
from monitor.detect.calendar import HOURS_PER_WEEK
from monitor.detect.defaults import Defaults
from monitor.detect.rhythm import UNLEARNED, Rhythm, by_memory, refresh_profiles, refresh_scales, soonest
from monitor.detect.tails import Tails

HALF_LIVES = np.array([[7.0], [21.0], [84.0], [56.0]]) * 24.0
HALF_LIFE_GAPS = np.array([[5.0], [12.0], [48.0], [40.0]])
FADES_WITH = np.array([0, 1, 2, 1])
"""Half-lives of the level's three memories and of the profile: hours, but at least so many mean gaps of that memory."""
LONGEST_LESSON = 168.0
"""A gap teaches at most so many profile-hours (or eight mean gaps): a pause must not erase the level."""
LEAST_PACE = 0.25
"""What ends while the fleet slows the clock to less teaches neither level nor irregularity: whoever mails on while most are
silent would look faster and more regular than ever, and would be suspected when they are back."""
_LN2 = np.log(2.0)


class Lessons:
    """What the gaps before some hours' sessions teach: the first of each row, then the others, whose clocks run by that.

    By session: `gaps`, the gap, standardised (NaN: the first few, and those whose end nobody saw), with the middle level and
    the kind of tail that it `met`; `after`, the rhythm from then on; `soonest`, before which the silence that it begins is no
    alarm.
    """

    after: Rhythm
    soonest: Floats

    def __init__(self, bank: Bank, sessions: Sessions, steady: Flags, seen: Flags) -> None:
        """`steady`: by session, whether the fleet let the clock run fast enough for level and irregularity to be learned.

        `seen`: whether it began in covered time. One that did not (its mail was found later) adds the covered hours before
        it to the level, and as much of itself as was covered of its gap: no hours stand for what is sent while none count,
        and a list that always mails in a hole must not look as if it mailed no more.
        """
        self._bank, self._sessions, self._steady, self._seen = bank, sessions, steady, seen
        size, rows = sessions.rows.size, sessions.distinct
        self.gaps, self.level_met, self.kind_met = np.empty(size), np.empty(size), np.empty(size, np.int64)
        self._has_gap, self._kept = sessions.before > 0, sessions.before > UNLEARNED
        self._span, self._worth = np.where(self._has_gap, sessions.wall, 0.0), np.empty(size)
        self._a_now, self._b_now = by_memory(bank.level_a.take(rows, axis=0)), by_memory(bank.level_b.take(rows, axis=0))
        self._worth_now, self._watched_now = bank.worth[rows], bank.watched[rows]
        self._level_a, self._level, self._watched = np.empty((MEMORIES, size)), np.empty((MEMORIES, size)), np.empty(size)
        self._ringed = self._kept & steady & seen
        self._place = (sessions.before - 1 - UNLEARNED - bank.unringed[sessions.rows] - self._skipped()) % RING

    def take_first(self, silences: Floats, defaults: Defaults) -> Rows:
        """Learn from the silences (profile-hours) before the first sessions; the rows with a new profile come back."""
        bank, sessions, first = self._bank, self._sessions, self._sessions.rounds[0]
        rows = sessions.distinct
        met = Rhythm.of(bank, rows)
        self._learn_level(first, silences)
        self._note(first, silences, met)
        bank.sessions[rows] = sessions.before[first] + 1
        opening = sessions.opens[first]
        renewed = rows[opening]
        if renewed.size:
            refresh_profiles(bank, renewed, self._worth_now[opening], defaults)
            self._worth_now[opening] = 1.0
            refresh_scales(bank, renewed, (self._a_now[1] / self._b_now[1])[opening], defaults)
        return renewed

    def take_later(self, silences: Floats, tails: Tails, feedback: Floats) -> None:
        """Learn from the silences before all other sessions (in the order of all of them), and keep what was learned."""
        bank, sessions = self._bank, self._sessions
        rows, last, rounds = sessions.distinct, sessions.last, sessions.rounds
        for places in rounds[1:]:
            self._learn_level(places, silences[places])
        self.after = after = Rhythm.learned(self._level_a, self._level, self._watched, bank.scale[sessions.rows])
        if len(rounds) > 1:
            later = slice(rows.size, sessions.rows.size)
            before = [np.arange(one.start, one.start + two.stop - two.start) for one, two in pairwise(rounds)]
            self._note(later, silences[later], after.at(np.concatenate(before)))
        bank.level_a[rows], bank.level_b[rows] = self._a_now.T, self._b_now.T
        bank.worth[rows], bank.watched[rows] = self._worth_now, self._watched_now
        bank.grasp[rows], bank.rate_class[rows], bank.tail[rows] = (
            after.grasp[:, last].T,
            after.rate_class[last],
            after.tail[last],
        )
        bank.session[rows], bank.sessions[rows] = sessions.times[last], sessions.before[last] + 1
        bank.week_hour[rows] = sessions.cells[last] + sessions.times[last] % 1.0
        self.soonest = soonest(bank, sessions.rows, after, sessions.before + 1, tails, feedback)
        bank.soonest[rows], bank.deadline[rows] = self.soonest[last], np.nan

    def _learn_level(self, places: slice, silences: Floats) -> None:
        """One session of each of the first rows."""
        rows = slice(0, places.stop - places.start)
        a, b, gap = self._a_now[:, rows], self._b_now[:, rows], self._has_gap[places]
        y, span = np.where(gap, silences, 0.0), self._span[places]
        level = a / b
        lesson = np.minimum(y, np.maximum(8.0 / level[1], LONGEST_LESSON))
        longer = y > lesson
        if np.count_nonzero(longer):
            span[longer] *= lesson[longer] / y[longer]
        keep = np.exp(span * -_LN2 / np.maximum(HALF_LIVES, HALF_LIFE_GAPS / level[FADES_WITH]))
        covered = np.minimum(lesson / np.maximum(span, 1e-9), 1.0)
        counted = np.where(gap, np.where(self._seen[places], 1.0, covered), 0.0)
        new_a, new_b, teaches = a * keep[:MEMORIES] + counted, b * keep[:MEMORIES] + lesson, self._steady[places]
        if np.count_nonzero(teaches) < teaches.size:
            new_a, new_b = np.where(teaches, new_a, a), np.where(teaches, new_b, b)
        self._a_now[:, rows], self._b_now[:, rows] = new_a, new_b
        self._level_a[:, places], self._level[:, places] = new_a, new_a / new_b
        self._worth_now[rows] /= keep[MEMORIES]
        self._watched_now[rows] = self._watched_now[rows] * keep[MEMORIES] + span
        self._worth[places], self._watched[places] = self._worth_now[rows], self._watched_now[rows]

    def _note(self, places: slice, silences: Floats, met: Rhythm) -> None:
        """Standardise gaps and put them into the ring, and sessions and hours into the counts of the profile."""
        bank, sessions = self._bank, self._sessions
        rows, kept, ringed, place = sessions.rows[places], self._kept[places], self._ringed[places], self._place[places]
        self.gaps[places] = np.where(kept & self._seen[places], met.standardise(np.where(kept, silences, 0.0)), np.nan)
        self.level_met[places], self.kind_met[places] = met.level[1], met.tail
        lasted = met.level[1] * silences
        if np.count_nonzero(ringed) < ringed.size:
            np.add.at(bank.unringed, rows[kept & ~ringed], 1)
            lasted, place, of_ring = lasted[ringed], place[ringed], rows[ringed]
        else:
            of_ring = rows
        stirs = np.maximum(lasted.astype(np.float32), bank.ring[of_ring, place]) >= bank.brink[of_ring]
        bank.stirred[of_ring[stirs]] = True
        bank.ring[of_ring, place] = lasted
        worth = self._worth[places].astype(np.float32)
        np.add.at(bank.counts.reshape(-1), rows * HOURS_PER_WEEK + sessions.cells[places], worth)
        watched = hours_by_day(sessions.week_hour[places], self._span[places]).astype(np.float32) * worth[:, None]
        np.add.at(bank.exposure.reshape(-1), (rows[:, None] * 7 + np.arange(7)).reshape(-1), watched.reshape(-1))

    def _skipped(self) -> Rows:
        """By session, how many gaps of its row before it in these hours are not put into the ring."""
        skipped = np.zeros(self._kept.size, np.int64)
        left_out = self._kept & ~self._ringed
        if np.count_nonzero(left_out):
            so_far = np.zeros(self._sessions.distinct.size, np.int64)
            for places in self._sessions.rounds:
                rows = slice(0, places.stop - places.start)
                skipped[places] = so_far[rows]
                so_far[rows] += left_out[places]
        return skipped
