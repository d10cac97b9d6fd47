"""Facts: what an alert's text may say, each already in words, and None for whatever is not known (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from monitor.alert.grouping import GROUPS, names_streams
from monitor.alert.lifecycle import Decision
from monitor.model import (
    Alert,
    AlertContext,
    AlertEventKind,
    AlertState,
    Confidence,
    Evidence,
    FindingKind,
    GapFacts,
    Level,
    Send,
    Trust,
)
from monitor.words import count, fleet, moment_in, odds, plain, publishable, span

_TRUST_WORDS = {
    Trust.OBSERVED: "written by our own mailbox provider",
    Trust.SIGNED: "covered by a valid DKIM signature",
    Trust.CLAIMED: "what the mail says of itself; such a line can be copied",
}
_TRUST_RANK = {Trust.OBSERVED: 2, Trust.SIGNED: 1, Trust.CLAIMED: 0}
_CONFIDENCE_WORDS = {
    Confidence.CERTAIN: "we are certain of it",
    Confidence.LIKELY: "likely, not proven",
    Confidence.POSSIBLE: "possible, weakly supported",
}
_LEVEL_WORDS = {
    Level.WATCH: "watch, an early hint",
    Level.ALERT: "alert, unusual for {}",
    Level.CONFIRMED: "confirmed, very unusual: by chance alone it comes a tenth as often as alert",
}
_LIMIT_WORDS = "{}, as the settings want one after so long a silence; by the rhythm alone it would be none yet"
_KIND_WORDS = {
    FindingKind.VOLUME_DROP: "much less mail than usual",
    FindingKind.PLACEMENT_SHIFT: "mail lies in another folder than before",
    FindingKind.PROVIDER_CHANGE: "mail comes through other infrastructure than before",
    FindingKind.AUTHENTICATION_BROKEN: "mail no longer passes authentication",
}
_GROUP_WORDS = {
    "delivery": "streams sent through {}",
    "platform": "streams of senders that use {}",
    "account": "streams of the account {}",
    "organisation": "streams of {}",
}
_PLACES = {
    "INBOX": "the inbox",
    "JUNK": "junk",
    "TRASH": "trash",
    "ALL": "all mail",
    "ARCHIVE": "the archive",
    "OTHER": "another folder",
}
_NAMES_SHOWN = 20
_WHOLE = timedelta(minutes=15)
"""So much may be missing where covered counts as throughout: the last poll is always a few minutes old."""
_OURS_COUNTED_AS_LATE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class MailFacts:
    """One mail in words. Subjects and header values are strangers' text: one line, bounded, addresses taken out."""

    subject: str | None = None
    infrastructure: str | None = None
    confidence: str | None = None
    deciding: str | None = None
    """The header that decides, its value, and who says so."""
    account: str | None = None
    placement: str | None = None
    stored: str | None = None
    moved_from: str | None = None
    """The infrastructure of the last mail before, where this one's differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The words that the templates in `config/texts/` may use."""

    subject: str
    level: str
    kind_words: str
    is_open: bool
    is_raised: bool
    is_partial: bool
    is_all_inboxes: bool
    """For a finding about inboxes: it is about all of them, which `members` names."""
    of_server: bool
    """For a finding about inboxes: it is about several at the mail server `subject`, which `members` names."""
    of_provider: bool
    """The same of several that log in through the provider `subject`."""
    is_read: bool
    """For a finding about inboxes: this one can be read, and no mail of the streams that `members` names reaches it."""
    since: str
    opened: str
    found_earlier: str | None
    silence: str
    gap: str | None
    resumed: str | None
    last: MailFacts
    news: MailFacts
    covered: str | None
    """Said only where some of the silence was not covered; None with `all_covered`, or where it is not known."""
    all_covered: bool
    counted: str | None
    """How much counts as silence, where that is more than was proven: the time before our first look, by the mail we hold."""
    by_limit: bool
    """The alert comes of a fixed silence or a ceiling in the settings alone."""
    polls: str | None
    inboxes: str | None
    inbox_count: str | None
    others: str | None
    others_last: str | None
    same_organisation: tuple[str, ...]
    odds: str | None
    expected: str | None
    learned: str | None
    usual_pause: str | None
    longest_pause: str | None
    fleet: str | None
    next_expected: str | None
    """When the mail that did not come was to be expected."""
    delay: str | None
    """How long a stop of this list goes unnoticed at this setting, on average."""
    due: str | None
    """For a watch: when it becomes an alert if nothing arrives."""
    note: str | None
    members: str | None
    member_count: int
    unsure: str | None
    """Those of them that may as well be in an ordinary pause."""
    named: str | None
    named_count: int
    """With those that have mailed again since they were named."""
    still_silent: str | None
    """Of a group that ended: its streams that have not mailed since, or are not followed any more."""
    group: str
    """`streams sent through SendGrid`."""
    group_name: str


