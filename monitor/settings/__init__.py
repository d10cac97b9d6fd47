"""Settings: one YAML file becomes frozen values; every fault is named with file, line, path and what was expected."""

from monitor.settings.alerting import AlertSettings, ChannelKind, ChannelSettings, RouteSettings
from monitor.settings.gaps import GapSettings, OrganisationSettings, Pause, StreamSettings
from monitor.settings.inboxes import CanarySettings, CollectSettings, InboxKind, InboxSettings, WatchedBy, listen_place
from monitor.settings.load import check_settings, load_settings
from monitor.settings.models import Settings, WebSettings
from monitor.settings.oauth import Endpoints, OAuthSettings
from monitor.settings.paths import Strict
from monitor.settings.secrets import canary_password, channel_password, channel_url, client_secret, inbox_password, read_secret
from monitor.settings.security import Security
from monitor.settings.spans import Span, parse_span

__all__ = [
    "AlertSettings",
    "CanarySettings",
    "ChannelKind",
    "ChannelSettings",
    "CollectSettings",
    "Endpoints",
    "GapSettings",
    "InboxKind",
    "InboxSettings",
    "OAuthSettings",
    "OrganisationSettings",
    "Pause",
    "RouteSettings",
    "Security",
    "Settings",
    "Span",
    "StreamSettings",
    "Strict",
    "WatchedBy",
    "WebSettings",
    "canary_password",
    "channel_password",
    "channel_url",
    "check_settings",
    "client_secret",
    "inbox_password",
    "listen_place",
    "load_settings",
    "parse_span",
    "read_secret",
]
