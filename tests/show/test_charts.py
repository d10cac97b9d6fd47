"""Charts become SVG without scripts, styles or foreign addresses, and hold what they are given."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from importlib.resources import files

import pytest

from monitor.show import charts
from tests.show.snapshots import LAST, NOW, VICTORY, history

START = NOW - timedelta(days=14)
HOLE = (NOW - timedelta(days=5), NOW - timedelta(days=4, hours=16))


def fleet(width: int = charts.WIDE, name: str = VICTORY) -> charts.Spec:
    rows = [charts.Row(name, [s.at for s in history()[VICTORY]], LAST), charts.Row("b.example", [])]
    return charts.fleet(rows, START, NOW, [HOLE], width)


def marks(svg: str, colour: str) -> int:
    return svg.count(f'fill="{colour}"')


@pytest.mark.parametrize("width", [charts.WIDE, charts.NARROW])
def test_each_send_in_the_window_is_a_tick_and_each_silence_is_shaded_and_measured(width: int) -> None:
    drawn = charts.svg(fleet(width))
    slots = {int((s.at - START) / ((NOW - START) / width)) for s in history()[VICTORY] if s.at >= START}
    assert marks(drawn, charts.ALARM) == len(slots) + 1  # and the silence's length in words
    assert marks(drawn, charts.ALARM_PALE) == 1
    assert marks(drawn, charts.BLIND) == 1
    assert ">34 hours<" in drawn
    assert f">{VICTORY}<" in drawn


def test_a_stream_shows_a_dot_for_each_send_and_junk_in_its_own_colour() -> None:
    sends = [s for s in history()[VICTORY] if s.at >= START]
    spec = charts.stream(sends, START, NOW, LAST)
    dots = spec["vconcat"][1]["layer"][-1]["data"]["values"]
    bars = spec["vconcat"][0]["layer"][1]["data"]["values"]
    assert len(dots) == len(sends)
    assert sum(bar["top"] - bar["base"] for bar in bars) == len(sends)
    junk = [s for s in sends if s.placements.get("JUNK")]
    assert len([d for d in dots if d["placed"] == charts.JUNKED]) == len(junk) > 0
    assert ">put into junk<" in charts.svg(spec)


def test_a_stream_without_sends_is_still_a_picture() -> None:
    assert ET.fromstring(charts.svg(charts.stream([], START, NOW))).tag.endswith("svg")


def test_a_hostile_name_stays_text() -> None:
    drawn = charts.svg(fleet(name='<script>alert(1)</script><image href="https://evil.example/x.png"/>'))
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(drawn).iter()}
    assert tags <= {"svg", "g", "path", "text", "line", "rect", "defs", "clipPath"}


def test_a_picture_brings_no_style_no_script_and_no_address_along() -> None:
    drawn = charts.svg(fleet())
    assert not re.search(r"\bstyle=|<style|<script|\bon\w+=", drawn)
    assert set(re.findall(r"https?://[^\"'\s]+", drawn)) == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_two_names_that_begin_alike_keep_lines_of_their_own() -> None:
    long = "a-name-that-goes-on-for-longer-than-the-axis-has-room.example."
    spec = charts.fleet([charts.Row(f"{long}{n}", [NOW - timedelta(days=n)]) for n in (1, 2)], START, NOW)
    assert len({tick["stream"] for tick in spec["layer"][1]["data"]["values"]}) == 2


def test_the_same_picture_is_drawn_once() -> None:
    before = charts._svg.cache_info().misses
    assert charts.svg(fleet(name="once.example")) is charts.svg(fleet(name="once.example"))
    assert charts._svg.cache_info().misses == before + 1


def test_each_colour_of_the_charts_has_a_counterpart_for_dark_screens() -> None:
    sheet = (files("monitor.show") / "static" / "style.css").read_text("utf-8")
    dark = sheet[sheet.index("prefers-color-scheme: dark") :]
    assert [c for c in charts.PALETTE if f'="{c}"]' not in dark] == []
