"""Text: the words of a notice, from the templates in `config/texts/`; it says what was seen and never claims a cause (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import DictLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from monitor.alert.facts import Facts, gather
from monitor.alert.layout import Sheet, as_html, as_text, read
from monitor.alert.lifecycle import Decision
from monitor.alert.payload import payload_of
from monitor.errors import SettingsError
from monitor.model import ABOUT_US, Alert, AlertChange, AlertContext, AlertEventKind, FindingKind, NewNotice

_FAMILY = {
    FindingKind.GAP: "gap",
    FindingKind.GROUP_GAP: "group",
    FindingKind.PARTIAL_GROUP_GAP: "group",
    FindingKind.INBOX_BLIND: "inbox",
    FindingKind.CANARY_OVERDUE: "canary",
    FindingKind.CANARY_UNSENT: "canary-account",
    FindingKind.MAILBOX_FULL: "mailbox-full",
    FindingKind.PASSWORD_EXPIRES: "password",
    FindingKind.INBOX_CLOSES: "inbox-closes",
    FindingKind.SEED_SILENT: "seed",
    FindingKind.PROVIDER_CHANGE: "change",
    FindingKind.AUTHENTICATION_BROKEN: "authentication",
}
_MOMENT = {
    AlertEventKind.OPENED: "opened",
    AlertEventKind.RAISED: "opened",
    AlertEventKind.RESOLVED: "resolved",
    AlertEventKind.CORRECTED: "corrected",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """One notice in its forms. The title is one line; text and HTML say the same."""

    title: str
    text: str
    html: str
    payload: Mapping[str, object]


class Texts:
    """The templates by name (`gap-opened`), `parts` among them; each sees the facts as `f` and nothing else."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._templates = ImmutableSandboxedEnvironment(
            loader=DictLoader(dict(sources)), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
        )
        self.names = tuple(sorted(sources))

    def sheet(self, name: str, facts: Facts) -> Sheet:
        """One text in its parts; SettingsError names a template that cannot be used."""
        return self._render(name, f=facts)

    def test_sheet(self, moment: str) -> Sheet:
        """The text of a test notice."""
        return self._render("test", moment=moment)

    def _render(self, name: str, **facts: object) -> Sheet:
        try:
            return read(self._templates.get_template(f"{name}.j2").render(facts))
        except TemplateError as error:
            raise SettingsError([f"texts/{name}.j2: {error.message or type(error).__name__}"]) from error
        except ValueError as error:
            raise SettingsError([f"texts/{name}.j2: {error}"]) from error


@dataclass(frozen=True, slots=True)
class Voice:
    """How we speak: the texts, the zone whose time stands beside UTC, and where our pages are."""

    texts: Texts
    zone: ZoneInfo
    public_url: str | None = None


def compose(decision: Decision, context: AlertContext, now: datetime, voice: Voice) -> Wording:
    """Word what was decided; what the context does not know is left out."""
    sheet = voice.texts.sheet(_name(decision), gather(decision, context, now, voice.zone))
    link = link_to(decision.alert, voice.public_url)
    return Wording(sheet.title, as_text(sheet, link), as_html(sheet, link), payload_of(decision, context, now, link))


def _name(decision: Decision) -> str:
    kind = decision.alert.kind
    if decision.is_unfollowed:
        return "inbox-unfollowed" if kind in ABOUT_US else "stream-unfollowed"
    return f"{_FAMILY.get(kind, 'notable')}-{_MOMENT[decision.event or AlertEventKind.OPENED]}"


def link_to(alert: Alert, public_url: str | None) -> str | None:
    """Our page about it: the stream's, which is known before the alert has a number; else the alert's, or the first page."""
    if not public_url:
        return None
    base = public_url.rstrip("/")
    if alert.kind is FindingKind.GAP:
        return f"{base}/streams/{quote(alert.subject, safe='@')}"
    return f"{base}/alerts/{alert.id}" if alert.id else f"{base}/"


def write_notices(decision: Decision, context: AlertContext, now: datetime, voice: Voice) -> AlertChange:
    """The change to store: the alert and one notice for each channel that hears of it."""
    if not decision.channels or decision.event is None:
        return AlertChange(alert=decision.alert, event=decision.event)
    wording = compose(decision, context, now, voice)
    return AlertChange(
        alert=decision.alert,
        event=decision.event,
        notices=tuple(_notice(decision, channel, wording, now) for channel in decision.channels),
    )


def write_all(
    decisions: Iterable[Decision], contexts: Mapping[str, AlertContext], now: datetime, voice: Voice
) -> tuple[AlertChange, ...]:
    """`write_notices` for each decision; `contexts` by the alert's key, needed only where `channels` is not empty."""
    return tuple(write_notices(d, contexts.get(d.alert.key, AlertContext()), now, voice) for d in decisions)


def _notice(decision: Decision, channel: str, wording: Wording, now: datetime) -> NewNotice:
    assert decision.event is not None
    return NewNotice(
        channel=channel,
        event=decision.event,
        key=notice_key(decision, channel),
        title=wording.title,
        text=wording.text,
        html=wording.html,
        payload=wording.payload,
        created_at=now,
    )


def notice_key(decision: Decision, channel: str) -> str:
    """32 hex digits, the same whenever the same thing is told to the same channel, so that a repeat can be recognised."""
    alert = decision.alert
    news = decision.send.at.isoformat() if decision.send else ""
    what = decision.event.value if decision.event else ""
    told = "\n".join([alert.key, alert.opened_at.isoformat(), what, alert.level.word, news, channel])
    return hashlib.sha256(told.encode()).hexdigest()[:32]
