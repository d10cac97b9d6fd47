"""The backtest: the detector's own alarms, causally, and honest totals."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detect.backtest import run
from monitor.detect.backtest_result import ALERT, Alarm, Setting
from monitor.detect.backtest_rows import poisson_interval, rows
from monitor.detect.calendar import hours_of, moment_of
from monitor.detect.events import Event, Events, trailing_rates
from monitor.detect.stops import InjectedStop
from monitor.detect.tails import classes_of
from monitor.model import CoverageKind, GapFacts
from monitor.settings import GapSettings, Pause
from tests.detect.streams import DAY, HOUR, START, covered, detector, regular_sends, send

MINUTE = HOUR / 60
NEW_YORK = ZoneInfo("America/New_York")
JANUARY = Path("monitor/demo/january_2021.csv")
SENDS = [s for k in range(12) for s in regular_sends(f"{k}.example", (3 + k) * HOUR, 90 * DAY, first=10_000 * k, seed=k)]
EVENTS = Events.of(Event(s.stream, s.at) for s in SENDS)
END = START + 100 * DAY
Spans = dict[str, list[tuple[float, float]]]


def test_the_backtest_raises_what_the_detector_raises() -> None:
    result = run(EVENTS, [Setting.yearly(1.0)], censor=dict.fromkeys(EVENTS.streams, hours_of(END)), stops=0)
    known = detector(SENDS)
    live = {f.subject: f.found_at for f in known.assess(END).findings if f.key.startswith("gap:") and f.level >= 2}
    replayed = {a.stream: a.alarm_at[ALERT] for a in result.settings[0].alarms if a.resumed_at is None}
    assert set(live) <= set(replayed)
    for stream, at in live.items():
        assert replayed[stream] == pytest.approx(hours_of(at), abs=1e-4)


def test_lists_that_begin_in_the_middle_of_a_day_are_judged_alike() -> None:
    """A list's first day goes by the clock of the others too, in the service as in a replay."""
    begun = 60 * DAY + 7.3 * HOUR
    late = [
        replace(s, at=s.at + begun)
        for k in range(6)
        for s in regular_sends(f"late-{k}.example", 3 * HOUR, 9 * DAY, first=200_000 + 1_000 * k, seed=k)
    ]
    now = START + 90 * DAY
    live = {f.subject: hours_of(f.found_at) for f in detector([*SENDS, *late]).assess(now).findings}
    events = Events.of(Event(s.stream, s.at) for s in [*SENDS, *late])
    ends = dict.fromkeys(events.streams, hours_of(now))
    replayed = run(events, [Setting.yearly(1.0)], censor=ends, stops=0).settings[0].alarms
    assert live == pytest.approx({a.stream: a.alarm_at[ALERT] for a in replayed if a.resumed_at is None}, abs=1e-4)
    assert len(live) == 6


