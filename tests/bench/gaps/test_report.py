"""The report says what was measured, and reads recorded sets as they are described."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.gaps.beside import Beside, Shifts, Tally
from tests.bench.gaps.group_years import GroupYears
from tests.bench.gaps.protocol import Outcome
from tests.bench.gaps.recorded import recorded_sets
from tests.bench.gaps.report import RULES_OF_THE_TRADE, Comparison, Holes, Measured, render, verdict
from tests.bench.gaps.together import NOBODY, Named, Outage, Trial


def outcome(years: float = 200.0, false: int = 200, median: float = 10.0) -> Outcome:
    return Outcome(years, false, median, 3 * median, stops=10, stops_found=8, stop_median=5 * median)


def measured() -> Measured:
    others = {name: [outcome(median=20.0)] * 4 for name in ("oracle: true hazard", *RULES_OF_THE_TRADE)}
    others["oracle: true hazard"] = [outcome(median=8.0)] * 4
    return Measured(
        seed=5,
        lists=10,
        quick=True,
        simulated=Comparison("simulation", [outcome()] * 4, others),
        further=[
            Comparison(
                "simulation", [outcome(false=false, median=median)] * 4, {"oracle: true hazard": [outcome(median=8.0)] * 4}
            )
            for false, median in ((180, 9.0), (240, 13.0))
        ],
        recorded=[Comparison("posters", [outcome()] * 4, {n: o for n, o in others.items() if n in RULES_OF_THE_TRADE})],
        group_years=[{10: GroupYears(4.0, 1, 1)}, {10: GroupYears(6.0, 0, 3)}],
        groups=[(20, 10, [Trial(12.0, 1, Named(10, 1), Named(10, 0)), Trial(float("inf"), 0, NOBODY, NOBODY)])],
        outage=Outage(about_streams=0, more_after=1, about_us=2, due=5, told=4, back_dated=3),
        outage_streams=500,
        holes=[Holes("their mail is lost", [outcome()] * 4, [9.0, 9.0, 9.0, float("inf")])],
        beside=Beside(
            [Tally(100.0, 120, 90)] * 4, [[5.0, 20.0, float("inf")]] * 4, Shifts({(0.1, 0.2): Tally(50.0, 40, 40)}, [4, 5, 9])
        ),
        fewer=[("posters", [Tally(20.0, 30, 16)] * 4)],
    )


@pytest.mark.parametrize(
    ("years", "false", "said"),
    [
        (100.0, 70, "kept"),
        (100.0, 69, "**not kept**"),
        (100.0, 141, "**not kept**"),
        (10.0, 18, "interval meets it"),
        (10.0, 40, "**not kept**"),
        (2.0, 0, "interval meets it"),
    ],
)
def test_a_promise_is_judged_by_its_rate_or_with_little_exposure_by_its_interval(years: float, false: int, said: str) -> None:
    assert verdict(outcome(years, false)) == said


def test_the_report_names_seed_ratio_and_what_was_never_told() -> None:
    text = render(measured())
    assert "with seed 5" in text
    assert "| >5/day | 1.05 (0.90 to 1.20) | 1.38 (1.12 to 1.62) | 1.5 | 1 |" in text
    assert "| >5/day | 200 | 1.00 (0.87-1.15) | kept | 10.0 / 30.0 | 8.0 / 24.0 | 1.25 | 1.5 |" in text
    assert "| 10 | 10.0 | 1 | 4 | 0.50 (0.16-1.17) |" in text
    assert "| 20 | 10 | 2 | 1 | 12.0 / never / never | 1.0 | 5.0, 0.5 | 0 % | 5.0, 0.0 | 50 % |" in text
    assert "500 streams: 0 findings about streams meanwhile, 2 about us" in text
    assert "| their mail is lost | 1.00, 10.0 (9.0) | 1.00, 10.0 (9.0) | 1.00, 10.0 (9.0) | 1.00, 10.0 (never) |" in text
    assert "| posters 1-5/day | 10 | 80 %, 50.0 | 80 %, 100 |" in text


def test_the_report_tells_of_fewer_mails_and_of_junk() -> None:
    text = render(measured())
    assert "| simulated >5/day | 100 | 120 | 0.90 (0.72-1.11) | 33 % | 67 % | 20.0 |" in text
    assert "| posters 1-5/day | 20 | 30 | 0.80 (0.46-1.30) | | | |" in text
    assert "| 0.1, 0.2 | 50 | 40 | 0.80 (0.57-1.09) |" in text
    assert "told of after 5 sends" in text


def test_the_report_leaves_out_recorded_sets_where_none_were_given() -> None:
    without = measured()
    without.recorded = []
    assert "Recorded event times" not in render(without)


def test_recorded_sets_are_read_with_their_censoring(tmp_path: Path) -> None:
    (tmp_path / "posters.csv").write_text("sender_id,timestamp\nb,7200\na,3600\na,1800\na,3600\n", encoding="utf-8")
    (tmp_path / "posters.meta.csv").write_text("sender_id,censor_ts\na,36000\nb,72000\n", encoding="utf-8")
    streams = recorded_sets(tmp_path)["posters"]
    assert [s.name for s in streams] == ["a", "b"]
    assert streams[0].times.tolist() == [0.5, 1.0]
    assert [s.censor for s in streams] == [10.0, 20.0]
