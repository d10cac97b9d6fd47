"""Coverage of 10,000 inboxes over a year: how much room it takes, and how long the answer about one stream takes."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from monitor.store.columns import to_micros
from monitor.store.store import Store
from tests.store.build import a_copy, a_visit

INBOXES = 10_000
FOLDERS = ("INBOX", "Junk")
OUTAGES = 12
"""A year, in each inbox: a day to some minutes, seen in retrospect afterwards, and in a fifth of them a run of failures each."""
WITNESSES = 50
START = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)


def run() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "year.sqlite3"
        with Store.open(f"sqlite:///{file}", Path(folder) / "originals") as store:
            for n in range(WITNESSES):
                copies = [a_copy(day + 1, START + timedelta(days=day), inbox=f"seed-{n}", subject=str(day)) for day in range(30)]
                store.save_visit(a_visit(copies, inbox=f"seed-{n}", at=START), copies)
            empty = file.stat().st_size
            _fill(file)
            size = file.stat().st_size - empty
            first, _ = _ask(store, 0)
            asked = [_ask(store, start) for start in range(0, 360, 9)]
            took, used = sorted(took for took, _ in asked), sorted(used for _, used in asked)
    return [
        f"{INBOXES:,} inboxes, {len(FOLDERS)} folders, {OUTAGES} outages each in a year: {size / 1e6:.0f} MB (aim: under 100 MB)",
        f"what was covered for a stream of {WITNESSES} inboxes, and who witnessed, over 30 days: median "
        f"{took[len(took) // 2] * 1000:.1f} ms, slowest {took[-1] * 1000:.1f} ms (aim: 10 ms), "
        f"the first of a process {first * 1000:.1f} ms; "
        f"of a core {used[len(used) // 2] * 1000:.1f} ms, at most {used[-1] * 1000:.1f} ms",
    ]


def _ask(store: Store, day: int) -> tuple[float, float]:
    """Seconds that the answer took, and of a core."""
    start = START + timedelta(days=day)
    begun, used = time.perf_counter(), time.process_time()
    store.witnessed(start, start + timedelta(days=30), "news.example.org")
    return time.perf_counter() - begun, time.process_time() - used


def _fill(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO inboxes (id, name) VALUES (?, ?)", [(n + 1, f"seed-{n}") for n in range(INBOXES)]
        )
        end = to_micros(START + YEAR)
        rows = [(n + 1, name, name.upper(), 1, 9, 10, end, 100_000) for n in range(INBOXES) for name in FOLDERS]
        connection.executemany(
            "INSERT OR IGNORE INTO folders (inbox_id, name, role, uidvalidity, last_uid, uidnext, proven_at, polls)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        numbers = connection.execute("SELECT id FROM folders").fetchall()
        connection.executemany(
            "INSERT INTO coverage (folder_id, since, until, kind, polls) VALUES (?, ?, ?, ?, ?)", _intervals(numbers)
        )
        connection.executemany(
            "INSERT INTO failures (inbox_id, at, until, times, cause, detail, retryable) VALUES (?, ?, ?, 30, 'network', ?, 1)",
            [
                (
                    n + 1,
                    moment,
                    moment + 3_600_000_000,
                    f"mail-{n % 7}.example.org:993 refuses connections; check `host` and `port`",
                )
                for n in range(0, INBOXES, 5)
                for moment in range(to_micros(START), end, 365 * 86_400_000_000 // OUTAGES)
            ],
        )


def _intervals(folders: list[tuple[int]]) -> Iterator[tuple[int, int, int, str, int]]:
    rng = Random(1)
    for (folder,) in folders:
        at = to_micros(START)
        for _ in range(OUTAGES):
            outage = at + rng.randrange(20, 30) * 86_400_000_000
            back = outage + rng.randrange(1_000_000_000, 86_400_000_000)
            yield folder, at, outage, "live", 5000
            yield folder, outage, back, "retrospective", 1
            at = back
        yield folder, at, to_micros(START + YEAR), "live", 5000
