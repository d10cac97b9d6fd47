"""Scheduling: 10,000 inboxes polled every five minutes by the service as it runs (against a light scripted server).

How late a poll was is what the server saw: the time since the one before, beyond five minutes. `GONEQUIET_BENCH_MINUTES` and
`GONEQUIET_BENCH_INBOXES` make it shorter or smaller; of less than three periods nothing is missed so easily.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from monitor.settings import InboxSettings, Security
from tests.app.setting import write_settings
from tests.servers.gonequiet import cpu_seconds, resident_of, service
from tests.servers.process import wait_for

INBOXES = int(os.environ.get("GONEQUIET_BENCH_INBOXES", "10000"))
MINUTES = float(os.environ.get("GONEQUIET_BENCH_MINUTES", "15"))
PERIOD = 300.0
FIRST_POLLS = 600
"""Seconds for the first polls, which are spread over some minutes; the measured time begins after them."""


def run() -> list[str]:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    count = min(INBOXES, limit - 300)
    command = [sys.executable, "-m", "tests.servers.light_imap"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
    ):
        try:
            assert server.stdout is not None
            path = settings_for(count, int(server.stdout.readline()), Path(folder))
            with service(path, Path(folder) / "log") as running:
                return measured(count, server, running.pid)
        finally:
            server.kill()


def settings_for(count: int, port: int, folder: Path) -> Path:
    """As shipped, but that all inboxes are of one server and more of it are polled at once."""
    inboxes = [
        InboxSettings(
            name=f"seed{n}", host="127.0.0.1", port=port, security=Security.PLAIN, user=f"seed{n}", password_env="UNUSED"
        )
        for n in range(count)
    ]
    path = write_settings(folder, *inboxes, every=f"{PERIOD:.0f}s")
    text = path.read_text().replace("tick: 0.05s", "tick: 1s").replace("detect_every: 1s", "detect_every: 1m")
    text = text.replace("timeout: 5s", "timeout: 30s, per_host: 16").replace("    ca_file: None\n", "")
    path.write_text(text)
    return path


def measured(count: int, server: subprocess.Popen[str], pid: int) -> list[str]:
    begun = time.monotonic()
    wait_for(lambda: len(looks(server)) == count, lambda: f"{len(looks(server))} polled", seconds=FIRST_POLLS, every=5.0)
    start, used = time.monotonic(), cpu_seconds(pid)
    time.sleep(60 * MINUTES)
    end, used = time.monotonic(), cpu_seconds(pid) - used
    lateness: list[float] = []
    missed = 0
    for moments in looks(server).values():
        within = [*[m for m in moments if m < start][-1:], *[m for m in moments if start <= m <= end]]
        late = [after - before - PERIOD for before, after in pairwise(within)]
        waits = end - within[-1] - PERIOD
        lateness += late
        missed += sum(int((seconds + PERIOD) / PERIOD) - 1 for seconds in (*late, waits) if seconds >= PERIOD)
    lateness.sort()
    return [
        f"{count} inboxes of two folders, kept connections, first polled over {start - begun:.0f} s; then {MINUTES:g} minutes:",
        f"{len(lateness)} polls, {missed} missed; late by: median {lateness[len(lateness) // 2]:.1f} s,"
        f" 99 % {lateness[int(0.99 * len(lateness))]:.1f} s, most {lateness[-1]:.1f} s (aim: none missed, 99 % under 10 s)",
        f"the service used {100 * used / (end - start):.0f} % of a core ({1000 * used / len(lateness):.1f} ms a poll)"
        f" and {resident_of(pid) / 1e6:.0f} MB",
    ]


def looks(server: subprocess.Popen[str]) -> dict[str, list[float]]:
    """User → when its INBOX was looked at."""
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write("looks\n")
    server.stdin.flush()
    found = {}
    while (line := server.stdout.readline().split()) != ["end"]:
        found[line[0]] = [float(moment) for moment in line[1:]]
    return found
