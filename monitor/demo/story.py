"""What the demo tells while it runs: mail of the one committee as it comes, each day's sum, and every alert. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.demo.archive import ArchivedMail
from monitor.demo.replay import Step
from monitor.model import AlertState
from monitor.show.snapshot import ShownAlert
from monitor.words import count, plain, span

WATCHED = "victory.donaldtrump.com"
SISTER = "campaigns.rnchq.com"
"""The other domain of the same organisation (settings.py)."""


class Tone(StrEnum):
    MAIL = "mail"
    DAY = "day"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Line:
    """One event on the archive's clock, in one sentence."""

    at: datetime
    text: str
    tone: Tone

    def __str__(self) -> str:
        return f"{clock_time(self.at)}  {self.text}"


def clock_time(moment: datetime) -> str:
    """` 6 Jan 18:22 UTC`, of one width."""
    return f"{moment.day:2} {moment:%b %H:%M} UTC"


class Story:
    """Remembers what was told, so that each thing is told once."""

    def __init__(self, start: datetime) -> None:
        self._day = start.date()
        self._today: Counter[str] = Counter()
        self._alerts: dict[int, AlertState] = {}
        self.mails = 0
        self.last_watched: ArchivedMail | None = None

    def after(self, step: Step, alerts: Iterable[ShownAlert]) -> list[Line]:
        """The lines for one step of the replay, given the alerts that there are after it."""
        lines: list[Line] = []
        for mail in step.arrived:
            lines += self._turn_of_day(mail.at)
            lines += self._mail(mail)
        lines += self._turn_of_day(step.at)
        for shown in alerts:
            lines += self._alert(shown)
        return lines

    def _turn_of_day(self, at: datetime) -> list[Line]:
        if at.date() == self._day:
            return []
        told = []
        if self._today:
            all_of_it = f"{count(self._today.total(), 'message')} of {count(len(self._today), 'sender')}"
            text = f"{all_of_it} that day, {self._today[WATCHED] or 'none'} from {WATCHED}"
            midnight = datetime.combine(self._day + timedelta(days=1), datetime.min.time(), at.tzinfo)
            told = [Line(midnight, text, Tone.DAY)]
        self._day, self._today = at.date(), Counter()
        return told

    def _mail(self, mail: ArchivedMail) -> list[Line]:
        self.mails += 1
        self._today[mail.domain] += 1
        subject = plain(mail.subject, 60)
        if mail.domain == WATCHED:
            self.last_watched = mail
            return [Line(mail.at, f"mail from {WATCHED}: “{subject}”", Tone.MAIL)]
        if mail.domain == SISTER:
            return [Line(mail.at, f"mail from {SISTER}, of the same organisation: “{subject}”", Tone.MAIL)]
        return []

    def _alert(self, shown: ShownAlert) -> list[Line]:
        alert, before = shown.alert, self._alerts.get(shown.alert.id)
        self._alerts[alert.id] = alert.state
        lines = []
        if before is None:
            lines.append(Line(alert.opened_at, f"ALERT: {shown.title}", Tone.ALERT))
            if alert.subject == WATCHED and self.last_watched:
                last = self.last_watched
                when = f"{clock_time(last.at).strip()}, {span(alert.opened_at - last.at)} earlier"
                text = f"the last mail that we have seen from {WATCHED} was that of {when}"
                lines.append(Line(alert.opened_at, text, Tone.ALERT))
        if alert.state in (AlertState.RESOLVED, AlertState.RETRACTED) and alert.state != before:
            lines.append(Line(alert.updated_at, f"{alert.state.value}: {shown.title}", Tone.ALERT))
        return lines
