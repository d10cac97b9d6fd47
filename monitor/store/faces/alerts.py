"""Alerts: findings' lives, and the notices about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from monitor.model import Alert, AlertChange, AlertContext, AlertState, Notice
from monitor.store import alerts
from monitor.store.context import alert_context
from monitor.store.faces.opened import Opened


class Alerts(Opened):
    def open_alerts(self) -> tuple[Alert, ...]:
        """Open and acknowledged ones, newest first."""
        return self.alerts(states=(AlertState.OPEN, AlertState.ACKNOWLEDGED))

    def alerts(
        self, states: Sequence[AlertState] | None = None, since: datetime | None = None, subject: str | None = None
    ) -> tuple[Alert, ...]:
        """Newest first. `since`: those that are open, or ended at or after it."""
        with self._database.read() as connection:
            return alerts.read_alerts(connection, states, since, subject)

    def alert(self, number: int) -> Alert | None:
        with self._database.read() as connection:
            return alerts.read_alert(connection, number)

    def apply(self, changes: Sequence[AlertChange]) -> tuple[Alert, ...]:
        """Write alerts together with their notices, durably; the alerts as stored. The same changes twice are as once."""
        with self._database.write(durable=True) as connection:
            return alerts.apply_changes(connection, changes)

    def due_notices(self, now: datetime) -> tuple[Notice, ...]:
        """Pending ones whose next try is not after `now`, oldest first."""
        with self._database.read() as connection:
            return alerts.due_notices(connection, now)

    def notices(self, alert: int) -> tuple[Notice, ...]:
        """All about one alert, oldest first."""
        with self._database.read() as connection:
            return alerts.notices_of(connection, alert)

    def mark_notice(self, notice: Notice) -> None:
        """Keep its new state, tries, next try, time of sending and error."""
        with self._database.write(durable=True) as connection:
            alerts.mark_notice(connection, notice)

    def context(self, alert: Alert, now: datetime) -> AlertContext:
        """What was seen around an alert up to its end, or to `now`."""
        with self._database.read() as connection:
            return alert_context(connection, alert, now)
