"""Importing an mbox, end to end: parsed, identified, grouped, stored, originals hashed, compressed and synced; memory."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from monitor.app.helpers import spare_cores
from monitor.app.importing import import_mail
from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.settings import Settings
from monitor.store.store import Store
from tests.bench.collect import EXAMPLES, OWN
from tests.bench.idle import resident
from tests.servers.process import children

MESSAGES = int(os.environ.get("GONEQUIET_BENCH_MESSAGES", "12000"))
MANY = 100_000
"""Of more than so many one import is measured, on all cores."""
APART = timedelta(minutes=8)
WANTED = 1500


def run() -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        box = folder / "a.mbox"
        with box.open("wb") as file:
            file.writelines(made(MESSAGES))
        lines = [f"{MESSAGES:,} messages of real headers, {box.stat().st_size / 1e6:.0f} MB, {APART.seconds // 60} minutes apart"]
        for helpers in (0, spare_cores()) if MESSAGES <= MANY else (spare_cores(),):
            lines.append(measured(box, folder / f"with-{helpers}", helpers))
    return lines


def measured(box: Path, folder: Path, helpers: int) -> str:
    """One import: its rate, its cost in CPU time, and what it held in memory as it went on."""
    settings = Settings()
    reader = Reader(load_identifier(settings), settings)
    folder.mkdir()
    marks: list[tuple[int, int]] = []
    size = box.stat().st_size

    def progress(done: int) -> None:
        if done > size * (len(marks) + 1) // 12:
            marks.append((resident(), max(map(resident, children(os.getpid())), default=0)))

    before = _used_by_children()
    with Store.open(f"sqlite:///{folder / 'db'}", folder / "originals") as store:
        begun, used = time.perf_counter(), time.process_time()
        summary = import_mail(box, "bench", store, reader, datetime.now(UTC), progress, helpers=helpers)
        took, used = time.perf_counter() - begun, time.process_time() - used
    assert summary.imported.new_copies == MESSAGES, summary.imported
    others = _used_by_children() - before
    sixths = [marks[len(marks) * part // 6] for part in range(1, 6)] + [marks[-1]]
    held, beside = (", ".join(f"{octets / 1e6:.0f}" for octets in who) for who in zip(*sixths, strict=True))
    return (
        f"{'this process alone' if not helpers else f'with {helpers} more'}: {MESSAGES / took:.0f}/s (wanted {WANTED}), "
        f"{1e6 * used / MESSAGES:.0f} + {1e6 * others / MESSAGES:.0f} µs of CPU a message; "
        f"MB resident after each sixth: {held}" + (f"; its largest helper: {beside}" if helpers else "")
    )


def made(count: int) -> Iterator[bytes]:
    """The example messages over and over, each with a Message-ID, a subject and a Date of its own."""
    start = datetime.now(UTC) - APART * count
    files = (file.read_bytes().replace(b"\r\n", b"\n") for file in sorted(EXAMPLES.rglob("*.eml")))
    examples = [
        [line for line in raw.split(b"\n") if not line.lower().startswith(OWN)] for raw in files if 1500 < len(raw) < 60_000
    ]
    for number in range(count):
        at = start + APART * number
        date = format_datetime(at).encode()
        subject = b"Subject: Story %d of the day and what it means %x" % (number, number * 7919)
        own = [b"Message-ID: <%d@bench.example>" % number, subject, b"Date: " + date]
        raw = b"\n".join([*own, *examples[number % len(examples)]]).replace(b"\nFrom ", b"\n>From ")
        yield b"From x@bench.example %s\n%s\n\n" % (at.ctime().encode(), raw)


def _used_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
