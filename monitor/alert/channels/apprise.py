"""Apprise channel: a notice to any of the services that Apprise knows (Slack, Teams, Signal, Matrix, ntfy …)."""

from __future__ import annotations

import logging
import re

import apprise

from monitor.errors import ChannelError
from monitor.model import AlertEventKind, Notice
from monitor.settings import ChannelSettings
from monitor.words import plain

_KINDS = {
    AlertEventKind.OPENED: apprise.NotifyType.WARNING,
    AlertEventKind.RAISED: apprise.NotifyType.FAILURE,
    AlertEventKind.RESOLVED: apprise.NotifyType.SUCCESS,
    AlertEventKind.CORRECTED: apprise.NotifyType.WARNING,
    AlertEventKind.TEST: apprise.NotifyType.INFO,
}

# It logs addresses whole, with the secrets in them. What it has to say of a notice comes with the result.
_LOG = logging.getLogger("apprise")
_LOG.addHandler(logging.NullHandler())
_LOG.propagate = False


class AppriseChannel:
    """One Apprise URL. It holds secrets, so errors carry Apprise's own warning with the URL's parts taken out."""

    def __init__(self, settings: ChannelSettings, url: str) -> None:
        self._name, self._url = settings.name, url
        self._apprise = apprise.Apprise(asset=apprise.AppriseAsset(app_id="GoneQuiet", app_desc="GoneQuiet", async_mode=False))
        self._is_known = bool(self._apprise.add(url))

    def send(self, notice: Notice) -> None:
        """Hand it over as plain text. Apprise has no idempotency keys, so the text ends with the notice's."""
        if not self._is_known:
            raise ChannelError(self._name, "url: expected an Apprise URL such as slack://… or ntfys://…", retryable=False)
        result = self._apprise.notify(
            title=notice.title,
            body=f"{notice.text}\nNotice {notice.key[:12]}",
            notify_type=_KINDS[notice.event],
            body_format=apprise.NotifyFormat.TEXT,
        )
        if not result:
            warnings = [entry.message for entry in result.logs() if entry.level in ("WARNING", "ERROR", "CRITICAL")]
            why = warnings[-1] if warnings else "the service did not take it"
            raise ChannelError(self._name, without_parts_of(self._url, why))


def is_known(url: str) -> bool:
    """True where Apprise has a service for this address and can read all of it. Nobody is asked over the network."""
    return bool(apprise.Apprise().add(url))


def without_parts_of(url: str, text: str) -> str:
    """One bounded line in which every part of the URL beyond the scheme that is long enough to be a secret reads `***`."""
    rest = url.partition("://")[2]
    for part in sorted(set(re.split(r"[/@:?&=,]", rest)) | {rest}, key=len, reverse=True):
        if len(part) >= 5:
            text = text.replace(part, "***")
    return plain(text, 200)
