"""The picture of a backtest: what each setting cost in false alarms and in delay, and which silences were alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from monitor.detect.backtest_rows import ALL_CLASSES
from monitor.show.charts import ALARM, MUTED, SEND, WIDE, Spec, finish
from monitor.words import plain

LISTS_SHOWN = 40
FEW_DAYS = timedelta(days=6)
"""Within so short a time the hours are written as well."""
ROOM = {"left": 60, "top": 4, "bottom": 4, "right": 12}
"""Pixels around the picture: names may be wider in a reader's font than in ours."""
Row = Mapping[str, object]


def backtest_chart(rows: Sequence[Row]) -> Spec:
    """A Vega-Lite spec of the rows that `backtest --json` prints: settings above, alarms by list and time below."""
    summaries = [row for row in rows if row["type"] == "summary" and row["class"] == ALL_CLASSES]
    alarms = [row for row in rows if row["type"] == "alarm" and row["level"] == "alert"]
    parts = [_settings(summaries)] + ([_alarms(alarms)] if alarms else [])
    return finish({"vconcat": parts, "spacing": 28, "padding": ROOM})


def _settings(summaries: Sequence[Row]) -> Spec:
    known = [row for row in summaries if row["rate"] is not None and row["delay_hours_median"] is not None]
    values = [
        {
            "setting": row["setting"],
            "rate": row["rate"],
            "low": row["rate_low"],
            "high": row["rate_high"],
            "delay": row["delay_hours_median"],
            "label": "near" if place % 2 == 0 else "far",
        }
        for place, row in enumerate(sorted(known, key=lambda row: (row["delay_hours_median"], row["rate"])))
    ]
    rate = {
        "type": "quantitative",
        "title": "false alarms per list and year",
        "scale": {"type": "symlog"},
        "axis": {"tickCount": 6},
    }
    delay = {"field": "delay", "type": "quantitative", "title": "hours until a stop is told (median)"}
    colour = {"value": SEND}
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "opacity": 0.5},
            "encoding": {"x": {"field": "low", **rate}, "x2": {"field": "high"}, "y": delay, "color": colour},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70},
            "encoding": {"x": {"field": "rate", **rate}, "y": delay, "color": colour},
        },
        *(
            {
                "transform": [{"filter": {"field": "label", "equal": side}}],
                "mark": {"type": "text", "align": "left", "dx": 8, "dy": dy, "fontSize": 12},
                "encoding": {"x": {"field": "rate", **rate}, "y": delay, "text": {"field": "setting"}, "color": colour},
            }
            for side, dy in (("near", -8), ("far", -22))
        ),
    ]
    left_out = [str(row["setting"]) for row in summaries if row not in known]
    title: Spec = {"title": _left_out(left_out)} if left_out else {}
    return {"width": WIDE, "height": 220, "data": {"values": values}, "layer": layers, **title}


def _left_out(settings: Sequence[str]) -> Spec:
    """Why a setting has no point: a picture that shows fewer than were asked for must say so."""
    text = f"No point for {', '.join(settings)}: most stops were not found before the data end, or nothing was counted."
    return {"text": text, "anchor": "start", "fontSize": 12, "fontWeight": "normal", "color": MUTED}


def _alarms(alarms: Sequence[Row]) -> Spec:
    """Each alarm's silence as a line, the alarm as a tick; the lists with most alarms, of the first setting that has any."""
    setting = alarms[0]["setting"]
    mine = [row for row in alarms if row["setting"] == setting]
    counts: dict[str, int] = {}
    for row in mine:
        counts[str(row["stream"])] = counts.get(str(row["stream"]), 0) + 1
    shown = sorted(counts, key=lambda name: (-counts[name], name))[:LISTS_SHOWN]
    end = max(str(row["resumed_at"] or row["alarm_at"]) for row in alarms)
    values = [
        {
            "stream": plain(str(row["stream"]), 60),
            "from": _ms(row["last_send"]),
            "at": _ms(row["alarm_at"]),
            "to": _ms(row["resumed_at"] or end),
            "ended": "mail came again" if row["resumed_at"] else "no mail since",
        }
        for row in mine
        if row["stream"] in shown
    ]
    y = {"field": "stream", "type": "nominal", "title": None, "sort": [plain(name, 60) for name in shown]}
    is_short = _moment(end) - min(_moment(row["last_send"]) for row in mine) < FEW_DAYS
    axis = {"format": "%-d %b %Y %H:%M" if is_short else "%-d %b %Y", "tickCount": 6, "labelOverlap": True}
    time = {"type": "temporal", "title": f"silences that were alarms at {setting}, UTC", "scale": {"type": "utc"}, "axis": axis}
    colour = {
        "field": "ended",
        "type": "nominal",
        "title": None,
        "scale": {"domain": ["mail came again", "no mail since"], "range": [SEND, ALARM]},
    }
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 3},
            "encoding": {"x": {"field": "from", **time}, "x2": {"field": "to"}, "y": y, "color": colour},
        },
        {
            "mark": {"type": "tick", "thickness": 2, "size": 14, "color": MUTED},
            "encoding": {"x": {"field": "at", **time}, "y": y},
        },
    ]
    return {"width": WIDE, "height": {"step": 18}, "data": {"values": values}, "layer": layers}


def _moment(text: object) -> datetime:
    return datetime.fromisoformat(str(text))


def _ms(text: object) -> int:
    return int(_moment(text).timestamp() * 1000)
