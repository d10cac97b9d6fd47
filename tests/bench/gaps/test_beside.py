"""What is measured beside the full stop, on lists with which nothing, or all, is wrong."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from monitor.detect.calendar import moment_of
from monitor.detect.placement import Placed
from tests.bench.gaps.beside import _alerts, volume_alerts
from tests.bench.gaps.protocol import Stream

DAY = 24.0
START = 455_000.0
END = START + 200 * DAY


def mailing(*spans: tuple[float, float, float]) -> Stream:
    """Evenly spaced sends: (from day, to day, hours between them)."""
    times = [np.arange(START + a * DAY, START + b * DAY, every) for a, b, every in spans]
    return Stream("a", np.concatenate(times), END)


def test_a_list_that_goes_on_is_watched_and_never_told_of() -> None:
    heavy = volume_alerts([mailing((0, 200, 3))])[0]
    assert (heavy.alerts, heavy.false) == (0, 0)
    assert abs(heavy.years - (200 - 84) / 365.25) < 0.01


def test_a_drop_that_lasts_is_no_false_alert_and_one_that_does_not_is() -> None:
    lasting = volume_alerts([mailing((0, 120, 3), (120, 200, 24))])[0]
    passing = volume_alerts([mailing((0, 120, 3), (120, 127, 24), (127, 200, 3))])[0]
    assert (lasting.alerts, lasting.false) == (1, 0)
    assert (passing.alerts, passing.false) == (1, 1)


def test_an_alert_about_junk_counts_once_while_it_goes_on() -> None:
    placed = [Placed(moment_of(START) + k * timedelta(days=1), k >= 40) for k in range(80)]
    assert _alerts(placed) == 1
