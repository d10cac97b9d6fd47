"""Context: what the store saw around an alert, joined with what is known of the provider."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.alert.text import Voice
from monitor.alert.text_files import load_texts
from monitor.identify.match import Identifier
from monitor.model import Alert, AlertContext
from monitor.settings import Settings
from monitor.store.store import Store


def alert_context(store: Store, identifier: Identifier, alert: Alert, now: datetime) -> AlertContext:
    """What was seen up to the alert's end or `now`, with the provider's former names."""
    context = store.context(alert, now)
    last = context.last_send
    provider = identifier.provider(last.delivery or last.platform or "") if last else None
    if provider is None:
        return context
    return replace(context, provider_label=provider.label, provider_aliases=provider.aliases)


def voice_of(settings: Settings) -> Voice:
    """The texts, the zone and the page's address that notices speak with."""
    return Voice(load_texts(settings.texts_dir), settings.zone, settings.web.public_url)
