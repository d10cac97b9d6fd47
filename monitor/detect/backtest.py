"""What a setting would have done: the detector's own clockwork over recorded events, causally, with totals by class.

    run(events, *, settings=(GapSettings(),), …) -> BacktestResult
    rows(result, *, levels=False) -> Iterator[dict[str, object]]     JSON rows: `alarm`, then `summary`

`Events` are columns (stream names, and for every event its stream's index and its hour since the epoch); `Event`
rows become columns with `events_from_rows`. Nothing is read from files here.
"""

from __future__ import annotations
