"""IDLE: what thousands of idling connections cost one process, and how soon news are heard (against a light scripted server)."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random

from monitor.collect.connecting import Access
from monitor.collect.idle import IdleWatch
from monitor.settings import InboxSettings, Security

CONNECTIONS = 5000
REST = 15.0
TOLD, A_SECOND = 500, 50


def run() -> list[str]:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    count = min(CONNECTIONS, (limit - 200) // 2 * 2)
    command = [sys.executable, "-m", "tests.servers.light_imap"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            return measured(count, int(server.stdout.readline()), server)
        finally:
            server.kill()


def measured(count: int, port: int, server: subprocess.Popen[str]) -> list[str]:
    heard: dict[str, list[float]] = {}
    lock = threading.Lock()

    def on_news(inbox: str) -> None:
        with lock:
            heard.setdefault(inbox, []).append(time.monotonic())

    before = resident()
    begun = time.monotonic()
    accesses = [
        Access(
            InboxSettings(
                name=f"seed{n}", host="127.0.0.1", port=port, security=Security.PLAIN, user=f"seed{n}", password_env="UNUSED"
            ),
            "secret",
            timeout=60,
            most_bytes=64_000_000,
        )
        for n in range(count // 2)
    ]
    watch = IdleWatch(accesses, on_news, rng=Random(1))
    while sum(map(len, heard.values())) < count and time.monotonic() - begun < 300:
        time.sleep(0.2)
    connecting = time.monotonic() - begun
    held, memory = watch.held, resident() - before
    used = time.process_time()
    time.sleep(REST)
    used = time.process_time() - used
    heard.clear()
    waits = told(server, heard)
    watch.close()
    return [
        f"{held} connections for {count // 2} inboxes, all of them idling {connecting:.0f} s after the start",
        f"{memory / 1e6:.0f} MB resident more than before, {resident() / 1e6:.0f} MB in all",
        f"{100 * used / REST:.1f} % of a core at rest",
        f"news heard after: median {1000 * statistics.median(waits):.1f} ms, 99 % {1000 * waits[int(0.99 * len(waits))]:.1f} ms"
        f" ({len(waits)} of {TOLD} at {A_SECOND} a second)",
    ]


def told(server: subprocess.Popen[str], heard: dict[str, list[float]]) -> list[float]:
    """Let the server tell news, and say how long each took to be heard, ascending, in seconds."""
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(f"{TOLD} {A_SECOND}\n")
    server.stdin.flush()
    sent: list[tuple[str, float]] = []
    while (line := server.stdout.readline().split()) != ["told"]:
        sent.append((line[0], float(line[1])))
    time.sleep(3)
    waits = []
    for inbox, at in sent:
        later = [moment - at for moment in heard.get(inbox, []) if moment >= at]
        waits += [min(later)] if later else []
    return sorted(waits)


def resident(process: int | str = "self") -> int:
    """Octets of this process, or that with this number, in memory."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize()
