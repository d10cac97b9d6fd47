"""The lists of the journey: when each mails, and its messages byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

START = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Mailing:
    """One send of one list."""

    domain: str
    at: datetime
    number: int

    @property
    def raw(self) -> bytes:
        """The message, with lines that end in CR LF; the domain is its own in every header."""
        lines = [
            f"Received: from out.{self.domain} (out.{self.domain} [192.0.2.7]) by mx.example.org; {format_datetime(self.at)}",
            f"From: The List <hello@{self.domain}>",
            "To: undisclosed-recipients:;",
            f"Date: {format_datetime(self.at)}",
            f"Message-ID: <{self.number}.{self.at:%Y%m%d%H%M}@{self.domain}>",
            f"Subject: Number {self.number} of {self.domain}",
            "",
            f"This is number {self.number}.",
            "",
        ]
        return "\r\n".join(lines).encode("ascii")


@dataclass(frozen=True, slots=True)
class MailingList:
    """A list that mails every day at about these hours (UTC), some minutes sooner or later."""

    domain: str
    hours: tuple[float, ...]

    def sends(self, start: datetime, end: datetime) -> Iterator[Mailing]:
        """Its mailings in [start, end), in order. The minutes come from the day and the hour: the same in every run."""
        day = START
        number = 0
        while day < end:
            for place, hour in enumerate(self.hours):
                number += 1
                minutes = (day.toordinal() * 7919 + place * 104_729) % 83 - 41
                at = day + timedelta(hours=hour, minutes=minutes)
                if start <= at < end:
                    yield Mailing(self.domain, at, number)
            day += DAY


CAMPAIGN = MailingList("news.example.org", (14.0, 22.0))
OTHERS = (
    MailingList("letters.example.com", (9.0,)),
    MailingList("daily.example.net", (7.0, 12.0, 17.0)),
)


def sends_of(lists: Iterable[MailingList], start: datetime, end: datetime) -> list[Mailing]:
    """The mailings of all of them in [start, end), in order of time."""
    return sorted((mailing for each in lists for mailing in each.sends(start, end)), key=lambda m: m.at)
