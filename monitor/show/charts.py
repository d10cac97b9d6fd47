"""Charts as Vega-Lite specs, and their rendering to SVG: the page, an alert's mail and an evidence pack show the same picture.

Specs are Vega-Lite 5 or 6 as plain data, which costs microseconds; a builder library took 100 ms a page for the same.
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

import vl_convert

from monitor.model import Send
from monitor.words import plain, span

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
    names = [plain(row.name) for row in rows]
    ticks = [
        {"stream": name, "at": _ms(start + slot * step), "quiet": row.silent_since is not None}
        for name, row in zip(names, rows, strict=True)
        for slot in sorted({int((at - start) / step) for at in row.sends if start <= at <= now})
    ]
    shades = [
        {"stream": name, "length": span(now - row.silent_since)} | _silence(row.silent_since, start, now)
        for name, row in zip(names, rows, strict=True)
        if row.silent_since
    ]
    y = {"field": "stream", "type": "nominal", "sort": names, "title": None, "axis": _names(names) if width == WIDE else None}
    time = _axis(start, now, days_named=_named(width))
    colour = {"condition": {"test": "datum.quiet", "value": ALARM}, "value": SEND}
    layers = [
        *_blind(blind, start, now, time),
        _layer(shades, {"type": "bar", "color": ALARM_PALE, "height": 16}, x=_at("from", time), x2=_to("to"), y=y),
        _layer(ticks, {"type": "tick", "thickness": 1.6, "size": 13}, x=_at("at", time), y=y, color=colour),
        _layer(shades, _words(align="left", dx=6), x=_at("to", time), y=y, text={"field": "length"}),
    ]
    if width != WIDE:
        above = {"type": "text", "align": "left", "baseline": "bottom", "dy": -9, "fontSize": 12, "color": MUTED, "limit": width}
        layers.append(_layer([{"stream": n} for n in names], above, x={"value": 0}, y=y, text={"field": "stream"}))
    return finish({"width": width, "height": {"step": 22 if width == WIDE else 42}, "layer": layers})


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
    kinds = [SENT, JUNKED] if any(p["placed"] == JUNKED for p in points) else [SENT]
    legend = {"title": None, "orient": "top", "symbolType": "circle"} if len(kinds) > 1 else None
    colour = {
        "field": "placed",
        "type": "nominal",
        "scale": {"domain": kinds, "range": [SEND, JUNK][: len(kinds)]},
        "legend": legend,
    }
    shade = [_silence(silent_since, start, now)] if silent_since else []
    rect = {"type": "rect", "color": ALARM_PALE}
    bar = {"type": "rect", "cornerRadiusTopLeft": 2, "cornerRadiusTopRight": 2, "clip": True}
    bare, time = _axis(start, now, labelled=False), _axis(start, now, days_named=_named(width))
    number = {
        "field": "base",
        "type": "quantitative",
        "title": "sends a day",
        "axis": {"tickMinStep": 1, "tickCount": 3, "format": "d"},
    }
    hour = {
        "field": "hour",
        "type": "quantitative",
        "title": "hour, UTC",
        "scale": {"domain": [0, 24], "reverse": True},
        "axis": {"values": [0, 6, 12, 18, 24]},
    }
    upper = [
        *_blind(blind, start, now, bare),
        _layer(shade, rect, x=_at("from", bare), x2=_to("to")),
        _layer(_bars(shown), bar, x=_at("from", bare), x2=_to("to"), y=number, y2=_to("top"), color=colour),
        _layer(
            shade, _words(align="right", dy=-4, baseline="bottom"), x=_at("to", bare), y={"value": 0}, text={"field": "words"}
        ),
    ]
    lower = [
        *_blind(blind, start, now, time),
        _layer(shade, rect, x=_at("from", time), x2=_to("to")),
        _layer(points, {"type": "circle", "size": 34, "opacity": 0.75}, x=_at("at", time), y=hour, color=colour),
    ]
    parts = [{"width": width, "height": 90, "layer": upper}, {"width": width, "height": 150, "layer": lower}]
    return finish({"vconcat": parts, "spacing": 12})


def svg(spec: Spec) -> str:
    """The picture of a spec as one `<svg>` element; rendered once, the last 64 are kept."""
    return _svg(json.dumps(spec, sort_keys=True))


@lru_cache(maxsize=64)
def _svg(spec: str) -> str:
    return str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))


def _bars(sends: Sequence[Send]) -> list[Spec]:
    """A bar from 2 to 22 h of each day; what was put into junk stands on top of the rest."""
    days: Counter[tuple[datetime, bool]] = Counter((_midnight(send.at), _junked(send)) for send in sends)
    return [
        {
            "from": _ms(day + timedelta(hours=2)),
            "to": _ms(day + timedelta(hours=22)),
            "base": days[day, False] if junked else 0,
            "top": number + (days[day, False] if junked else 0),
            "placed": JUNKED if junked else SENT,
        }
        for (day, junked), number in sorted(days.items())
    ]


def _layer(values: Sequence[Spec], mark: Spec, **encoding: Spec) -> Spec:
    return {"data": {"values": list(values)}, "mark": mark, "encoding": encoding}


def _blind(intervals: Sequence[Interval], start: datetime, now: datetime, axis: Spec) -> list[Spec]:
    values = [{"from": _ms(max(a, start)), "to": _ms(min(b, now))} for a, b in intervals if b > start and a < now]
    return [_layer(values, {"type": "rect", "color": BLIND}, x=_at("from", axis), x2=_to("to"))] if values else []


def _silence(since: datetime, start: datetime, now: datetime) -> Spec:
    return {"from": _ms(max(since, start)), "to": _ms(now), "words": f"silent for {span(now - since)}"}


def _names(names: Sequence[str]) -> Spec:
    """The axis of names, wide enough for fonts that are broader than those the picture is measured with."""
    room = min(280, round(max((len(name) for name in names), default=0) * 7.4))
    return {"labelLimit": 270, "labelPadding": 10, "minExtent": room, "domain": False, "ticks": False}


def _words(**place: object) -> Spec:
    return {"type": "text", "color": ALARM, "fontSize": 11, "fontWeight": 600, **place}


def _at(field: str, axis: Spec) -> Spec:
    return {"field": field, "type": "temporal", **axis}


def _to(field: str) -> Spec:
    return {"field": field}


def _axis(start: datetime, now: datetime, *, labelled: bool = True, days_named: int = 8) -> Spec:
    """The time axis, UTC, with about so many days named."""
    every = max(1, round((now - start) / timedelta(days=days_named)))
    first = _midnight(start) + timedelta(days=1)
    days = [_ms(first + timedelta(days=n)) for n in range(0, (now - first).days + 1, every)]
    scale = {"type": "utc", "domain": [_ms(start), _ms(now)], "nice": False}
    return {"title": None, "scale": scale, "axis": {"format": "%-d %b", "values": days, "grid": False} if labelled else None}


def _named(width: int) -> int:
    return 8 if width == WIDE else 4


def finish(chart: Spec) -> Spec:
    """A chart with our colours and fonts."""
    axis = {
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
        "labelColor": MUTED,
        "titleColor": MUTED,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    config = {
        "font": "system-ui, -apple-system, 'Segoe UI', sans-serif",
        "aria": False,
        "view": {"stroke": None},
        "axis": axis,
        "legend": {"labelColor": MUTED, "labelFontSize": 12},
    }
    return {"background": "transparent", "padding": {"left": 2, "top": 2, "bottom": 2, "right": 12}, "config": config, **chart}


def _junked(send: Send) -> bool:
    return send.placements.get("JUNK", 0) > send.copies / 2


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
