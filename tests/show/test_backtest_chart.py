"""The picture of a backtest: no setting that was asked for is left out without a word."""

from __future__ import annotations

import re

import pytest

from monitor.show.backtest_chart import backtest_chart
from monitor.show.charts import svg


def summary(setting: str, rate: float | None, delay: float | None) -> dict[str, object]:
    return {
        "type": "summary",
        "setting": setting,
        "class": "all",
        "rate": rate,
        "rate_low": 0.5,
        "rate_high": 3.0,
        "delay_hours_median": delay,
    }


def alarm(last: str, at: str, resumed: str | None) -> dict[str, object]:
    row = {"type": "alarm", "setting": "1/year", "stream": "news.example", "level": "alert"}
    return row | {"last_send": last, "alarm_at": at, "resumed_at": resumed}


def places(picture: str, setting: str) -> tuple[float, float]:
    """Where a setting's name stands."""
    found = re.search(rf"translate\(([\d.]+),([\d.-]+)\)[^>]*>{setting}<", picture)
    assert found is not None
    return float(found[1]), float(found[2])


def test_a_setting_without_a_point_is_named() -> None:
    picture = svg(backtest_chart([summary("1/year", 1.0, None), summary("4/year", 3.9, 20.0), summary("9/year", None, 3.0)]))
    assert "No point for 1/year, 9/year" in picture
    assert "No point" not in svg(backtest_chart([summary("4/year", 3.9, 20.0)]))


def test_names_of_settings_that_do_alike_stand_above_each_other() -> None:
    picture = svg(backtest_chart([summary("4/year", 3.9, 20.0), summary("5/year", 4.0, 20.1)]))
    assert abs(places(picture, "4/year")[1] - places(picture, "5/year")[1]) >= 12


@pytest.mark.parametrize(("resumed", "has_hours"), [("2021-01-08T20:00:00Z", True), ("2021-02-20T20:00:00Z", False)])
def test_hours_are_written_where_days_would_repeat(resumed: str, has_hours: bool) -> None:
    picture = svg(backtest_chart([summary("1/year", 1.0, 9.0), alarm("2021-01-06T18:00:00Z", "2021-01-07T14:00:00Z", resumed)]))
    assert bool(re.search(r">\d+ Jan 2021 \d\d:00<", picture)) is has_hours
