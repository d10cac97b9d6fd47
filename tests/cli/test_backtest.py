"""`backtest`: its options, its lines for programs, and how it ends on bad input."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from monitor.app.session import open_session
from monitor.model import CoverageKind
from monitor.settings import load_settings
from tests.cli.conftest import BUSY, SILENT, Run
from tests.store.build import a_copy, a_visit

START = datetime(2025, 1, 1, tzinfo=UTC)
DAILY = [START + timedelta(days=n, hours=n % 3) for n in range(120)]
ALARM_KEYS = ["type", "setting", "stream", "last_send", "alarm_at", "level", "return_period_years", "resumed_at"]
SUMMARY_KEYS = [
    *("type", "setting", "class", "exposure_years", "alarms", "contradicted", "rate", "rate_low", "rate_high"),
    *("stops", "delay_hours_median", "delay_hours_p90"),
]


def events(folder: Path, *lines: str, header: str = "sender_id,timestamp") -> Path:
    path = folder / "events.csv"
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return path


def two_lists(folder: Path) -> Path:
    """A list that stops after 60 days, and one that goes on, in both ways to write a time."""
    stops = [f"stops.example,{at.isoformat()}" for at in DAILY[:60]]
    return events(folder, *stops, *(f"goes-on.example,{at.timestamp():.0f}" for at in DAILY))


def test_a_stop_is_an_alarm_with_all_keys_and_every_class_has_a_summary(gonequiet: Run, tmp_path: Path) -> None:
    ran = gonequiet("backtest", two_lists(tmp_path), "--json", "--false-alarms-per-year", "1", "--false-alarms-per-year", "12")
    assert (ran.status, ran.err) == (0, "")
    told = [row for row in ran.rows if row["type"] == "alarm"]
    assert all(list(row) == ALARM_KEYS for row in told)
    assert all(row["setting"] == "12/year" for row in told if row["stream"] != "stops.example")
    alarms = [row for row in told if row["stream"] == "stops.example"]
    assert [(a["setting"], a["stream"], a["level"], a["resumed_at"]) for a in alarms] == [
        ("1/year", "stops.example", "alert", None),
        ("12/year", "stops.example", "alert", None),
    ]
    assert alarms[0]["last_send"] == DAILY[59].isoformat().replace("+00:00", "Z")
    assert alarms[1]["alarm_at"] < alarms[0]["alarm_at"]
    summaries = [row for row in ran.rows if row["type"] == "summary"]
    assert all(list(row) == SUMMARY_KEYS for row in summaries)
    classes = [">5/day", "1-5/day", "1-7/week", "<1/week", "all"]
    assert [(s["setting"], s["class"]) for s in summaries] == [
        (setting, name) for setting in ("1/year", "12/year", "fixed 48 h") for name in classes
    ]


def test_levels_add_watch_and_confirmed_in_json_that_everyone_can_read(gonequiet: Run, tmp_path: Path) -> None:
    ran = gonequiet("backtest", two_lists(tmp_path), "--json", "--levels")
    alarms = [row for row in ran.rows if row["type"] == "alarm" and row["stream"] == "stops.example"]
    assert [(a["level"], round(a["return_period_years"], 3)) for a in alarms] == [
        ("watch", 0.083),
        ("alert", 1),
        ("confirmed", 10),
    ]
    for line in ran.out.splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.mark.parametrize(
    ("option", "at"), [("--to", "2025-02-01"), ("--from", "2025-03-15T00:00:00+01:00"), ("--to", "1738368000")]
)
def test_only_the_wanted_time_is_reported(option: str, at: str, gonequiet: Run, tmp_path: Path) -> None:
    ran = gonequiet("backtest", two_lists(tmp_path), "--json", option, at)
    assert not [row for row in ran.rows if row["type"] == "alarm"]
    whole = gonequiet("backtest", two_lists(tmp_path), "--json")
    assert 0 < ran.rows[-1]["exposure_years"] < whole.rows[-1]["exposure_years"]


def test_a_warm_up_as_long_as_the_history_leaves_nothing_to_report(gonequiet: Run, tmp_path: Path) -> None:
    ran = gonequiet("backtest", two_lists(tmp_path), "--json", "--warm-up", "500")
    assert {row["exposure_years"] for row in ran.rows} == {0.0}
    assert "No silence was watched" in gonequiet("backtest", two_lists(tmp_path), "--warm-up", "500").out


def test_observation_that_ended_is_no_silence(gonequiet: Run, tmp_path: Path) -> None:
    censor = tmp_path / "censor.csv"
    censor.write_text(f"sender_id,censor_ts\nstops.example,{DAILY[60].isoformat()}\n", encoding="utf-8")
    ran = gonequiet("backtest", two_lists(tmp_path), "--json", "--censor", censor)
    assert not [row for row in ran.rows if row["type"] == "alarm"]


def test_time_that_was_not_covered_is_no_silence(gonequiet: Run, tmp_path: Path) -> None:
    coverage = tmp_path / "coverage.csv"
    coverage.write_text(f"inbox,start,end\none,{START.isoformat()},{DAILY[60].isoformat()}\n", encoding="utf-8")
    assert not [
        r for r in gonequiet("backtest", two_lists(tmp_path), "--json", "--coverage", coverage).rows if r["type"] == "alarm"
    ]


def test_years_watched_are_the_covered_ones(gonequiet: Run, tmp_path: Path) -> None:
    """Half of the time is a hole, in which the list's mail is known all the same: nobody could have been told of then."""
    coverage = tmp_path / "coverage.csv"
    halves = [(DAILY[0], DAILY[30]), (DAILY[15], DAILY[30]), (DAILY[90], DAILY[119])]
    lines = [f"{inbox},{a.isoformat()},{b.isoformat()}" for a, b in reversed(halves) for inbox in ("one", "two")]
    coverage.write_text("\n".join(["Inbox, Start, End", *lines, ""]), encoding="utf-8")
    lists = events(tmp_path, *(f"goes-on.example,{at.isoformat()}" for at in DAILY))
    whole, torn = (gonequiet("backtest", lists, "--json", *more).rows for more in ((), ("--coverage", coverage)))
    assert torn[-1]["exposure_years"] == pytest.approx((whole[-1]["exposure_years"] * 8766 - 60 * 24) / 8766, abs=3 / 8766)
    assert not [row for row in torn if row["type"] == "alarm"]


