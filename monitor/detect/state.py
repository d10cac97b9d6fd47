"""What was concluded up to one hour, as bytes and back: a start takes it up there instead of replaying years of sends.

Only what the code of this very version wrote is read again; everything else is concluded anew from the history.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from monitor.detect.bank import COLUMNS, Bank
from monitor.detect.coverage_book import CoverageBook
from monitor.detect.defaults import Defaults
from monitor.detect.engine import Engine
from monitor.detect.fleet import Fleet
from monitor.detect.learning import Learning
from monitor.detect.replay import Frame, WitnessTable
from monitor.detect.roster import GroupKey, Roster
from monitor.detect.tails import Tail, Tails
from monitor.shipped import shipped

SPACINGS = (6, 36, 720)
"""Hours between the states that are kept: close together lately, and some from before for what arrives late."""
KEPT_OF_EACH = 2


@dataclass(frozen=True, slots=True)
class SavedState:
    """All that was concluded of the time before `hour` (since the epoch), and the `CoverageBook.digest` that it rests on."""

    hour: int
    coverage: str
    document: bytes


class StateError(ValueError):
    """The bytes are no state of this version."""


def kept_hours(finished: int) -> frozenset[int]:
    """The hours whose states are kept when all hours before `finished` are over."""
    return frozenset(finished // every * every - back * every for every in SPACINGS for back in range(KEPT_OF_EACH))


@cache
def version() -> str:
    """32 hex digits that change with the detector's code and with the shipped defaults."""
    digest = hashlib.sha256(shipped("config/gap-defaults.json").read_bytes())
    for module in sorted(files("monitor.detect").iterdir(), key=lambda m: m.name):
        if module.name.endswith(".py"):
            digest.update(module.read_bytes())
    return digest.hexdigest()[:32]


def dump(frame: Frame, witnesses: WitnessTable, zones: Iterable[str]) -> bytes:
    """A frame and what its rows point into."""
    engine = frame.engine
    learning = engine.learning
    arrays: dict[str, Any] = {f"bank.{name}": engine.bank.view(name) for name in COLUMNS}
    arrays |= {f"fleet.{name}": getattr(engine.fleet, name) for name in ("seen", "expected", "usual")}
    arrays |= {f"learning.{name}": getattr(learning, name) for name in ("feedback", "contradicted", "promised")}
    arrays["gaps"] = np.concatenate([g for g, _ in learning.gaps]) if learning.gaps else np.empty(0, np.float32)
    arrays["gap_kinds"] = np.concatenate([k for _, k in learning.gaps]) if learning.gaps else np.empty(0, np.int8)
    for index, tail in enumerate(learning.tails.by_kind):
        arrays[f"tail.{index}"] = np.stack([tail.values, tail.surprises])
    text = {
        "version": version(),
        "hour": engine.hour,
        "since": learning.since,
        "mean_excesses": [tail.mean_excess for tail in learning.tails.by_kind],
        "zones": list(zones),
        "witnesses": [[sorted(inboxes), pauses] for inboxes, pauses in witnesses.keys],
        "roster": _roster_to_json(frame.roster),
    }
    arrays["text"] = np.frombuffer(json.dumps(text).encode(), np.uint8)
    written = io.BytesIO()
    np.savez(written, **arrays)
    return zlib.compress(written.getbuffer(), 1)


def load(document: bytes, defaults: Defaults, witnesses: WitnessTable, book: CoverageBook, zones: list[str]) -> Frame:
    """The frame that was dumped, or StateError; the (new) `witnesses` and `zones` are filled with what its rows point into."""
    try:
        with np.load(io.BytesIO(zlib.decompress(document)), allow_pickle=False) as arrays:
            text = json.loads(arrays["text"].tobytes())
            if text["version"] != version():
                raise StateError("written by another version")
            return _frame(arrays, text, defaults, witnesses, book, zones)
    except (KeyError, ValueError, EOFError, OSError, zlib.error) as error:
        raise StateError(str(error)) from error


def _frame(
    arrays: Any, text: dict[str, Any], defaults: Defaults, witnesses: WitnessTable, book: CoverageBook, zones: list[str]
) -> Frame:
    zones[:] = text["zones"]
    for inboxes, pauses in text["witnesses"]:
        witnesses.index(frozenset(inboxes), tuple((start, end) for start, end in pauses), book)
    bank = Bank()
    for name in COLUMNS:
        setattr(bank, name, arrays[f"bank.{name}"])
    bank.size = bank.budget.shape[0]
    fleet = Fleet(arrays["fleet.seen"], arrays["fleet.expected"], arrays["fleet.usual"])
    engine = Engine(defaults, text["hour"], zones, witnesses.table, bank, fleet)
    tails = [arrays[f"tail.{index}"] for index in range(len(text["mean_excesses"]))]
    engine.learning = Learning(
        defaults,
        Tails([Tail(t[0], t[1], excess) for t, excess in zip(tails, text["mean_excesses"], strict=True)]),
        arrays["learning.feedback"],
        [(arrays["gaps"], arrays["gap_kinds"])] if arrays["gaps"].size else [],
        arrays["learning.contradicted"],
        arrays["learning.promised"],
        text["since"],
    )
    return Frame(engine, _roster_from_json(text["roster"]))


def _roster_to_json(roster: Roster) -> dict[str, Any]:
    """Streams by their row, groups and sets of inboxes by their place in a list: each name is written once."""
    keys: dict[GroupKey, int] = {key: place for place, key in enumerate(roster.members)}
    sets: dict[frozenset[str], int] = {}
    lately = [[row, [sets.setdefault(inboxes, len(sets)) for inboxes in seen]] for row, seen in roster.lately.items()]
    return {
        "streams": [[row, stream, roster.organisations[stream]] for stream, row in roster.streams.items()],
        "groups": [[*key, roster.groups.get(key), sorted(roster.streams[s] for s in roster.members[key])] for key in keys],
        "current": [[roster.streams[stream], [keys[k] for k in groups]] for stream, groups in roster.current.items()],
        "sets": [sorted(inboxes) for inboxes in sets],
        "lately": lately,
    }


def _roster_from_json(text: dict[str, Any]) -> Roster:
    names = {row: stream for row, stream, _ in text["streams"]}
    keys: list[GroupKey] = [(kind, name) for kind, name, _, _ in text["groups"]]
    sets = [frozenset(inboxes) for inboxes in text["sets"]]
    return Roster(
        streams={stream: row for row, stream, _ in text["streams"]},
        organisations={stream: organisation for _, stream, organisation in text["streams"]},
        groups={(kind, name): row for kind, name, row, _ in text["groups"] if row is not None},
        members={(kind, name): {names[row] for row in rows} for kind, name, _, rows in text["groups"]},
        current={names[row]: tuple(keys[k] for k in places) for row, places in text["current"]},
        lately={row: tuple(sets[k] for k in places) for row, places in text["lately"]},
    )