def gather(decision: Decision, context: AlertContext, now: datetime, zone: ZoneInfo) -> Facts:
    """Put what is known into words; times are UTC with the list's `zone` beside it."""
    alert, finding = decision.alert, decision.alert.finding
    gap = finding.gap if finding else None
    resumed = decision.send.at if decision.send else alert.resumed_at
    ended_at = alert.resumed_at or alert.resolved_at
    last = last_send(decision, context)
    covered = context.covered_since if context.covered_since is not None else gap.covered if gap and not ended_at else None
    all_covered = covered is not None and (ended_at or now) - alert.since - covered <= _WHOLE
    group_kind, group_name = group_of(alert.key, alert.subject)
    by_limit = gap is not None and gap.by_limit
    learned = gap and f"{count(gap.sends_learned, 'mail')} since {gap.first_send_at:%-d %b %Y}"
    return Facts(
        subject=plain(alert.subject, 120),
        level=_level(alert, by_limit=by_limit),
        kind_words=_KIND_WORDS.get(alert.kind, "no mail seen"),
        is_open=alert.state in (AlertState.OPEN, AlertState.ACKNOWLEDGED),
        is_raised=decision.event is AlertEventKind.RAISED,
        is_partial=alert.kind is FindingKind.PARTIAL_GROUP_GAP,
        is_all_inboxes=alert.key in ("inbox_blind:all", "canary_overdue:all"),
        of_server=alert.key.startswith("inbox_blind:server:"),
        of_provider=alert.key.startswith(("inbox_blind:authorization:", "password_expires:authorization:")),
        is_read=alert.kind is FindingKind.INBOX_BLIND and names_streams(alert),
        since=moment_in(alert.since, zone),
        opened=moment_in(alert.opened_at, zone),
        found_earlier=moment_in(alert.found_at, zone) if alert.opened_at - alert.found_at > _OURS_COUNTED_AS_LATE else None,
        silence=span(now - alert.since),
        gap=span(ended_at - alert.since) if ended_at else None,
        resumed=moment_in(resumed, zone) if resumed else None,
        last=_last_mail(last, context),
        news=_news_mail(decision.send, last, zone),
        covered=span(covered) if covered and not all_covered else None,
        all_covered=all_covered,
        counted=span(gap.covered) if gap and covered is not None and gap.covered - covered > _WHOLE else None,
        by_limit=by_limit,
        polls=count(context.polls_since, "poll") if context.polls_since else None,
        inboxes=_names(context.inboxes),
        inbox_count=count(len(context.inboxes), "seed inbox") if context.inboxes else None,
        others=_others(context),
        others_last=moment_in(context.others_last_at, zone) if context.others_last_at else None,
        same_organisation=tuple(_one_line(s, context, zone) for s in context.same_organisation[:5]),
        odds=odds(gap.return_period_years) if gap else None,
        expected=_amount(gap.expected_sends) if gap else None,
        learned=learned or None,
        usual_pause=span(gap.usual_pause) if gap else None,
        longest_pause=span(gap.longest_pause) if gap else None,
        fleet=_fleet(gap.fleet_factor) if gap else None,
        next_expected=moment_in(gap.next_expected_at, zone) if gap and gap.next_expected_at else None,
        delay=_delay(gap) if gap else None,
        due=moment_in(due, zone) if gap and (due := _ahead(alert, gap, now)) else None,
        note=(publishable(finding.note, 400).rstrip(".") or None) if finding else None,
        members=_names(finding.members) if finding else None,
        member_count=len(finding.members) if finding else 0,
        unsure=_names(finding.unsure) if finding else None,
        named=_names(sorted((*finding.members, *finding.resumed))) if finding else None,
        named_count=len(finding.members) + len(finding.resumed) if finding else 0,
        still_silent=_names(decision.still_silent),
        group=_GROUP_WORDS.get(group_kind, "streams of {}").format(group_name),
        group_name=group_name,
    )


def _level(alert: Alert, *, by_limit: bool) -> str:
    if by_limit:
        return _LIMIT_WORDS.format(alert.level.word)
    return _LEVEL_WORDS[alert.level].format("these lists" if alert.kind in GROUPS else "this list")


