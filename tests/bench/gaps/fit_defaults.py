"""Fit the pooled tails that a cold installation starts with, and write them into `config/gap-defaults.json`.

    python -m tests.bench.gaps.fit_defaults DATA

DATA holds recorded event times as `make bench-gaps` takes them. Tails of the two busier classes are those of simulated
campaign lists, as busy human posters are far burstier than campaigns; below one send a day every other sender of the
recorded sets counts too (the rest can measure them), each set with the same weight.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from monitor.detect.backtest import gaps_of
from monitor.detect.backtest_result import Setting
from monitor.detect.events import Events, Rows
from monitor.detect.tails import CLASS_NAMES, KINDS, REGULARITIES, Floats, fit_tail
from tests.bench.gaps.oracle import streams_of
from tests.bench.gaps.protocol import Stream
from tests.bench.gaps.recorded import recorded_sets
from tests.bench.gaps.simulate import simulate

SEED, LISTS = 901, 160
START, END = (2018, 6, 1), (2020, 6, 1)
SLOW_SETS = ("rlists", "scoop")
BUSY_CLASSES = CLASS_NAMES[:2]
DEFAULTS = Path("config/gap-defaults.json")
LEAST = 300
"""A set with fewer gaps of a kind says nothing about its tail."""
SHARE = 40_000


def standardised(streams: list[Stream]) -> tuple[Floats, Rows]:
    """Completed gaps in the detector's own units, and which of KINDS they are."""
    names = np.repeat([s.name for s in streams], [s.times.size for s in streams])
    events = Events.from_columns(names, np.concatenate([s.times for s in streams]))
    return gaps_of(events, Setting.yearly(1.0))


def main(folder: Path) -> None:
    sets = {"simulated": streams_of(simulate(SEED, LISTS, START, END))}
    sets |= {name: streams[::2] for name, streams in recorded_sets(folder).items() if name in SLOW_SETS}
    pools: list[list[Floats]] = [[] for _ in KINDS]
    for name, streams in sets.items():
        values, kinds = standardised(streams)
        for index, pool in enumerate(pools):
            mine = np.sort(values[kinds == index])
            if mine.size >= LEAST and (name == "simulated" or KINDS[index][0] not in BUSY_CLASSES):
                pool.append(mine[np.linspace(0, mine.size - 1, SHARE).round().astype(np.int64)])
    data = json.loads(DEFAULTS.read_text(encoding="utf-8"))
    fitted: dict[str, dict[str, object]] = {name: {} for name in CLASS_NAMES}
    for (name, regularity), pool in zip(KINDS, pools, strict=True):
        tail = fit_tail(np.concatenate(pool), share=0.0015, least=60, most=400)
        # Rising by a digit at least, so that every surprise has one silence.
        rising = np.maximum.accumulate(tail.values - 1e-4 * np.arange(tail.values.size)) + 1e-4 * np.arange(tail.values.size)
        knots = [[round(float(v), 4), round(float(s), 4)] for v, s in zip(rising, tail.surprises, strict=True)]
        fitted[name][regularity] = {"mean_excess": round(tail.mean_excess, 4), "knots": knots}
    data["tails"] = fitted
    data["provenance"] = (
        f"tails: tests/bench/gaps/fit_defaults.py over simulated campaign lists (seed {SEED}) and, "
        "below one send a day, half of the senders of public R lists and release announcements; profile (America/New_York) "
        "and scale: pooled over these, Telegram broadcasters and political accounts; level prior: Gamma fitted to first sends"
    )
    DEFAULTS.write_text(_layout(data), encoding="utf-8")


def _layout(data: dict[str, object]) -> str:
    """One key a line, one tail a line."""
    lines = []
    for key, value in data.items():
        if key == "tails" and isinstance(value, dict):
            inner = ",\n".join(f"  {json.dumps(name)}: {{\n{_tails(tails)}\n  }}" for name, tails in value.items())
            lines.append(f' "tails": {{\n{inner}\n }}')
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _tails(tails: dict[str, object]) -> str:
    return ",\n".join(f"   {json.dumps(regularity)}: {json.dumps(tails[regularity])}" for regularity in REGULARITIES)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
