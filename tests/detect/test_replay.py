"""Feeding the engine: groups take in new streams without being copied, and forks go their own ways."""

from __future__ import annotations

from datetime import timedelta

from monitor.detect.calendar import hours_of
from monitor.detect.coverage_book import CoverageBook
from monitor.detect.defaults import load_defaults
from monitor.detect.journal import Journal
from monitor.detect.replay import Frame, Replay, WitnessTable
from monitor.detect.roster import GroupKey
from monitor.settings import GapSettings
from tests.detect.streams import HOUR, START, send


class Handed(dict[GroupKey, set[str]]):
    """The members of groups, and how many were handed over with whole sets."""

    names = 0

    def __setitem__(self, key: GroupKey, streams: set[str]) -> None:
        self.names += len(streams)
        super().__setitem__(key, streams)


def replay_of(streams: int) -> tuple[Replay, Frame]:
    """All of one provider: the first half send in the first hour, the others in the second."""
    journal = Journal()
    minutes = [(k * 120) // streams for k in range(streams)]
    journal.add(send(k, f"{k}.example", START + timedelta(minutes=m), delivery="Postbird") for k, m in enumerate(minutes))
    journal.settle()
    zones = [GapSettings().timezone]
    replay = Replay(lambda _s, _o: GapSettings(), load_defaults(), journal, CoverageBook(), WitnessTable(True), zones)
    return replay, replay.start(int(hours_of(START)))


def names_handed_over(streams: int) -> int:
    replay, frame = replay_of(streams)
    handed = Handed()
    frame.roster.members = handed
    replay.look_ahead(frame, hours_of(START + 2 * HOUR))
    assert len(handed["delivery", "Postbird"]) == streams
    return handed.names


def test_a_group_of_twice_the_streams_costs_at_most_two_and_a_half_times_the_work() -> None:
    assert 200 + names_handed_over(200) <= 2.5 * (100 + names_handed_over(100))


def test_what_joins_a_group_of_a_fork_does_not_join_it_in_the_original() -> None:
    replay, frame = replay_of(10)
    replay.finish_hour(frame)
    fork = frame.fork()
    replay.finish_hour(fork)
    sizes = [len(f.roster.members["delivery", "Postbird"]) for f in (frame, fork)]
    assert sizes == [5, 10]


def test_a_stream_that_was_alone_belongs_to_its_group_from_its_next_send_on_once_another_has_joined() -> None:
    moments = {"a": (0, 1, 2, 5), "b": (3, 4, 5)}
    journal = Journal()
    journal.add(
        send(100 * hour + ord(name), name, START + hour * HOUR, organisation="us")
        for name, hours in moments.items()
        for hour in hours
    )
    replay = Replay(lambda _s, _o: GapSettings(), load_defaults(), journal, CoverageBook(), WitnessTable(True), ["UTC"])
    frame = replay.start(int(hours_of(START)))
    replay.look_ahead(frame, hours_of(START + 6 * HOUR))
    bank, roster = frame.engine.bank, frame.roster
    assert bank.sends[[roster.streams["a"], roster.streams["b"], roster.groups["organisation", "us"]]].tolist() == [4, 3, 4]
