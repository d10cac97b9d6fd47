"""Recorded event times: `NAME.csv` with `sender_id,timestamp` (seconds since 1970) and `NAME.meta.csv` with `censor_ts`."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from tests.bench.gaps.protocol import Stream


def recorded_sets(folder: Path) -> dict[str, list[Stream]]:
    """Every set of a folder by name; FileNotFoundError where a set has no `.meta.csv` beside it."""
    names = sorted(p.stem for p in folder.glob("*.csv") if not p.name.endswith(".meta.csv"))
    return {name: _read(folder, name) for name in names}


def _read(folder: Path, name: str) -> list[Stream]:
    times: dict[str, list[float]] = {}
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            times.setdefault(row["sender_id"], []).append(float(row["timestamp"]) / 3600)
    with (folder / f"{name}.meta.csv").open(encoding="utf-8", newline="") as file:
        censor = {row["sender_id"]: float(row["censor_ts"]) / 3600 for row in csv.DictReader(file)}
    return [Stream(sender, np.unique(np.array(known)), censor[sender]) for sender, known in sorted(times.items())]
