"""A newsroom: GoneQuiet's whole line on real servers, moved on step by step, and what arrived in its channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from monitor.alert.channels import open_channels
from monitor.alert.deliver import Courier
from monitor.app.canaries import CanaryPost
from monitor.app.canary_key import canary_key
from monitor.app.counters import Counters
from monitor.app.polling import Poller
from monitor.app.session import Session, open_session
from monitor.clock import SteppedClock
from monitor.model import Alert
from monitor.settings import (
    AlertSettings,
    CanarySettings,
    ChannelKind,
    ChannelSettings,
    CollectSettings,
    InboxSettings,
    RouteSettings,
    Security,
    Settings,
)
from monitor.show.snapshot import Snapshot
from tests.alert.servers import Hook, Mailbox, http_server, smtp_server
from tests.journey.mail import CAMPAIGN, START, Mailing, MailingList, sends_of
from tests.servers.dovecot import PASSWORD, DovecotUser

STEP = timedelta(hours=4)
SMTP, WEBHOOK = "newsroom", "hook"


@dataclass(frozen=True)
class Seed:
    """One seed inbox; `junks` are the domains whose mail its server takes for junk."""

    user: DovecotUser
    junks: tuple[str, ...] = ()

    def deliver(self, mailings: Iterable[Mailing], at: datetime | None = None) -> None:
        """File them in one session, with the time of their sending as INTERNALDATE, or with `at`."""
        mailings = list(mailings)
        if not mailings:
            return
        with self.user.client() as client:
            for mailing in mailings:
                folder = "Junk" if mailing.domain in self.junks else "INBOX"
                arrived = at or mailing.at
                answer, text = client.append(folder, "", f'"{arrived:%d-%b-%Y %H:%M:%S +0000}"', mailing.raw)
                assert answer == "OK", text


class Newsroom:
    """Polls every inbox, judges and delivers at each step, as the service does at each of its ticks."""

    def __init__(self, session: Session, clock: SteppedClock, seeds: Sequence[Seed], mailbox: Mailbox, hook: Hook) -> None:
        self.clock, self.seeds, self.mailbox, self.hook = clock, list(seeds), mailbox, hook
        self.session = session
        self.counters = Counters()
        self.poller = Poller(session.store, session.reader, session.settings.collect, clock, self.counters)
        self._watch = session.watch()
        self._snapshots = session.snapshots(clock.now())
        alerts = session.settings.alerts
        self._courier = Courier(session.store, open_channels(alerts.channels), alerts.max_tries)
        self.canaries: CanaryPost | None = None
        self.canary_mail = Mailbox()
        self.canaries_reach: set[str] = {seed.user.name for seed in seeds}
        """Inboxes; what is sent to others is lost on the way."""

    def look(self) -> None:
        """One round at the clock's present."""
        self._carry_canaries()
        for inbox in self.session.settings.inboxes:
            self.poller.poll(inbox)
        now = self.clock.now()
        self._snapshots.judged(self._watch.round(now))
        self._courier.deliver_due(now)

    def find_history(self, lists: Iterable[MailingList]) -> None:
        """The inboxes hold what these lists mailed up to now, and are looked at for the first time."""
        history = sends_of(lists, START, self.clock.now())
        for seed in self.seeds:
            seed.deliver(history)
        self.look()

    def live(self, until: datetime, lists: Iterable[MailingList]) -> None:
        """Go on to `until`, step by step, while these lists mail."""
        lists = tuple(lists)
        while self.clock.now() < until:
            before, now = self.clock.now(), min(self.clock.now() + STEP, until)
            arrived = sends_of(lists, before, now)
            for seed in self.seeds:
                seed.deliver(arrived)
            self.clock.move_to(now)
            self.look()

    def go_on_blind(self, until: datetime) -> None:
        """Go on to `until` while no mail can be delivered or read."""
        while self.clock.now() < until:
            self.clock.move_to(min(self.clock.now() + STEP, until))
            self.look()

    def _carry_canaries(self) -> None:
        """Send what is due, and be the mail system that brings it from the SMTP server into the inboxes."""
        if self.canaries is None:
            return
        self.canaries.send_due()
        for raw, to in zip(self.canary_mail.raw, self.canary_mail.rcpt_tos, strict=True):
            for seed in self.seeds:
                if [f"{seed.user.name}@example.net"] == to and seed.user.name in self.canaries_reach:
                    seed.user.deliver(raw, at=self.clock.now())
        self.canary_mail.raw.clear()
        self.canary_mail.rcpt_tos.clear()

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """All that there ever were, newest first."""
        return self.session.store.alerts()

    @property
    def subjects(self) -> list[str]:
        """Of the mails that arrived, in order."""
        return [str(mail["Subject"]) for mail in self.mailbox.mails]

    @property
    def told(self) -> list[tuple[str, str]]:
        """(event, key of the alert) of everything that the webhook got, in order."""
        return [(request.body["event"], request.body["alert"]["key"]) for request in self.hook.requests]

    def snapshot(self) -> Snapshot:
        """What pages and metrics show."""
        return self._snapshots.snapshot()


