"""Open the channels that the settings name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from monitor.alert.channels.apprise import AppriseChannel
from monitor.alert.channels.channel import Channel
from monitor.alert.channels.log import LogChannel
from monitor.alert.channels.smtp import SmtpChannel
from monitor.alert.channels.webhook import WebhookChannel
from monitor.errors import ChannelError, SettingsError
from monitor.model import Notice
from monitor.settings import ChannelKind, ChannelSettings
from monitor.settings.secrets import channel_password, channel_url


class BrokenChannel:
    """Stands in where a secret is missing: its notices wait and say so, while the other channels go on."""

    def __init__(self, name: str, reason: str) -> None:
        self._name, self._reason = name, reason

    def send(self, notice: Notice) -> None:
        raise ChannelError(self._name, self._reason)


def open_channel(settings: ChannelSettings, environ: Mapping[str, str] | None = None) -> Channel:
    """One channel with its secret; SettingsError where the secret or a certificate file cannot be read."""
    match settings.kind:
        case ChannelKind.SMTP:
            return SmtpChannel(settings, channel_password(settings, environ))
        case ChannelKind.WEBHOOK:
            return WebhookChannel(settings, channel_url(settings, environ))
        case ChannelKind.APPRISE:
            return AppriseChannel(settings, channel_url(settings, environ))
        case ChannelKind.LOG:
            return LogChannel()


def open_channels(settings: Iterable[ChannelSettings], environ: Mapping[str, str] | None = None) -> dict[str, Channel]:
    """All channels by name; never raises: one that lacks its secret becomes a `BrokenChannel`."""
    channels: dict[str, Channel] = {}
    for one in settings:
        try:
            channels[one.name] = open_channel(one, environ)
        except SettingsError as error:
            channels[one.name] = BrokenChannel(one.name, str(error))
        except OSError as error:
            channels[one.name] = BrokenChannel(one.name, f"ca_file: {error.strerror or type(error).__name__}")
    return channels
