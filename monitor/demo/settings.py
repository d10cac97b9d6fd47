"""The demo's settings: three seed inboxes on the embedded server, two channels, all else as shipped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from monitor.demo.archive import RECEIVER
from monitor.demo.certificate import LOOPBACK
from monitor.demo.seeds import INBOX, JUNK, SEEDS
from monitor.settings import (
    AlertSettings,
    ChannelKind,
    ChannelSettings,
    CollectSettings,
    InboxSettings,
    OrganisationSettings,
    RouteSettings,
    Security,
    Settings,
    WebSettings,
)

COMMITTEE = "Trump Make America Great Again Committee"
"""A joint fundraising committee of the campaign and the RNC, whose mail came from both domains."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where this run of the demo keeps its files and finds its servers."""

    home: Path
    certificate: Path
    password_file: Path
    imap_port: int
    smtp_port: int
    web_port: int
    """0: any free one."""


def demo_settings(place: Place, step: timedelta) -> Settings:
    """Settings for a clock that moves by `step`: each inbox is due again at every step, and so is detection."""
    return Settings(
        data_dir=place.home / "data",
        collect=CollectSettings(poll_every=step, timeout=timedelta(seconds=30), verify_dkim="off"),
        inboxes=tuple(
            InboxSettings(
                name=seed.name,
                host=LOOPBACK,
                port=place.imap_port,
                security=Security.TLS,
                ca_file=place.certificate,
                user=seed.user,
                password_file=place.password_file,
                receiver="demo",
                group=seed.group,
                folders=(INBOX, JUNK),
            )
            for seed in SEEDS
        ),
        organisations=(OrganisationSettings(name=COMMITTEE, domains=("victory.donaldtrump.com", "campaigns.rnchq.com")),),
        alerts=AlertSettings(
            channels=(
                ChannelSettings(
                    name="mail",
                    kind=ChannelKind.SMTP,
                    host=LOOPBACK,
                    port=place.smtp_port,
                    security=Security.PLAIN,
                    sender=f"gonequiet@{RECEIVER}",
                    to=("newsroom@example.org",),
                ),
                ChannelSettings(name="log", kind=ChannelKind.LOG),
            ),
            routes=(RouteSettings(channels=("mail", "log")),),
        ),
        web=WebSettings(host=LOOPBACK, port=place.web_port),
        detect_every=step,
        tick=timedelta(milliseconds=50),
    )
