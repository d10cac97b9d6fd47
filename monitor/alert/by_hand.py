"""By hand: what an operator does to an alert, acknowledging or muting it (pure)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.model import Alert, AlertChange, AlertState


def acknowledge(alert: Alert, who: str, comment: str | None, now: datetime) -> AlertChange:
    """Somebody has taken it on: channels that know of it are not told again when its level rises.

    Channels whose route starts at a higher level still hear of it once it gets there, and all that were told hear its end.
    """
    state = AlertState.ACKNOWLEDGED if alert.state is AlertState.OPEN else alert.state
    acknowledged = replace(alert, state=state, acknowledged_by=who, comment=comment or alert.comment, updated_at=now)
    return AlertChange(alert=acknowledged, by_hand=True)


def mute(alert: Alert, until: datetime, comment: str | None, now: datetime) -> AlertChange:
    """No channel hears of it before `until` (aware UTC), and then only if it is still open; its end is told all the same."""
    muted = replace(alert, muted_until=until, comment=comment or alert.comment, updated_at=now)
    return AlertChange(alert=muted, by_hand=True)
