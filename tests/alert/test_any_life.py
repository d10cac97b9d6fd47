"""Whatever findings and mails come in whatever order: nobody hears an end without a beginning, or a beginning twice."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.alert.lifecycle import advance, news_of
from monitor.model import Alert, AlertEventKind, AlertState, Assessment, Finding, FindingKind, Level
from monitor.settings import AlertSettings, RouteSettings
from tests.alert.made import LAST, finding, send

SETTINGS = AlertSettings(
    routes=(
        RouteSettings(channels=("desk",)),
        RouteSettings(channels=("reporter",), level="confirmed"),
        RouteSettings(channels=("ops",), kinds=("inbox_blind", "group_gap")),
    )
)
STREAMS = ("a", "b", "c")
GROUP = finding(FindingKind.GROUP_GAP, "delivery:X", members=("a", "b"))
BLIND = finding(FindingKind.INBOX_BLIND, "quiet-1", members=())
LIVING = (AlertState.OPEN, AlertState.ACKNOWLEDGED)


@dataclass(frozen=True)
class Round:
    """What happens between two looks: mail of streams (some of it late), an operator's act, and which findings there are."""

    mails: frozenset[str]
    late: frozenset[str]
    muted: frozenset[str]
    levels: tuple[Level, Level, Level]
    group: Level | None
    blind: bool


rounds = st.builds(
    Round,
    mails=st.frozensets(st.sampled_from(STREAMS), max_size=2),
    late=st.frozensets(st.sampled_from(STREAMS), max_size=1),
    muted=st.frozensets(st.sampled_from(STREAMS), max_size=1),
    levels=st.tuples(*[st.sampled_from(Level)] * 3),
    group=st.none() | st.sampled_from(Level),
    blind=st.booleans(),
)


def findings_of(last: dict[str, timedelta], what: Round, hour: int) -> list[Finding]:
    """A detector that finds every stream silent that had no mail for three hours."""
    silent = [
        finding(subject=s, level=level, since=LAST + last[s], found_at=LAST + last[s] + timedelta(hours=3))
        for s, level in zip(STREAMS, what.levels, strict=True)
        if timedelta(hours=hour) - last[s] >= timedelta(hours=3)
    ]
    group = [replace(GROUP, level=what.group)] if what.group is not None else []
    return silent + group + ([BLIND] if what.blind else [])


@given(st.lists(rounds, max_size=25))
def test_every_channel_hears_each_beginning_and_each_end_once(story: list[Round]) -> None:
    alerts: dict[int, Alert] = {}
    sends = {s: [send(LAST, stream=s)] for s in STREAMS}
    heard: dict[tuple[int, str], list[AlertEventKind]] = defaultdict(list)
    for hour, what in enumerate(story, start=1):
        now = LAST + timedelta(hours=hour)
        for stream in what.mails:
            sends[stream].append(send(now - timedelta(minutes=10), now, stream=stream))
        for stream in what.late:
            sends[stream].append(send(now - timedelta(hours=2.5), now, stream=stream))
        last = {s: max(x.at for x in sends[s]) - LAST for s in STREAMS}
        living = [a for a in alerts.values() if a.state in LIVING]
        living = [replace(a, muted_until=now + timedelta(hours=2)) if a.subject in what.muted else a for a in living]
        news = {
            a.key: n
            for a in living
            if a.kind is FindingKind.GAP and (n := news_of(a, sorted(sends[a.subject], key=lambda s: s.at)))
        }
        judged = Assessment(at=now, findings=tuple(findings_of(last, what, hour)), states=())
        for decision in advance(living, judged, news, now, SETTINGS):
            number = decision.alert.id or len(alerts) + 1
            alerts[number] = replace(decision.alert, id=number)
            assert len(set(decision.channels)) == len(decision.channels)
            for channel in decision.channels:
                assert decision.event is not None
                heard[number, channel].append(decision.event)
        open_keys = [a.key for a in alerts.values() if a.state in LIVING]
        assert len(set(open_keys)) == len(open_keys)
    for (number, channel), events in heard.items():
        ended = alerts[number].state not in LIVING
        beginnings = [e for e in events if e in (AlertEventKind.OPENED, AlertEventKind.RAISED)]
        ends = [e for e in events if e is AlertEventKind.RESOLVED]
        told_of_by_parent = not beginnings and channel in alerts[number].told
        assert len(beginnings) == 1 or told_of_by_parent
        assert told_of_by_parent or events[0] in (AlertEventKind.OPENED, AlertEventKind.RAISED)
        assert len(ends) <= 1
        assert not ended or events[-1] in (AlertEventKind.RESOLVED, AlertEventKind.CORRECTED)