def test_a_coverage_file_may_say_what_was_proven_at_its_end_only(gonequiet: Run, tmp_path: Path) -> None:
    """An outage from the 61st day to the 75th: the list that stopped before is told of when it ends, and not before."""
    coverage = tmp_path / "coverage.csv"
    spans = [(DAILY[0], DAILY[60], ""), (DAILY[60], DAILY[75], "Retrospective"), (DAILY[75], DAILY[119], "live")]
    coverage.write_text(
        "\n".join(["inbox,start,end,kind", *(f"one,{a.isoformat()},{b.isoformat()},{kind}" for a, b, kind in spans)]),
        encoding="utf-8",
    )
    rows = gonequiet("backtest", two_lists(tmp_path), "--json", "--coverage", coverage).rows
    assert [(r["stream"], r["alarm_at"][:19]) for r in rows if r["type"] == "alarm"] == [
        ("stops.example", DAILY[75].isoformat()[:19])
    ]
    coverage.write_text(coverage.read_text().replace("live", "alive"), encoding="utf-8")
    ran = gonequiet("backtest", two_lists(tmp_path), "--coverage", coverage)
    assert (ran.status, "line 4: kind: expected live or retrospective, got 'alive'" in ran.err) == (2, True)


def test_an_inbox_that_the_coverage_does_not_name_is_told_of_and_not_judged(gonequiet: Run, tmp_path: Path) -> None:
    coverage = tmp_path / "coverage.csv"
    coverage.write_text(f"inbox,start,end\none,{START.isoformat()},{DAILY[119].isoformat()}\n", encoding="utf-8")
    lists = events(tmp_path, *(f"a.example,{at.isoformat()},two" for at in DAILY[:60]), header="sender_id,timestamp,inbox")
    ran = gonequiet("backtest", lists, "--json", "--coverage", coverage)
    assert "nothing is covered of two" in ran.err
    assert {row["exposure_years"] for row in ran.rows} == {0.0}
    coverage.write_text("inbox,start,end\n", encoding="utf-8")
    ran = gonequiet("backtest", lists, "--coverage", coverage)
    assert (ran.status, "no interval in it" in ran.err) == (2, True)


def test_events_may_come_from_stdin_under_headings_in_capitals(
    gonequiet: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = two_lists(tmp_path)
    expected = gonequiet("backtest", path, "--json").out
    text = path.read_text(encoding="utf-8").replace("sender_id,timestamp", "Sender_ID,Timestamp")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert gonequiet("backtest", "-", "--json").out == expected


def test_what_is_wrong_with_stdin_is_not_said_of_a_temporary_file(gonequiet: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"who,when\n")))
    ran = gonequiet("backtest", "-", "--json")
    assert ran.status == 2
    assert ran.err.startswith("gonequiet: -: expected a first line that names the columns")