@contextmanager
def newsroom(
    folder: Path,
    start: datetime,
    seeds: Sequence[Seed],
    unreachable: Sequence[InboxSettings] = (),
    *,
    with_canaries: bool = False,
) -> Iterator[Newsroom]:
    """Open one on new, empty storage, with an SMTP server and a webhook to tell, and one more for canary mail."""
    mailbox, canary_mail = Mailbox(), Mailbox()
    with smtp_server(mailbox) as smtp, smtp_server(canary_mail) as canary_smtp, http_server() as hook:
        canary = CanarySettings(
            host="127.0.0.1", port=canary_smtp, security=Security.PLAIN, sender="canary@example.org", every=STEP
        )
        settings = Settings(
            data_dir=folder / "data",
            inboxes=(*(seed_settings(seed.user, folder) for seed in seeds), *unreachable),
            collect=CollectSettings(poll_every=STEP, timeout=timedelta(seconds=20), verify_dkim="off"),
            alerts=AlertSettings(
                channels=(
                    ChannelSettings(
                        name=SMTP,
                        kind=ChannelKind.SMTP,
                        host="127.0.0.1",
                        port=smtp,
                        security=Security.PLAIN,
                        sender="gonequiet@example.org",
                        to=("reporter@example.org",),
                    ),
                    ChannelSettings(name=WEBHOOK, kind=ChannelKind.WEBHOOK, url=f"http://127.0.0.1:{hook.port}/"),
                ),
                routes=(RouteSettings(channels=(SMTP, WEBHOOK)),),
            ),
            detect_every=STEP,
            canary=canary if with_canaries else None,
        )
        with open_session(settings) as session:
            room = Newsroom(session, SteppedClock(start), seeds, mailbox, hook)
            room.canary_mail = canary_mail
            if (key := canary_key(settings)) is not None:
                addresses = {inbox.name: inbox.mail_address or "" for inbox in settings.inboxes}
                room.canaries = CanaryPost(canary, addresses, key, session.store, room.clock)
            try:
                yield room
            finally:
                room.poller.close()


def seed_settings(user: DovecotUser, folder: Path) -> InboxSettings:
    """The inbox as an operator would set it up, over TLS, its password in a file."""
    secret = folder / "password"
    secret.write_text(PASSWORD, encoding="ascii")
    address = f"{user.name}@example.net"
    return user.settings().model_copy(update={"password_env": None, "password_file": secret, "address": address})


def three_seeds(users: Iterable[DovecotUser]) -> list[Seed]:
    """Three inboxes; the third gets the campaign's mail as junk."""
    first, second, third = users
    return [Seed(first), Seed(second), Seed(third, junks=(CAMPAIGN.domain,))]
