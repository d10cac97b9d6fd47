"""A program to be killed: three threads read three endless folders into a store, each on from its checkpoint.

`python -m tests.store.endless URL ORIGINALS MESSAGES` says `reading` on stdout, stops when each folder has MESSAGES copies.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from monitor.store.store import Store
from tests.store.build import HOUR, MINUTE, NOON, a_copy, a_visit

BATCH = 4
INBOXES = ("seed-1", "seed-2", "seed-3")


def read_on(store: Store, inbox: str, messages: int) -> None:
    """What a poller does: ask for what comes after the checkpoint, and store it together with the next one."""
    while True:
        known = store.checkpoints(inbox).get("INBOX")
        done = known.last_uid if known else 0
        if done >= messages:
            return
        uids = range(done + 1, min(done + BATCH, messages) + 1)
        copies = [a_copy(uid, NOON + uid * HOUR, inbox=inbox, subject=f"No {uid}", text=f"{inbox} {uid} " * 300) for uid in uids]
        since, at = NOON + done * HOUR, NOON + uids[-1] * HOUR
        store.save_visit(a_visit(copies, inbox=inbox, since=since + MINUTE, at=at + MINUTE), copies)


def main() -> None:
    url, originals, messages = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    with Store.open(url, originals) as store:
        print("reading", flush=True)
        threads = [threading.Thread(target=read_on, args=(store, inbox, messages)) for inbox in INBOXES]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
