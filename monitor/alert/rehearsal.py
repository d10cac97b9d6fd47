"""Rehearsal: a test notice straight through one channel, to prove it before it is needed."""

from __future__ import annotations

from datetime import datetime

from monitor.alert.channels import Channel
from monitor.alert.layout import as_html, as_text
from monitor.alert.text import Texts
from monitor.alert.text_files import load_texts
from monitor.model import AlertEventKind, Notice
from monitor.words import iso, moment


def rehearse(channel: Channel, now: datetime, texts: Texts | None = None) -> None:
    """Send it now; coming back means that the channel took it. ChannelError says what to mend."""
    channel.send(rehearsal_notice(now, texts or load_texts()))


def rehearsal_notice(now: datetime, texts: Texts) -> Notice:
    """The notice of a test; its key holds the time, so that each test is a new one."""
    sheet = texts.test_sheet(moment(now))
    return Notice(
        id=0,
        alert_id=None,
        event=AlertEventKind.TEST,
        channel="",
        key=f"test-{iso(now)}",
        title=sheet.title,
        text=as_text(sheet, None),
        html=as_html(sheet, None),
        payload={"event": AlertEventKind.TEST.value, "written_at": iso(now)},
        created_at=now,
    )
