"""Trial: a test notice straight through one channel, to prove it before it is needed."""

from __future__ import annotations

from datetime import datetime

from monitor.alert.channels.build import build_channel
from monitor.alert.layout import as_html, as_text, read
from monitor.alert.text import Voice
from monitor.errors import SettingsError
from monitor.model import AlertEventKind, Notice
from monitor.settings import AlertSettings
from monitor.words import iso, moment_in


def trial_notice(channel: str, now: datetime, voice: Voice) -> Notice:
    """The notice of a test; its key holds the time, so each test is a new one."""
    sheet = read(voice.texts.render_test(channel, moment_in(now, voice.zone)))
    return Notice(
        id=0,
        alert_id=None,
        event=AlertEventKind.TEST,
        channel=channel,
        key=f"test-{channel}-{iso(now)}",
        title=sheet.title,
        text=as_text(sheet, voice.public_url),
        html=as_html(sheet, voice.public_url),
        payload={"event": AlertEventKind.TEST.value, "written_at": iso(now), "url": voice.public_url},
        created_at=now,
    )


def send_trial(name: str, settings: AlertSettings, now: datetime, voice: Voice) -> None:
    """Send it now. ChannelError or SettingsError says what to mend; coming back means that the channel took it."""
    known = {channel.name: channel for channel in settings.channels}
    if name not in known:
        raise SettingsError([f'no channel is named "{name}"; the settings have: {", ".join(known)}'])
    build_channel(known[name]).send(trial_notice(name, now, voice))