def last_send(decision: Decision, context: AlertContext) -> Send | None:
    """The stored send that the silence counts from; None where the context tells of another mail."""
    send = context.last_send
    return send if send is not None and send.at <= decision.alert.since + timedelta(seconds=1) else None


def deciding(evidence: Sequence[Evidence], provider: str | None) -> Evidence | None:
    """The evidence that weighs most among what is best vouched for, for this provider where one is named."""
    fitting = [e for e in evidence if e.provider == provider] or list(evidence)
    return max(fitting, key=lambda e: (_TRUST_RANK[e.trust], e.weight), default=None)


def group_of(key: str, subject: str) -> tuple[str, str]:
    """(`delivery`, `SendGrid`) out of `group_gap:delivery:SendGrid`; the kind is empty where the key names none."""
    kind, _, name = key.partition(":")[2].partition(":")
    return (kind, plain(name, 120)) if kind in _GROUP_WORDS and name else ("", plain(subject, 120))


def _last_mail(send: Send | None, context: AlertContext) -> MailFacts:
    if send is None:
        return MailFacts()
    proof = deciding(context.last_evidence, send.delivery or send.platform)
    line = f"{plain(proof.field, 60)}: {publishable(proof.value, 160)} ({_TRUST_WORDS[proof.trust]})" if proof else None
    known = send.delivery or send.platform
    return MailFacts(
        subject=publishable(send.subject, 160) or None,
        infrastructure=plain(context.provider_label or known, 160) or None if known else None,
        confidence=_CONFIDENCE_WORDS[context.confidence] if context.confidence else None,
        deciding=line if known else None,
        account=plain(send.account, 120).replace(":", " ", 1) or None,
        placement=_placement(send),
    )


def _news_mail(send: Send | None, last: Send | None, zone: ZoneInfo) -> MailFacts:
    if send is None:
        return MailFacts()
    through = send.delivery or send.platform
    before = (last.delivery or last.platform) if last else None
    return MailFacts(
        subject=publishable(send.subject, 160) or None,
        infrastructure=plain(through, 160) or None,
        placement=_placement(send),
        stored=moment_in(send.stored_at, zone),
        moved_from=plain(before, 160) if before and through and before != through else None,
    )


def _placement(send: Send) -> str | None:
    """`the inbox (2 copies), junk (1 copy)`; a tab by its name."""
    places = [
        f"{_PLACES.get(role) or plain(role.removeprefix('TAB:'), 40) + ' tab'} ({count(n, 'copy', 'copies')})"
        for role, n in sorted(send.placements.items(), key=lambda place: (-place[1], place[0]))
    ]
    return ", ".join(places) or None


def _names(names: Sequence[str]) -> str | None:
    """The names, and how many more there are beyond the first twenty."""
    shown = ", ".join(plain(n, 80) for n in names[:_NAMES_SHOWN])
    return f"{shown} and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else shown or None


def _others(context: AlertContext) -> str | None:
    if not context.others_sends or not context.others_last_at:
        return None
    return f"{count(context.others_sends, 'mailing')} of {count(context.others_streams, 'other stream')}"


def _one_line(send: Send, context: AlertContext, zone: ZoneInfo) -> str:
    subject = publishable(send.subject, 100)
    through = plain(send.delivery or send.platform, 80)
    hosts = ", ".join(plain(host, 80) for host in context.shared_link_hosts.get(send.id, ())[:3])
    told = f"{plain(send.stream, 120)} at {moment_in(send.at, zone)}"
    told += (f", “{subject}”" if subject else "") + (f", through {through}" if through else "")
    return told + (f", with links to {hosts} as in the last mail" if hosts else "")


def _amount(expected: float) -> str | None:
    """`about 34`, `about 3.5`; None below one half, which would say nothing."""
    if expected < 0.5:
        return None
    return f"about {expected:,.0f}" if expected >= 10 else f"about {expected:.1f}".removesuffix(".0")


def _fleet(factor: float) -> str:
    known = fleet(factor)
    return f"{known}; this was taken into account" if known else "All lists together mailed about as usual"


def _delay(gap: GapFacts) -> str | None:
    """`12 hours by day, 17 hours by night`; None where no alert can come."""
    if gap.delay_by_day is None or gap.delay_by_night is None:
        return None
    day, night = span(gap.delay_by_day), span(gap.delay_by_night)
    return f"{day} by day, {night} by night" if day != night else day


def _ahead(alert: Alert, gap: GapFacts, now: datetime) -> datetime | None:
    """When a mere watch becomes an alert, as long as that lies ahead."""
    due = gap.alarm_due_at
    return due if alert.level is Level.WATCH and due is not None and due > now else None