def test_copies_of_one_send_count_once_and_groups_are_one_sender(gonequiet: Run, tmp_path: Path) -> None:
    rows = [f"{n % 2}.example,{at.isoformat()},{n},One,Postbird,{i}" for n, at in enumerate(DAILY) for i in ("a", "b")]
    path = events(tmp_path, *rows, header="sender_id,timestamp,send_id,organisation,provider,inbox")
    by_stream, by_group = (gonequiet("backtest", path, "--json", "--group-by", g).rows[-1] for g in ("stream", "organisation"))
    assert by_stream["exposure_years"] > 1.5 * by_group["exposure_years"]
    for group in ("provider", "inbox"):
        assert gonequiet("backtest", path, "--json", "--group-by", group).status == 0


@pytest.mark.parametrize("by", ["provider", "organisation", "inbox"])
def test_groups_that_no_row_names_are_asked_for(by: str, gonequiet: Run, tmp_path: Path) -> None:
    """All lists would be replayed as one sender, `unknown`."""
    ran = gonequiet("backtest", path := two_lists(tmp_path), "--group-by", by, "--json")
    assert (ran.status, ran.out, ran.err) == (2, "", f"gonequiet: {path}: --group-by {by}: no row names its {by}\n")


def test_a_picture_that_cannot_be_written_costs_no_result(gonequiet: Run, tmp_path: Path) -> None:
    ran = gonequiet("backtest", two_lists(tmp_path), "--json", "--plot", tmp_path / "nowhere" / "x.svg")
    assert ran.status == 2
    assert "cannot be written" in ran.err
    assert [row["type"] for row in ran.rows].count("summary") == 10


def test_a_picture_is_svg_and_nothing_else(gonequiet: Run, tmp_path: Path) -> None:
    ran = gonequiet("backtest", two_lists(tmp_path), "--plot", "x.png")
    assert (ran.status, ran.out, ran.err) == (2, "", "gonequiet: --plot: expected a name that ends in .svg, got 'x.png'\n")


def test_bad_rows_are_named_and_skipped(gonequiet: Run, tmp_path: Path) -> None:
    path = two_lists(tmp_path)
    path.write_text(path.read_text() + "goes-on.example,yesterday\n,2025-01-01\n", encoding="utf-8")
    ran = gonequiet("backtest", path, "--json")
    assert ran.status == 2
    assert "line 182: has no time that can be read" in ran.err
    assert "line 183: has no sender_id" in ran.err
    assert [row["stream"] for row in ran.rows if row["type"] == "alarm"] == ["stops.example"]


@pytest.mark.parametrize(
    ("content", "said"), [("", "expected a first line"), ("sender_id,timestamp\n", "there is no event in it")]
)
def test_an_empty_file_is_told_of(content: str, said: str, gonequiet: Run, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(content, encoding="utf-8")
    ran = gonequiet("backtest", path, "--json")
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err
    assert "events.csv" in ran.err


def test_a_date_of_which_no_mail_can_be_is_named_and_the_rest_is_replayed(gonequiet: Run, tmp_path: Path) -> None:
    lines = [f"a.example,{at.isoformat()}" for at in DAILY]
    told = gonequiet("backtest", events(tmp_path, *lines), "--json").out
    ran = gonequiet("backtest", path := events(tmp_path, *lines, "a.example,9999-12-31", "a.example,0001-01-01"), "--json")
    assert (ran.status, ran.out) == (2, told)
    assert ran.err.splitlines() == [
        f"gonequiet: {path}, line 122: has a time of which no mail can be: '9999-12-31'",
        f"gonequiet: {path}, line 123: has a time of which no mail can be: '0001-01-01'",
    ]


@pytest.mark.parametrize("hours", ["inf", "nan", "1e12"])
def test_fixed_hours_beyond_a_hundred_years_are_misuse(hours: str, gonequiet: Run, tmp_path: Path) -> None:
    ran = gonequiet("backtest", two_lists(tmp_path), "--fixed-hours", hours)
    assert ran.status == 2
    assert "--fixed-hours" in ran.err


def test_a_setting_that_is_given_twice_is_tried_once(gonequiet: Run, tmp_path: Path) -> None:
    asked = [*("--false-alarms-per-year", "1") * 2, *("--fixed-hours", "24") * 2]
    ran = gonequiet("backtest", two_lists(tmp_path), "--json", *asked)
    assert [(r["setting"]) for r in ran.rows if r["type"] == "summary" and r["class"] == "all"] == ["1/year", "fixed 24 h"]


def test_observation_cannot_end_in_a_time_of_which_no_mail_can_be(gonequiet: Run, tmp_path: Path) -> None:
    censor = tmp_path / "censor.csv"
    censor.write_text("sender_id,censor_ts\nstops.example,9999-12-31\n", encoding="utf-8")
    ran = gonequiet("backtest", two_lists(tmp_path), "--censor", censor, "--json")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == f"gonequiet: {censor}: line 2: censor_ts: expected a year from 1900 to 2199, got '9999-12-31'\n"


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ("stop.example,2025-03-05\n", "no event is of stop.example; not used"),
        (
            "goes-on.example,2025-03-05\nstops.example,2025-03-05\n",
            "goes-on.example mailed after its end there; its last mail counts",
        ),
    ],
)
def test_an_end_that_does_not_fit_the_events_is_told_of(ends: str, said: str, gonequiet: Run, tmp_path: Path) -> None:
    censor = tmp_path / "censor.csv"
    censor.write_text(f"sender_id,censor_ts\n{ends}", encoding="utf-8")
    ran = gonequiet("backtest", two_lists(tmp_path), "--censor", censor, "--json")
    assert (ran.status, ran.err) == (0, f"gonequiet: {censor}: {said}\n")


