"""Commands on alerts: `alerts`, `ack`, `mute` and `alert-test`."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer
from rich.text import Text

from monitor.alert.by_hand import acknowledge, mute
from monitor.alert.channels import open_channels
from monitor.alert.rehearsal import rehearse
from monitor.app.session import Session, open_session
from monitor.cli.moments import coming_moment
from monitor.cli.output import console, json_lines, table
from monitor.cli.root import ConfigOption, JsonOption, app, read_settings
from monitor.clock import SystemClock
from monitor.errors import GoneQuietError
from monitor.model import Alert
from monitor.show import views
from monitor.words import iso, plain

AlertArgument = Annotated[int, typer.Argument(metavar="ALERT", help="The number that `gonequiet alerts` shows.")]
CommentOption = Annotated[str | None, typer.Option("--comment", help="Why; kept with the alert.")]


@app.command()
def alerts(
    number: Annotated[int | None, typer.Argument(metavar="[ALERT]", help="Show this one with its whole text.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List open alerts and those that ended in the last 14 days, or show one with its evidence."""
    with open_session(*read_settings(config)) as session:
        snapshots = session.snapshots(SystemClock().now())
        if number is None:
            shown_alerts = snapshots.snapshot().alerts
        else:
            shown = snapshots.alert(number)
            if shown is None:
                raise GoneQuietError(f"there is no alert {number}; `gonequiet alerts` lists them")
            shown_alerts = (shown,)
    if as_json:
        json_lines(views.alert_row(shown) for shown in shown_alerts)
        return
    if number is not None:
        console().print(Text(shown_alerts[0].text))
        return
    table(
        ("alert", "level", "state", "since (UTC)", "opened (UTC)", "what"),
        (
            (s.alert.id, s.alert.level.word, s.alert.state.value, iso(s.alert.since), iso(s.alert.opened_at), plain(s.title))
            for s in shown_alerts
        ),
        empty="No alert is open, and none ended in the last 14 days.",
    )


@app.command()
def ack(
    number: AlertArgument,
    who: Annotated[str | None, typer.Option("--by", help="Who takes it on (default: the login name).")] = None,
    comment: CommentOption = None,
    config: ConfigOption = None,
) -> None:
    """Acknowledge an alert: somebody has taken it on. Its end is told all the same."""
    with open_session(*read_settings(config)) as session:
        alert = _open_alert(session, number)
        session.store.apply([acknowledge(alert, who or getpass.getuser(), comment, SystemClock().now())])
    console().print(f"Alert {number} is acknowledged.")


@app.command(name="mute")
def mute_command(
    number: AlertArgument,
    until: Annotated[str, typer.Option("--until", help='A span from now such as "12h" or "3d", or a moment (ISO 8601).')],
    comment: CommentOption = None,
    config: ConfigOption = None,
) -> None:
    """Keep an alert from all channels until a moment; afterwards it is told if it is still open."""
    now = SystemClock().now()
    end = coming_moment(until, now)
    with open_session(*read_settings(config)) as session:
        session.store.apply([mute(_open_alert(session, number), end, comment, now)])
    console().print(f"Alert {number} is muted until {iso(end)}.")


@app.command(name="alert-test")
def alert_test(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="A channel's name in the settings.")],
    config: ConfigOption = None,
) -> None:
    """Send a test notice through a channel, now, and say whether it was taken."""
    settings, _ = read_settings(config)
    channels = open_channels(settings.alerts.channels)
    if channel not in channels:
        raise GoneQuietError(f"no channel {channel!r} in the settings; there are: {', '.join(channels) or 'none'}")
    rehearse(channels[channel], SystemClock().now())
    console().print(f"The channel {channel} took the test notice. Look whether it arrived.")


def _open_alert(session: Session, number: int) -> Alert:
    """The alert to act on; GoneQuietError where there is none, or where it has ended."""
    alert = session.store.alert(number)
    if alert is None:
        raise GoneQuietError(f"there is no alert {number}; `gonequiet alerts` lists them")
    if alert.resolved_at is not None:
        raise GoneQuietError(f"alert {number} ended at {iso(alert.resolved_at)}; only an open alert can be acknowledged or muted")
    return alert
