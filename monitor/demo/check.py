"""`gonequiet demo --check`: prove that the alert was raised, arrived as a mail and can be seen through HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage

import httpx

from monitor.demo.story import SISTER, WATCHED
from monitor.errors import GoneQuietError
from monitor.model import FindingKind
from monitor.show.snapshot import ShownAlert, Snapshot
from monitor.words import iso

LINK_HOST = "click.campaigns.rnchq.com"
"""The link host of the stream that fell silent, and of its organisation's other mail a week later."""
MAIL_HEADER = "X-GoneQuiet-Notice"
SILENT_METRIC = f'gonequiet_stream_state{{state="silent",stream="{WATCHED}"}} 1.0'


class DemoError(GoneQuietError):
    """The demo did not come to its proper end; says what was missing."""


def the_alert(snapshot: Snapshot) -> ShownAlert:
    """The alert about the stream that fell silent. DemoError if none was raised."""
    for shown in snapshot.alerts:
        if shown.alert.kind is FindingKind.GAP and shown.alert.subject == WATCHED:
            return shown
    raise DemoError(f"no alert was raised for {WATCHED}; alerts: {[shown.alert.key for shown in snapshot.alerts]}")


def the_mail(shown: ShownAlert, mails: Sequence[EmailMessage]) -> EmailMessage:
    """The alert as it arrived at the mail sink. DemoError if it did not."""
    for mail in mails:
        if mail[MAIL_HEADER] and WATCHED in f"{mail['Subject']} {_text(mail)}":
            return mail
    raise DemoError(f"no mail about {shown.title!r} arrived; mails: {[str(mail['Subject']) for mail in mails]}")


def see_through_http(url: str, shown: ShownAlert) -> None:
    """Look at the pages, the metrics and the health check. DemoError if one does not show what it should."""
    sought = {
        "/healthz": "ok",
        "/metrics": SILENT_METRIC,
        "/": WATCHED,
        f"/alerts/{shown.alert.id}": SISTER,
        f"/streams/{SISTER}": LINK_HOST,
    }
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        for path, text in sought.items():
            answer = client.get(path)
            if answer.status_code != 200 or text not in answer.text:
                raise DemoError(f"{url}{path}: expected {text!r}, got status {answer.status_code}")


def report(shown: ShownAlert, snapshot: Snapshot) -> dict[str, object]:
    """The JSON line: archive times, ISO 8601 UTC; `delay_hours` from the last send to the alert."""
    alert, context = shown.alert, shown.context
    if context is None or context.last_send is None:
        raise DemoError(f"the alert {shown.title!r} does not say what was last seen")
    last = context.last_send
    return {
        "stream": alert.subject,
        "last_send": iso(last.at),
        "opened_at": iso(alert.opened_at),
        "delay_hours": round((alert.opened_at - last.at).total_seconds() / 3600, 2),
        "provider": last.delivery,
        "provider_aliases": list(context.provider_aliases),
        "confidence": context.confidence,
        "alerts": len(snapshot.alerts),
        "same_organisation": [
            {
                "stream": send.stream,
                "at": iso(send.at),
                "provider": send.delivery,
                "shared_link_hosts": list(context.shared_link_hosts.get(send.id, ())),
            }
            for send in context.same_organisation
        ],
    }


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return "" if body is None else str(body.get_content())
