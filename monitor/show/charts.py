"""Charts as Vega-Lite specs, and their rendering to SVG: the page, an alert's mail and an evidence pack show the same picture.

Rendering runs inside this process without a browser and fetches nothing; the page needs no script to show a chart.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import altair as alt
import vl_convert

from monitor.model import Send
from monitor.show.words import plain, span

INK, MUTED, GRID = "#1d2226", "#5c6670", "#e4e0d8"
SEND, JUNK, ALARM, ALARM_PALE, BLIND = "#1f6f6b", "#b7791f", "#b3261e", "#f9dfdb", "#e3e1ee"
PALETTE = (INK, MUTED, GRID, SEND, JUNK, ALARM, ALARM_PALE, BLIND)
"""The style sheet gives each a counterpart for dark screens, matched by its value."""

SENT, JUNKED = "sends", "put into junk"

WIDE, NARROW = 860, 300
"""Widths of the plotting area, pixels: for desks and paper; for phones."""

Spec = dict[str, Any]
Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Row:
    """One stream in the picture of many."""

    name: str
    sends: Sequence[datetime]
    silent_since: datetime | None = None
    """The last send, where its silence is shaded."""


def fleet(rows: Sequence[Row], start: datetime, now: datetime, blind: Sequence[Interval] = (), width: int = WIDE) -> Spec:
    """Each stream a line, each send a tick; silences and the hours in which no inbox could be read are shaded."""
    step = (now - start) / width
    names = [plain(row.name, 34 if width == WIDE else 22) for row in rows]
    ticks = [
        {"stream": name, "at": _ms(start + slot * step), "quiet": row.silent_since is not None}
        for name, row in zip(names, rows, strict=True)
        for slot in sorted({int((at - start) / step) for at in row.sends if start <= at <= now})
    ]
    shades = [
        {"stream": name} | _silence(row.silent_since, start, now)
        for name, row in zip(names, rows, strict=True)
        if row.silent_since
    ]
    y = alt.Y(
        "stream:N",
        sort=names,
        title=None,
        axis=alt.Axis(labelLimit=260 if width == WIDE else 150, labelPadding=8, domain=False, ticks=False),
    )
    layers = [
        _blind(blind, start, now),
        alt.Chart(alt.InlineData(values=shades))
        .mark_bar(color=ALARM_PALE, height=alt.RelativeBandSize(0.92))
        .encode(x=_time("from", start, now), x2="to", y=y),
        alt.Chart(alt.InlineData(values=ticks))
        .mark_tick(thickness=1.6, size=13)
        .encode(x=_time("at", start, now), y=y, color=alt.condition("datum.quiet", alt.value(ALARM), alt.value(SEND))),
        alt.Chart(alt.InlineData(values=shades))
        .mark_text(color=ALARM, align="right", dx=-6, fontSize=11, fontWeight=600)
        .encode(x=_time("to", start, now), y=y, text="words:N"),
    ]
    chart = alt.layer(*(layer for layer in layers if layer is not None))
    return _finish(chart.properties(width=width, height=alt.Step(22)))


def stream(
    sends: Sequence[Send],
    start: datetime,
    now: datetime,
    silent_since: datetime | None = None,
    blind: Sequence[Interval] = (),
    width: int = WIDE,
) -> Spec:
    """Sends a day as bars; below, each send by day and hour (UTC), which shows the rhythm. Junk has its own colour."""
    shown = [send for send in sends if start <= send.at <= now]
    points = [{"at": _ms(s.at), "hour": s.at.hour + s.at.minute / 60, "placed": JUNKED if _junked(s) else SENT} for s in shown]
    days: Counter[tuple[datetime, str]] = Counter((_midnight(s.at), JUNKED if _junked(s) else SENT) for s in shown)
    bars = [
        {
            "from": _ms(day + timedelta(hours=2)),
            "to": _ms(day + timedelta(hours=22)),
            "base": days[day, SENT] if placed == JUNKED else 0,
            "top": number + (days[day, SENT] if placed == JUNKED else 0),
            "placed": placed,
        }
        for (day, placed), number in days.items()
    ]
    kinds = [SENT, JUNKED] if any(p["placed"] == JUNKED for p in points) else [SENT]
    legend = alt.Legend(title=None, orient="top", symbolType="circle") if len(kinds) > 1 else None
    colour = alt.Color("placed:N", scale=alt.Scale(domain=kinds, range=[SEND, JUNK][: len(kinds)]), legend=legend)
    shade = [_silence(silent_since, start, now)] if silent_since else []
    silence = alt.Chart(alt.InlineData(values=shade))
    block = silence.mark_rect(color=ALARM_PALE)
    upper = [
        _blind(blind, start, now, axis=None),
        block.encode(x=_time("from", start, now, axis=None), x2="to"),
        alt.Chart(alt.InlineData(values=bars))
        .mark_rect(cornerRadiusTopLeft=2, cornerRadiusTopRight=2, clip=True)
        .encode(
            x=_time("from", start, now, axis=None),
            x2="to",
            y=alt.Y("base:Q", title="sends a day", axis=alt.Axis(tickMinStep=1, tickCount=3, format="d")),
            y2="top",
            color=colour,
        ),
        silence.mark_text(color=ALARM, align="right", dx=-6, dy=8, fontSize=11, fontWeight=600, baseline="top").encode(
            x=_time("to", start, now, axis=None), y=alt.value(0), text="words:N"
        ),
    ]
    hours = alt.Scale(domain=[0, 24], reverse=True)
    lower = [
        _blind(blind, start, now),
        block.encode(x=_time("from", start, now), x2="to"),
        alt.Chart(alt.InlineData(values=points))
        .mark_circle(size=34, opacity=0.75)
        .encode(
            x=_time("at", start, now),
            y=alt.Y("hour:Q", title="hour, UTC", scale=hours, axis=alt.Axis(values=[0, 6, 12, 18, 24])),
            color=colour,
        ),
    ]
    chart = alt.vconcat(
        alt.layer(*(layer for layer in upper if layer is not None)).properties(width=width, height=90),
        alt.layer(*(layer for layer in lower if layer is not None)).properties(width=width, height=150),
        spacing=12,
    )
    return _finish(chart)


def svg(spec: Spec) -> str:
    """The picture of a spec as one `<svg>` element; rendered once, the last 64 are kept."""
    return _svg(json.dumps(spec, sort_keys=True))


@lru_cache(maxsize=64)
def _svg(spec: str) -> str:
    return str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))


def _blind(intervals: Sequence[Interval], start: datetime, now: datetime, **axis: None) -> alt.Chart | None:
    if not intervals:
        return None
    values = [{"from": _ms(max(a, start)), "to": _ms(min(b, now))} for a, b in intervals if b > start and a < now]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=values)).mark_rect(color=BLIND).encode(x=_time("from", start, now, **axis), x2="to")
    )
    return chart


def _silence(since: datetime, start: datetime, now: datetime) -> dict[str, Any]:
    return {"from": _ms(max(since, start)), "to": _ms(now), "words": f"silent for {span(now - since)}"}


def _junked(send: Send) -> bool:
    return send.placements.get("JUNK", 0) > send.copies / 2


def _time(field: str, start: datetime, now: datetime, **axis: None) -> alt.X:
    every = max(1, round((now - start) / timedelta(days=8)))
    first = _midnight(start) + timedelta(days=1)
    days = [_ms(first + timedelta(days=n)) for n in range(0, (now - first).days + 1, every)]
    shown: dict[str, Any] = {"axis": alt.Axis(format="%-d %b", values=days, grid=False)} | axis
    return alt.X(f"{field}:T", title=None, scale=alt.Scale(type="utc", domain=[_ms(start), _ms(now)], nice=False), **shown)


def _finish(chart: alt.LayerChart | alt.FacetChart | alt.VConcatChart) -> Spec:
    text: dict[str, Any] = {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    finished = chart.configure(
        font="system-ui, -apple-system, 'Segoe UI', sans-serif",
        background="transparent",
        padding=2,
        aria=False,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(gridColor=GRID, domainColor=GRID, tickColor=GRID, **text),
        legend=alt.LegendConfig(labelColor=MUTED, labelFontSize=12),
    )
    spec: Spec = finished.to_dict(validate=False)
    return spec


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