@pytest.mark.parametrize("gap", [GapSettings(fixed=30 * HOUR), GapSettings(fixed=5 * HOUR, floor=9 * HOUR, min_sessions=20)])
def test_fixed_silences_are_told_as_the_engine_tells_them(gap: GapSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The short way against the long one, with follow-ups, an outage and a stream seen by nobody."""
    follow_ups = [Event(s.stream, s.at + 9 * MINUTE) for s in SENDS[::7]]
    events = Events.of([*(Event(s.stream, s.at, None, None, None, "one" if s.id % 3 else "two") for s in SENDS), *follow_ups])
    since = hours_of(START)
    coverage = {"one": [(since, since + 400), (since + 520.5, since + 2400)]}
    short = run(events, [Setting("fixed", gap)], coverage=coverage, stops=100).settings[0]
    monkeypatch.setattr("monitor.detect.backtest._has_fixed_silences", lambda _engine: False)
    long = run(events, [Setting("fixed", gap)], coverage=coverage, stops=100).settings[0]
    assert len(short.alarms) > 5

    def silences(alarms: tuple[Alarm, ...]) -> list[tuple[str, float, float | None]]:
        return [(a.stream, a.last, a.resumed_at) for a in alarms]

    def stops(injected: tuple[InjectedStop, ...]) -> list[InjectedStop]:
        return sorted(injected, key=lambda s: (s.stream, s.at, str(s.found_at[ALERT])))

    assert silences(short.alarms) == silences(long.alarms)
    assert [a.alarm_at[ALERT] for a in short.alarms] == pytest.approx([a.alarm_at[ALERT] for a in long.alarms], abs=1e-6)
    one, other = stops(short.injected), stops(long.injected)
    assert [(s.stream, s.at) for s in one] == [(s.stream, s.at) for s in other]
    assert [s.found_at[ALERT] for s in one] == pytest.approx([s.found_at[ALERT] for s in other], abs=1e-6, nan_ok=True)


@settings(max_examples=4, deadline=None)
@given(
    st.floats(12, 28), st.sampled_from([GapSettings(false_alarms_per_sender_year=12), GapSettings(false_alarms_total_year=90)])
)
def test_nothing_later_changes_an_earlier_alarm(days: float, gap: GapSettings) -> None:
    until = hours_of(START) + 24 * days
    first = [Event(s.stream, s.at) for s in SENDS if s.at < START + 30 * DAY]
    events, early = Events.of(first), Events.of(e for e in first if hours_of(e.at) < until)
    tried = [Setting("learned", gap), Setting.fixed(12)]
    whole = run(events, tried, stops=0).settings
    part = run(early, tried, censor=dict.fromkeys(events.streams, until), stops=0).settings
    told = [
        [{(a.stream, a.last, n, at) for a in r.alarms for n, at in enumerate(a.alarm_at) if at < until} for r in done]
        for done in (whole, part)
    ]
    assert told[0] == told[1]
    assert all(told[0])


def test_an_injected_stop_is_found_as_a_real_one_would_be() -> None:
    result = run(EVENTS, [Setting.yearly(1.0)], stops=40, seed=3).settings[0]
    stop = next(s for s in result.injected if np.isfinite(s.found_at[ALERT]) and s.at < hours_of(START + 60 * DAY))
    others = [s for s in SENDS if not (s.stream == stop.stream and hours_of(s.at) >= stop.at)]
    findings = detector(others).assess(moment_of(stop.found_at[ALERT]) + HOUR).findings
    (found,) = [f for f in findings if f.subject == stop.stream and f.key.startswith("gap:")]
    assert hours_of(found.found_at) == pytest.approx(stop.found_at[ALERT], abs=1.0)


def test_stops_are_put_at_every_hour_alike() -> None:
    """A list that mails every 90 minutes: whole hours lie half an hour, an hour, and one and a half after its last send."""
    events = Events.from_columns(["a"] * 1000, 1000.5 + 1.5 * np.arange(1000.0))
    injected = run(events, [Setting.fixed(48)], stops=3000).settings[0].injected
    ages = np.array([(s.at - 1000.5) % 1.5 for s in injected])
    assert len(injected) > 2950
    assert np.mean(ages == 0.5) == pytest.approx(1 / 3, abs=0.04)
    assert np.mean(ages == 1.0) == pytest.approx(1 / 3, abs=0.04)


def test_stops_are_put_into_covered_time_only() -> None:
    since = hours_of(START)
    coverage = {"one": [(since + 1200, since + 2000), (since + 200, since + 700), (since + 600, since + 800)]}
    injected = run(EVENTS, [Setting.fixed(48)], coverage=coverage, stops=300).settings[0].injected
    assert injected
    assert all(200 <= s.at - since <= 801 or 1200 <= s.at - since <= 2001 for s in injected)


def test_declared_pauses_are_not_watched_and_no_stop_is_put_into_them() -> None:
    begins, ends = START + 40 * DAY, START + 60 * DAY
    paused = GapSettings(expected_pause=(Pause(start=begins, end=ends),))
    before = run(EVENTS, [Setting.yearly(1.0)], stops=0).silences
    result = run(EVENTS, [Setting("paused", GapSettings(), {"0.example": paused})], stops=400)
    lost = [float(before.exposure[before.row == k].sum() - result.silences.exposure[before.row == k].sum()) for k in (0, 1)]
    assert lost == [pytest.approx(20 * 24.0), 0.0]
    stops = [i.at for i in result.settings[0].injected if i.stream == "0.example"]
    assert stops
    assert not [at for at in stops if hours_of(begins) < at < hours_of(ends)]


@pytest.mark.parametrize("rule", [Setting.yearly(1.0), Setting.fixed(45)])
def test_what_is_read_after_an_outage_counts_but_is_told_no_sooner(rule: Setting) -> None:
    """One list stops within an outage, one only pauses in it; the detector, which looks every hour, is asked the same."""
    down, up = START + 50 * DAY, START + 53 * DAY
    of = {name: [s for s in SENDS if s.stream == name] for name in ("0.example", "1.example")}
    stops = [s for s in of["0.example"] if s.at < down + 5 * HOUR]
    pauses = [s for s in of["1.example"] if not down < s.at < up - 20 * HOUR]
    sends = [*stops, *pauses, *(s for s in SENDS if s.stream not in of)]
    events = Events.of(Event(s.stream, s.at, inbox="one") for s in sends)
    ends = dict.fromkeys(events.streams, hours_of(END))
    live = {"one": [(hours_of(START), hours_of(down)), (hours_of(up), hours_of(END))]}
    later = {"one": [(hours_of(down), hours_of(up))]}

    def alarms(coverage: Spans, in_retrospect: Spans) -> dict[str, float]:
        done = run(events, [rule], censor=ends, coverage=coverage, in_retrospect=in_retrospect, stops=0)
        found = done.settings[0].alarms
        return {a.stream: a.alarm_at[ALERT] for a in found if hours_of(down) <= a.alarm_at[ALERT] < hours_of(up + DAY)}

    whole = alarms({"one": [(hours_of(START), hours_of(END))]}, {})
    assert set(whole) == set(of)
    assert max(whole.values()) < hours_of(up)
    assert alarms(live, later) == {"0.example": hours_of(up)}

    known = detector(sends, full_coverage=False, settings=rule.gap)
    known.add_coverage([covered(0 * DAY, down - START), covered(up - START, END - START)])
    assert not {f.subject for f in known.assess(up - HOUR).findings} & set(of)
    known.add_coverage([replace(covered(down - START, up - START), kind=CoverageKind.RETROSPECTIVE)])
    told = {f.subject: hours_of(f.found_at) for f in known.assess(up).findings if f.subject in of}
    assert told == pytest.approx({"0.example": whole["0.example"]}, abs=1e-4)


def test_a_stop_made_up_within_an_outage_is_found_after_it() -> None:
    since = hours_of(START)
    live, later = {"one": [(since, since + 1200.0), (since + 1260, since + 2000)]}, {"one": [(since + 1200, since + 1260.0)]}
    known = run(EVENTS, [Setting.fixed(12)], coverage=live, in_retrospect=later, stops=2000, seed=2).settings[0].injected
    at_once = run(EVENTS, [Setting.fixed(12)], coverage={"one": [(since, since + 2000)]}, stops=2000, seed=2).settings[0].injected
    pairs = [(s.found_at[ALERT], due.found_at[ALERT]) for s, due in zip(known, at_once, strict=True)]
    within = [found for found, due in pairs if since + 1200 < due < since + 1260]
    assert len(within) > 20
    assert set(within) == {since + 1260}
    assert all(found == due or np.isnan([found, due]).all() for found, due in pairs if not since + 1200 < due < since + 1260)


def test_the_delay_that_is_shown_is_that_of_injected_stops() -> None:
    """The mean delay at the end of the history, against stops of its second half."""
    found = run(EVENTS, [Setting.yearly(1.0)], stops=4000, report_from=hours_of(START + 45 * DAY)).settings[0].injected
    shown = {s.stream: s.gap for s in detector(SENDS).assess(START + 90 * DAY).states}
    for stream in EVENTS.streams[:6]:
        delays = [s.found_at[ALERT] - s.at for s in found if s.stream == stream and np.isfinite(s.found_at[ALERT])]
        day, night = delays_of(shown[stream])
        assert len(delays) > 50
        assert (day + night) / 2 == pytest.approx(float(np.mean(delays)), rel=0.35)


def test_the_delay_by_day_and_by_night_is_told_apart() -> None:
    """Nine mails between 9 and 18 h in New York, none at other hours."""
    sends = [
        send(d * 20 + h, "a.example", START + d * DAY + (13 + h) * HOUR + 7 * d % 60 * MINUTE)
        for d in range(90)
        for h in range(9)
    ]
    result = run(
        Events.of(Event(s.stream, s.at) for s in sends), [Setting.yearly(1.0)], stops=2000, report_from=hours_of(START + 45 * DAY)
    )
    (state,) = detector(sends).assess(sends[-1].at).states
    delays: dict[bool, list[float]] = {True: [], False: []}
    for stop in result.settings[0].injected:
        delays[8 <= moment_of(stop.at).astimezone(NEW_YORK).hour < 20].append(stop.found_at[ALERT] - stop.at)
    day, night = delays_of(state.gap)
    assert day == pytest.approx(float(np.nanmean(delays[True])), rel=0.25)
    assert night == pytest.approx(float(np.nanmean(delays[False])), rel=0.25)
    assert abs(day - night) > 0.5


def delays_of(facts: GapFacts | None) -> tuple[float, float]:
    """By day and by night, hours."""
    assert facts is not None
    assert facts.delay_by_day is not None
    assert facts.delay_by_night is not None
    return facts.delay_by_day / HOUR, facts.delay_by_night / HOUR


def test_rows_have_the_promised_keys() -> None:
    made = list(rows(run(EVENTS, [Setting.yearly(12.0), Setting.fixed(48)], stops=50), levels=True))
    alarm = next(r for r in made if r["type"] == "alarm")
    keys = ["type", "setting", "stream", "last_send", "alarm_at", "level", "return_period_years", "resumed_at"]
    assert list(alarm) == keys
    summaries = [r for r in made if r["type"] == "summary"]
    assert len(summaries) == 2 * 5
    assert list(summaries[0]) == [
        *("type", "setting", "class", "exposure_years", "alarms", "contradicted", "rate", "rate_low", "rate_high"),
        *("stops", "delay_hours_median", "delay_hours_p90"),
    ]


def test_copies_of_one_send_count_once() -> None:
    rows_ = [
        Event("a", START + k * DAY + late, send_id=str(k), inbox=inbox)
        for k in range(10)
        for late, inbox in ((0 * HOUR, "one"), (HOUR, "two"))
    ]
    events = Events.of(rows_)
    assert events.times.tolist() == [hours_of(START + k * DAY) for k in range(10)]
    assert events.inboxes == {"a": frozenset({"one", "two"})}


def test_the_trailing_rate_of_an_even_stream_is_its_rate() -> None:
    events = Events.from_columns(["a"] * 2000, np.arange(2000.0) * 6)
    assert trailing_rates(events)[-1] == pytest.approx(4.0, rel=0.05)


def test_one_slot_a_week_is_in_the_last_class() -> None:
    weekly = Events.from_columns(["a"] * 60, np.arange(60.0) * 168 + np.random.default_rng(1).normal(0, 3, 60))
    assert (classes_of(trailing_rates(weekly)[20:]) == 3).all()


def test_no_alarm_in_half_a_year_proves_little() -> None:
    low, high = poisson_interval(0, 0.5)
    assert (low, round(high, 1)) == (0.0, 7.4)


def test_january_2021_is_found_in_time_and_nothing_else_is() -> None:
    """The archived mail of 3 to 14 January 2021 alone: three days of history (source: dwillis/political-emails)."""
    with JANUARY.open(encoding="utf-8", newline="") as file:
        events = Events.of(
            Event(row["domain"], at)
            for row in csv.DictReader(file)
            if (at := datetime.fromisoformat(row["date"]).astimezone(UTC)) < datetime(2021, 1, 15, tzinfo=UTC)
        )
    alarms = run(events, [Setting.yearly(1.0)], stops=0).settings[0].alarms
    (alarm,) = [a for a in alarms if np.isfinite(a.alarm_at[ALERT])]
    assert alarm.stream == "victory.donaldtrump.com"
    assert moment_of(alarm.last) == datetime(2021, 1, 6, 18, 22, 46, tzinfo=UTC)
    assert moment_of(alarm.alarm_at[ALERT]) < datetime(2021, 1, 8, tzinfo=UTC)
