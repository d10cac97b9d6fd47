"""Log channel: a notice as one structured line on stderr, for those who collect logs."""

from __future__ import annotations

import structlog

from monitor.model import Notice


class LogChannel:
    """Never refuses."""

    def send(self, notice: Notice) -> None:
        """Write title and facts; the long text stays with the alert."""
        logger = structlog.get_logger("gonequiet.alert")
        facts = {key: notice.payload.get(key) for key in ("kind", "level", "stream", "last_send", "provider", "url")}
        logger.warning(
            notice.title, alert_event=notice.event.value, notice=notice.key, **{k: v for k, v in facts.items() if v is not None}
        )
