"""Beside the full stop: what is judged once an hour, as it changes slowly: fewer mails than usual, and mail moved to junk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from monitor.app.mailbox_providers import MailboxProvider, mailbox_providers
from monitor.detect.calendar import hours_of
from monitor.detect.own_budget import Budget
from monitor.detect.placement import Placed, placement_finding
from monitor.detect.volume import MEMORY, WINDOWS, Mailer, volume_findings
from monitor.detect.witnesses import Interval, merge
from monitor.identify.match import Identifier
from monitor.model import Finding, Send
from monitor.settings import GapSettings, Settings
from monitor.store.store import Store

Covered = Mapping[str, Sequence[Interval]]
"""Inbox → when it was covered, hours since the epoch."""
EVERY = timedelta(hours=1)
KEPT = WINDOWS[-1] + MEMORY
JUNK_WITHIN = timedelta(days=30)
"""Only streams of which a copy came into junk so lately are looked at for a shift."""
PLACED_WITHIN = timedelta(days=180)


class Beside:
    """Keeps the last twelve weeks of every stream's sends. One thread at a time."""

    def __init__(self, store: Store, identifier: Identifier, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._mailbox_providers = mailbox_providers(settings.inboxes, identifier)
        self._sends: dict[str, dict[int, Send]] | None = None
        self._looked_at: datetime | None = None
        self._found: tuple[Finding, ...] = ()

    def add_sends(self, sends: Iterable[Send]) -> None:
        """New or changed sends; one without copies has become part of another."""
        if self._sends is None:  # they are read from the store at the first look
            return
        for send in sends:
            if send.copies:
                self._sends[send.stream][send.id] = send
            else:
                self._sends[send.stream].pop(send.id, None)

    def findings(self, now: datetime, covered: Callable[[], Covered], silent: frozenset[str]) -> tuple[Finding, ...]:
        """What holds at `now`. `covered` is asked for where it is time to look; `silent` streams have a gap of their own."""
        if self._looked_at is None or now < self._looked_at or now - self._looked_at >= EVERY:
            self._looked_at = now
            self._found = (*self._fewer(now, covered()), *self._moved_to_junk(now))
        return tuple(finding for finding in self._found if finding.subject not in silent)

    def _fewer(self, now: datetime, covered: Covered) -> tuple[Finding, ...]:
        if self._sends is None:
            self._sends = defaultdict(dict)
            self.add_sends(self._store.sends(since=now - KEPT))
        kept = {}
        for stream, sends in self._sends.items():
            if fresh := {number: send for number, send in sends.items() if send.at > now - KEPT}:
                kept[stream] = fresh
        self._sends = defaultdict(dict, kept)
        mailers = [self._mailer(list(sends.values()), now, covered) for sends in kept.values()]
        times = {stream: [send.at for send in sends.values()] for stream, sends in kept.items()}
        return volume_findings(mailers, times, now)

    def _mailer(self, sends: Sequence[Send], now: datetime, covered: Covered) -> Mailer:
        stream, organisation = sends[-1].stream, sends[-1].organisation
        gap = self._settings.gap_for(stream, organisation)

        def covered_share(window: timedelta) -> float:
            """Nothing counts where a pause was declared for some of the window."""
            if any(pause.start < now and pause.end > now - window for pause in gap.expected_pause):
                return 0.0
            return _share(covered, {inbox for send in sends for inbox in send.inboxes}, now - window, now)

        return Mailer(stream, organisation, self._budget(gap), covered_share)

    def _budget(self, gap: GapSettings) -> Budget:
        """Of one stream; one for all together is divided by those that mailed in the last weeks."""
        total = gap.false_alarms_total_year
        a_year = gap.false_alarms_per_sender_year if total is None else total / max(len(self._sends or ()), 1)
        return Budget(a_year, gap.levels == "on")

    def _moved_to_junk(self, now: datetime) -> tuple[Finding, ...]:
        found: list[Finding | None] = []
        for stream, sends in sorted((self._sends or {}).items()):
            lately = [s for s in sends.values() if "JUNK" in s.placements and s.at > now - JUNK_WITHIN]
            if not lately:
                continue
            organisation = lately[0].organisation
            budget = self._budget(self._settings.gap_for(stream, organisation))
            for provider, placed in self._placed(stream, now).items():
                found.append(placement_finding(stream, organisation, provider.key, provider.named, placed, now, budget))
        return tuple(finding for finding in found if finding is not None)

    def _placed(self, stream: str, now: datetime) -> dict[MailboxProvider, list[Placed]]:
        """A stream's sends at each mailbox provider. Copies of one send go the same way there, so they count as one."""
        copies: dict[MailboxProvider, dict[int, list[tuple[datetime, bool]]]] = defaultdict(lambda: defaultdict(list))
        for inbox, send, at, role in self._store.placed_copies(stream, now - PLACED_WITHIN):
            if (provider := self._mailbox_providers.get(inbox)) is not None:
                copies[provider][send].append((at, role == "JUNK"))
        return {
            provider: [
                Placed(min(at for at, _ in of_send), 2 * sum(in_junk for _, in_junk in of_send) > len(of_send))
                for of_send in by_send.values()
            ]
            for provider, by_send in copies.items()
        }


def _share(covered: Covered, inboxes: Iterable[str], since: datetime, now: datetime) -> float:
    """The part of the time since then over which any of these inboxes was covered."""
    start, end = hours_of(since), hours_of(now)
    union = merge(interval for inbox in inboxes for interval in covered.get(inbox, ()))
    return sum(max(min(b, end) - max(a, start), 0.0) for a, b in union) / (end - start)