@pytest.mark.parametrize("text", ["soon", "2025", "20250201"])
def test_a_time_that_is_none_is_told_of(text: str, gonequiet: Run, tmp_path: Path) -> None:
    ran = gonequiet("backtest", two_lists(tmp_path), "--from", text)
    assert ran.status == 2
    assert "--from: expected a time" in ran.err


def test_the_reason_is_told_why_nothing_was_watched(gonequiet: Run, tmp_path: Path) -> None:
    lists = two_lists(tmp_path)
    outside = gonequiet("backtest", lists, "--from", "2026-01-01").out
    assert "those that begin after the first 5 sends of a stream, from 2026-01-01 on, in covered time." in outside
    assert "The events are from 2025-01-01 to 2025-04-30." in outside
    long = gonequiet("backtest", lists, "--warm-up", "500").out
    assert "those that begin after the first 500 sends of a stream, in covered time." in long


def test_of_many_bad_rows_the_first_are_named_and_the_rest_counted(gonequiet: Run, tmp_path: Path) -> None:
    path = events(tmp_path, *(f"a.example,{at:%d.%m.%Y}" for at in DAILY), *(f"a.example,{at.isoformat()}" for at in DAILY))
    ran = gonequiet("backtest", path, "--json")
    lines = ran.err.splitlines()
    assert (ran.status, len(lines)) == (2, 21)
    assert "line 2: has no time that can be read" in lines[0]
    assert lines[-1] == f"gonequiet: {path}: 100 more lines could not be read"


def test_a_span_that_ends_before_it_begins_is_told_of(gonequiet: Run, tmp_path: Path) -> None:
    ran = gonequiet("backtest", two_lists(tmp_path), "--from", "2025-02-01", "--to", "2025-01-01")
    assert (ran.status, ran.out) == (2, "")
    assert "--to: expected a time after --from, got '2025-01-01'" in ran.err


def test_exposure_and_rates_are_those_that_one_reckons_by_hand(gonequiet: Run, tmp_path: Path) -> None:
    """Daily but for 11 and 12 January: one alarm, contradicted, in the 15 days from the fifth send to the last."""
    days = [d for d in range(1, 21) if d not in (11, 12)]
    path = events(tmp_path, *(f"a.example,2025-01-{d:02}T00:00:00Z" for d in days))
    rows = gonequiet("backtest", path, "--json", "--fixed-hours", "48").rows
    [alarm] = [row for row in rows if row["type"] == "alarm" and row["setting"] == "fixed 48 h"]
    assert [alarm[k] for k in ("last_send", "alarm_at", "resumed_at")] == [f"2025-01-{d}T00:00:00Z" for d in (10, 12, 13)]
    whole = next(row for row in rows if row["setting"] == "fixed 48 h" and row.get("class") == "all")
    assert (whole["alarms"], whole["contradicted"], whole["stops"]) == (1, 1, 0)
    years = 15 / 365.25
    assert whole["exposure_years"] == pytest.approx(years)
    assert whole["rate"] == pytest.approx(1 / years)
    # Garwood's bounds for one event: chi-square quantiles 2.5 % (2 degrees of freedom) and 97.5 % (4), halved.
    assert (whole["rate_low"], whole["rate_high"]) == (pytest.approx(0.025318 / years, rel=1e-4), pytest.approx(5.571643 / years))


