"""`make bench-gaps`: measure the detector and write `docs/benchmarks.md`.

Development used seeds below 1000; the default here is for reporting only.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from monitor.detect.witnesses import Interval
from tests.bench.gaps.beside import beside, volume_alerts
from tests.bench.gaps.group_years import group_years
from tests.bench.gaps.oracle import Oracle, streams_of
from tests.bench.gaps.ours import false_of, replay
from tests.bench.gaps.protocol import CLASS_NAMES, Record, Stream, measure, record_of
from tests.bench.gaps.recorded import recorded_sets
from tests.bench.gaps.report import Comparison, Holes, Measured, render
from tests.bench.gaps.rules import Rule, rules_for, tuned_deadlines
from tests.bench.gaps.simulate import HOURS_PER_YEAR, simulate
from tests.bench.gaps.together import groups_stop, outage

REPORTING_SEED = 20_261_123
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "benchmarks.md"
CLASSES = range(len(CLASS_NAMES))
PROMISE = 1.0


def main() -> None:
    wanted = _arguments()
    lists, trials, crowd, worlds, further = (90, 3, 120, 1, 2) if wanted.quick else (330, 60, 500, 2, 8)
    sets = {} if wanted.data is None else recorded_sets(wanted.data)
    begun = time.perf_counter()
    with ProcessPoolExecutor(2) as pool:
        recorded = [pool.submit(_recorded, name, streams) for name, streams in sorted(sets.items())]
        simulated = pool.submit(_simulated, wanted.seed, lists)
        seeds = range(wanted.seed + 1, wanted.seed + 1 + further)
        others = [pool.submit(_against_the_oracle, seed, lists) for seed in seeds]
        groups = [(m, s, pool.submit(groups_stop, m, s, trials, wanted.seed)) for m, s in ((10, 10), (20, 10))]
        lasting = [pool.submit(group_years, wanted.seed + i, lists) for i in range(worlds)]
        silent = pool.submit(outage, crowd, wanted.seed)
        holes = pool.submit(_holes, wanted.seed + 1, lists)
        aside = pool.submit(beside, wanted.seed + 2, lists // 2)
        fewer = [(name, pool.submit(volume_alerts, streams)) for name, streams in sorted(sets.items())]
        measured = Measured(
            seed=wanted.seed,
            lists=lists,
            quick=wanted.quick,
            simulated=simulated.result(),
            further=[other.result() for other in others],
            recorded=[r.result() for r in recorded],
            groups=[(m, s, trial.result()) for m, s, trial in groups],
            group_years=[one.result() for one in lasting],
            outage=silent.result(),
            outage_streams=crowd,
            holes=holes.result(),
            beside=aside.result(),
            fewer=[(name, tallies.result()) for name, tallies in fewer],
        )
    wanted.out.write_text(render(measured), encoding="utf-8")
    print(f"written to {wanted.out} after {time.perf_counter() - begun:.0f} s")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gaps", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of recorded sets (NAME.csv, NAME.meta.csv)")
    parser.add_argument("--quick", action="store_true", help="fewer lists and trials")
    parser.add_argument("--seed", type=int, default=REPORTING_SEED)
    parser.add_argument("--out", type=Path, default=DOCUMENT)
    return parser.parse_args()


def _simulated(seed: int, lists: int) -> Comparison:
    simulation = simulate(seed, lists)
    streams = streams_of(simulation)
    record = record_of(streams)
    return _compare("simulation", streams, record, [Oracle(simulation, record), *rules_for(record)])


def _against_the_oracle(seed: int, lists: int) -> Comparison:
    simulation = simulate(seed, lists)
    streams = streams_of(simulation)
    record = record_of(streams)
    return _compare("simulation", streams, record, [Oracle(simulation, record)])


def _recorded(name: str, streams: Sequence[Stream]) -> Comparison:
    """Every other sender: the shipped tails were fitted on the rest (`fit_defaults`)."""
    streams = streams[1::2]
    record = record_of(streams)
    return _compare(name, streams, record, rules_for(record))


def _compare(name: str, streams: Sequence[Stream], record: Record, rules: Sequence[Rule]) -> Comparison:
    """Ours at its promise, then each rule with the false alarms that ours had."""
    ours = replay(streams, record, PROMISE)
    false = false_of(ours)
    others = {}
    for rule in rules:
        deadline = tuned_deadlines(record, rule, false)
        others[rule.name] = [measure(record, deadline, c) for c in CLASSES]
    return Comparison(name, [ours.outcome(c) for c in CLASSES], others)


def _holes(seed: int, lists: int) -> list[Holes]:
    """The same lists without outages, and with them: proven afterwards, never proven, and with what was sent in them lost."""
    simulation = simulate(seed, lists)
    streams = streams_of(simulation)
    holes = _outages(simulation.first, simulation.end, np.random.default_rng(seed))
    edges = [simulation.first - 1.0, *(x for hole in holes for x in hole), simulation.end + 1.0]
    live = list(zip(edges[::2], edges[1::2], strict=True))
    kept = [Stream(s.name, s.times[~_within(s.times, holes)], s.censor) for s in streams]
    runs: Sequence[tuple[str, Sequence[Stream], Sequence[Interval], Sequence[Interval]]] = (
        ("no outage", streams, (), ()),
        ("the mail is read and the time proven afterwards", streams, live, holes),
        ("the mail is found later, the time stays unproven", streams, live, ()),
        ("their mail is lost", kept, live, ()),
    )
    result = []
    for name, seen, coverage, in_retrospect in runs:
        ours = replay(seen, record_of(seen), PROMISE, coverage=coverage, in_retrospect=in_retrospect)
        result.append(Holes(name, [ours.outcome(c) for c in CLASSES], [ours.covered_delay(c) for c in CLASSES]))
    return result


def _outages(first: int, end: int, random: np.random.Generator) -> list[tuple[float, float]]:
    """One outage of one to three days in each month, a day apart at least."""
    month = HOURS_PER_YEAR / 12
    starts = np.arange(first, end - month, month) + random.uniform(0, month - 4 * 24, int((end - month - first - 1) // month) + 1)
    return [(float(s), float(s + length)) for s, length in zip(starts, random.uniform(24, 72, starts.size), strict=True)]


def _within(times: np.ndarray, holes: Sequence[tuple[float, float]]) -> np.ndarray:
    inside = np.zeros(times.size, np.bool_)
    for start, end in holes:
        inside |= (times >= start) & (times < end)
    return inside


if __name__ == "__main__":
    main()
