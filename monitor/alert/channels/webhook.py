"""Webhook channel: a notice as one JSON object by HTTP POST, with an Idempotency-Key."""

from __future__ import annotations

import ssl

import httpx

from monitor.errors import ChannelError
from monitor.model import Notice
from monitor.settings import ChannelSettings
from monitor.words import iso

_LATER = frozenset({401, 403, 404, 405, 407, 408, 423, 425, 429})
"""Refusals that somebody may mend, or that pass; any other 4xx means this notice, and repeating would not help."""


class WebhookChannel:
    """One address. Its errors name the host only, as path and query may hold a token."""

    def __init__(self, settings: ChannelSettings, url: str) -> None:
        self._name, self._url = settings.name, url
        self._timeout = settings.timeout.total_seconds()
        self._verify = ssl.create_default_context(cafile=str(settings.ca_file)) if settings.ca_file else True

    def send(self, notice: Notice) -> None:
        """POST it; any 2xx is taken, redirects are not followed (a POST would become a GET, RFC 9110 §15.4)."""
        headers = {"Idempotency-Key": notice.key, "User-Agent": "GoneQuiet"}
        try:
            response = httpx.post(self._url, json=body_of(notice), headers=headers, timeout=self._timeout, verify=self._verify)
        except httpx.TimeoutException as error:
            raise ChannelError(self._name, f"{self._host()}: no answer in time") from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ChannelError(
                self._name, "url: expected an address such as https://example.org/hook", retryable=False
            ) from error
        except httpx.HTTPError as error:
            raise ChannelError(self._name, f"{self._host()}: {str(error) or type(error).__name__}") from error
        status = response.status_code
        if response.is_success:
            return
        if response.has_redirect_location:
            raise ChannelError(self._name, f"{self._host()}: answers {status}, a redirect; give the final address as url")
        raise ChannelError(self._name, f"{self._host()}: answers {status}", retryable=status >= 500 or status in _LATER)

    def _host(self) -> str:
        return httpx.URL(self._url).host


def body_of(notice: Notice) -> dict[str, object]:
    """The object that is sent: the notice's words, and under `alert` the facts."""
    return {
        "notice": notice.key,
        "event": notice.event.value,
        "title": notice.title,
        "text": notice.text,
        "created_at": iso(notice.created_at),
        "alert_id": notice.alert_id,
        "alert": dict(notice.payload),
    }