def test_people_get_a_table_the_alarms_and_a_picture(gonequiet: Run, tmp_path: Path) -> None:
    ran = gonequiet("backtest", two_lists(tmp_path), "--plot", tmp_path / "picture.svg")
    assert ran.status == 0
    for words in ("false a year", "fixed 48 h", "stops.example", "2025-03-01 02:00"):
        assert words in ran.out
    picture = (tmp_path / "picture.svg").read_text(encoding="utf-8")
    assert picture.startswith("<svg")
    assert "stops.example" in picture
    assert gonequiet("backtest", two_lists(tmp_path), "--plot", tmp_path / "nowhere" / "x.svg").status == 2


def test_what_the_settings_say_of_one_list_counts(gonequiet: Run, tmp_path: Path, settings_file: Path) -> None:
    def alarm() -> str:
        rows = gonequiet("backtest", two_lists(tmp_path), "--json", "-c", settings_file).rows
        [found] = [row["alarm_at"] for row in rows if row["type"] == "alarm"]
        return str(found)

    before = alarm()
    settings_file.write_text(
        "data_dir: data\nstreams: [{name: stops.example, domains: [stops.example], gap: {ceiling: 30h}}]\n", encoding="utf-8"
    )
    assert alarm() == "2025-03-02T08:00:00Z" < before
    told = gonequiet("backtest", two_lists(tmp_path), "-c", settings_file).out
    assert "a fixed silence or a ceiling alarms of stops.example: counted too" in told


def test_stored_mail_is_replayed_with_the_holes_that_were_recorded(gonequiet: Run, watched: Path) -> None:
    rows = gonequiet("backtest", "--json", "-c", watched).rows
    assert [row["stream"] for row in rows if row["type"] == "alarm"] == [SILENT]
    (gap,) = gonequiet("gaps", "--json", "-c", watched).rows
    assert [row["alarm_at"][:16] for row in rows if row["type"] == "alarm"] == [gap["found_at"][:16]]
    by_group = gonequiet("backtest", "--json", "--group-by", "inbox", "-c", watched).rows
    assert {row["stream"] for row in by_group if row["type"] == "alarm"} <= {"seed-1"}
    assert BUSY not in json.dumps(by_group)


def test_a_stored_outage_after_which_the_mail_was_read_tells_nothing_before_its_end(gonequiet: Run, settings_file: Path) -> None:
    daily = [a_copy(uid, at, stream=BUSY) for uid, at in enumerate(DAILY[:60], start=1)]
    down, up = DAILY[60], DAILY[75]
    with open_session(load_settings(settings_file)) as session:
        session.store.save_visit(a_visit(daily, at=down, since=START), daily)
        session.store.save_visit(a_visit([], at=up, since=down, kind=CoverageKind.RETROSPECTIVE), [])
        session.store.save_visit(a_visit([], at=up + timedelta(hours=1), since=up), [])
    alarms = [row for row in gonequiet("backtest", "--json", "-c", settings_file).rows if row["type"] == "alarm"]
    assert [(row["stream"], row["alarm_at"]) for row in alarms] == [(BUSY, up.isoformat().replace("+00:00", "Z"))]


def test_looks_far_apart_tell_each_of_the_time_before_it(gonequiet: Run, settings_file: Path) -> None:
    """The service ran until 2 March, then somebody polled by hand, once a day. The alarm is due on the 5th in the afternoon."""
    daily = [a_copy(uid, at, stream=BUSY) for uid, at in enumerate(DAILY[:60], start=1)]
    looks = [DAILY[60] + timedelta(days=n) for n in range(40)]
    with open_session(load_settings(settings_file)) as session:
        session.store.save_visit(a_visit(daily, at=looks[0], since=START), daily)
        for since, at in pairwise(looks):
            session.store.save_visit(a_visit([], at=at, since=since, kind=CoverageKind.RETROSPECTIVE), [])
    [alarm] = [row for row in gonequiet("backtest", "--json", "-c", settings_file).rows if row["type"] == "alarm"]
    assert alarm["alarm_at"] == looks[4].isoformat().replace("+00:00", "Z")


def test_stored_mail_was_observed_up_to_the_last_proof(gonequiet: Run, settings_file: Path) -> None:
    """No list mails any more, and the polls go on for ten days: that is a silence that was watched."""
    daily = [a_copy(uid, at, stream=BUSY) for uid, at in enumerate(DAILY[:60], start=1)]
    with open_session(load_settings(settings_file)) as session:
        session.store.save_visit(a_visit(daily, at=DAILY[69], since=START), daily)
    alarms = [row for row in gonequiet("backtest", "--json", "-c", settings_file).rows if row["type"] == "alarm"]
    assert [(row["stream"], row["last_send"]) for row in alarms] == [(BUSY, DAILY[59].isoformat().replace("+00:00", "Z"))]
