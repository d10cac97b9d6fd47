"""What each page says, decided without a template: headline, warnings, lines of the table of streams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.model import Alert, AlertState, Confidence, FindingKind, StreamPhase, StreamState
from monitor.show import charts
from monitor.show.snapshot import ShownAlert, ShownProvider, Snapshot
from monitor.show.together import gap_name, gone_quiet, leading, named_together
from monitor.show.views import GAP_KINDS, by_urgency, open_alerts
from monitor.show.words import rate
from monitor.words import count, iso, moment, plain, span

CHART_ROWS = 12

PHASES = {
    StreamPhase.LEARNING: ("learning", "Too few sends so far to say what is usual."),
    StreamPhase.REGULAR: ("as usual", "Mail comes as this list's rhythm lets expect."),
    StreamPhase.WATCH: ("late", "Quiet for longer than usual, not yet improbable enough for an alert."),
    StreamPhase.SILENT: ("silent", "Quiet for so long that it is improbable under its own rhythm."),
    StreamPhase.BLIND: ("cannot see", "No inbox that receives it can be read at present."),
    StreamPhase.PAUSED: ("paused", "A pause that the settings declare."),
    StreamPhase.ENDED: (
        "ended",
        "Silent for unusually long before we began to look, or after too few sends to say what is usual: no alert comes of it.",
    ),
}
BY_LIMIT = {
    StreamPhase.SILENT: "Quiet for as long as the settings allow (fixed, ceiling); by its own rhythm not improbable yet.",
    StreamPhase.ENDED: "Silent for as long as the settings allow before we began to look: no alert comes of it.",
}
"""What is said in place of that where only the settings make an alarm of a silence."""
TOGETHER = ("silent with others", "An alert about several lists names it; by itself its silence is not improbable enough yet.")
HELD_BACK = "Quiet for so long that it is improbable under its own rhythm; the settings want no alert yet (floor or fixed)."
KINDS = {
    FindingKind.GAP: "silence",
    FindingKind.GROUP_GAP: "silence of several lists",
    FindingKind.PARTIAL_GROUP_GAP: "silence of several lists",
    FindingKind.SEED_SILENT: "one inbox gets nothing",
    FindingKind.INBOX_BLIND: "blind inbox",
    FindingKind.CANARY_OVERDUE: "mail does not reach an inbox",
    FindingKind.CANARY_UNSENT: "canary account",
    FindingKind.MAILBOX_FULL: "inbox full",
    FindingKind.PASSWORD_EXPIRES: "password ends",
    FindingKind.INBOX_CLOSES: "inbox may be closed",
    FindingKind.VOLUME_DROP: "fewer mails",
    FindingKind.PLACEMENT_SHIFT: "moved to junk",
    FindingKind.PROVIDER_CHANGE: "other provider",
    FindingKind.AUTHENTICATION_BROKEN: "authentication fails",
}
UNREACHED = (FindingKind.INBOX_BLIND, FindingKind.CANARY_OVERDUE)
"""Of an inbox that can be read and that no mail reaches, or of all: what is not seen there says nothing about the lists."""
CONFIDENCE = {
    Confidence.CERTAIN: "Our receiver or a valid signature says so.",
    Confidence.LIKELY: "The sender's own headers say so, and nothing speaks against it.",
    Confidence.POSSIBLE: "Weak or contradicting evidence.",
}


@dataclass(frozen=True, slots=True)
class MemberLine:
    """A list or an inbox that an alert names; `back_at` is a list's newest mail since the alert's silence began."""

    name: str
    is_list: bool
    back_at: datetime | None


@dataclass(frozen=True, slots=True)
class Headline:
    """The state of everything in one sentence; `tone` is alarm, blind, watch, calm or empty."""

    tone: str
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StreamLine:
    """One line of the table of streams."""

    stream: str
    organisation: str | None
    """None where the stream's own name ends with it."""
    phase: str
    phase_word: str
    phase_help: str
    last: str
    last_iso: str | None
    silence: str
    rhythm: str
    provider: str | None
    confidence: str | None
    confidence_help: str | None
    spark: str
    """SVG path of sends a day over the last 14 days, in a box of 84 by 20."""
    spark_words: str


def headline(snapshot: Snapshot) -> Headline:
    """Gap alerts first, then our own blindness, then what is late, then calm."""
    together = named_together(snapshot)
    phases = Counter(StreamPhase.SILENT if _is_told_of(s, together) else s.phase for s in snapshot.states)
    gaps = [shown for shown in open_alerts(snapshot) if shown.alert.kind in GAP_KINDS]
    blind = [inbox for inbox in snapshot.inboxes if inbox.blind]
    ours: tuple[str, ...] = ()
    if blind:
        unseen = _names([inbox.inbox for inbox in blind])
        ours += (f"{count(len(blind), 'seed inbox')} cannot be read now: {unseen}.",)
    if unreached := [inbox.inbox for inbox in snapshot.inboxes if inbox.unreached and not inbox.blind]:
        ours += (f"Canary mail does not arrive in {_names(unreached)}.",)
    rest = (*_rest(phases), *ours)
    leaders = leading(open_alerts(snapshot))
    told = [shown for shown in leaders if shown.alert.kind in GAP_KINDS]
    if len(told) == 1:
        return Headline("alarm", gap_title(told[0], snapshot.at), rest)
    if told:
        quiet = _names([gap_name(shown) for shown in told])
        return Headline("alarm", f"{count(gone_quiet(gaps), 'list')} have gone quiet: {quiet}", rest)
    if snapshot.inboxes and len(blind) == len(snapshot.inboxes):
        title = "We cannot see: no seed inbox can be read now"
        return Headline("blind", title, ("Until one can, silence says nothing about the senders.", *_rest(phases)))
    if blind:
        return Headline("blind", f"We see only a part: {_names([i.inbox for i in blind])} cannot be read now", _rest(phases))
    if unreached_by_mail := [shown for shown in leaders if shown.alert.kind in UNREACHED]:
        return Headline("blind", alert_title(unreached_by_mail[0], snapshot.at), rest)
    if not snapshot.inboxes and not snapshot.states:
        return Headline("empty", "No seed inboxes yet", ())
    if not snapshot.states:
        return Headline("empty", "Listening; no list mail has come yet", ())
    if late := phases[StreamPhase.WATCH]:
        names = [s.stream for s in snapshot.states if s.phase is StreamPhase.WATCH]
        return Headline("watch", f"{count(late, 'list')} {'is' if late == 1 else 'are'} late: {_names(names)}", rest)
    usual = phases[StreamPhase.REGULAR]
    if usual == len(snapshot.states):
        whole = "The one list is" if usual == 1 else f"All {usual:,} lists are"
        return Headline("calm", f"{whole} mailing as usual", ours)
    if usual:
        others = _rest(phases, without=StreamPhase.REGULAR)
        return Headline("calm", f"{count(usual, 'list')} {'is' if usual == 1 else 'are'} mailing as usual", (*others, *ours))
    if learning := phases[StreamPhase.LEARNING]:
        others = _rest(phases, without=StreamPhase.LEARNING)
        return Headline("calm", f"Learning the rhythm of {count(learning, 'list')}", (*others, *ours))
    return Headline("calm", "No list is mailing as usual now", rest)


def warnings(snapshot: Snapshot, health: str | None) -> list[str]:
    """What is wrong with GoneQuiet itself, for the top of the first page; `health`: why it stands still, if it does."""
    found = [f"GoneQuiet itself is not at work: {health}"] if health else []
    if not snapshot.reload_ok:
        found.append("The new settings are faulty, so the old ones stay in force; gonequiet check-config names the line.")
    if failed := sum(number for (_, result), number in snapshot.notices.items() if result == "failed"):
        found.append(f"{count(failed, 'notice')} could not be delivered; the alert's page names the channel and the fault.")
    return found


def gap_title(shown: ShownAlert, now: datetime) -> str:
    """`No mail seen from victory.donaldtrump.com since 6 Jan, 18:22 UTC`: says what was seen, claims no reason."""
    who = plain(shown.alert.subject, 80)
    if shown.alert.kind is not FindingKind.GAP:
        who = "several lists at once (" + who + ")"
    return f"No mail seen from {who} since {moment(shown.alert.since, now)}"


def alert_title(shown: ShownAlert, now: datetime) -> str:
    """The notice's own title; for a gap that is open one that does not grow old."""
    ongoing = shown.alert.state in (AlertState.OPEN, AlertState.ACKNOWLEDGED)
    return gap_title(shown, now) if ongoing and shown.alert.kind in GAP_KINDS else plain(shown.title)


def stream_lines(snapshot: Snapshot, times: Mapping[str, Sequence[datetime]]) -> list[StreamLine]:
    """The table of the first page, the most urgent first."""
    together, at = named_together(snapshot), snapshot.at
    known = by_urgency(snapshot)
    return [stream_line(s, snapshot.providers.get(s.stream), at, times.get(s.stream, ()), together) for s in known]


def stream_line(
    state: StreamState,
    provider: ShownProvider | None,
    now: datetime,
    times: Sequence[datetime],
    together: Collection[str] = (),
) -> StreamLine:
    """`together`: the lists that open alerts about several name as silent."""
    word, explained = PHASES[state.phase]
    if is_by_limit(state):
        explained = BY_LIMIT.get(state.phase, explained)
    elif state.gap is not None and state.gap.held_back and state.phase is StreamPhase.WATCH:
        explained = HELD_BACK
    if _is_told_of(state, together):
        word, explained = TOGETHER
    confidence = provider.confidence if provider else None
    days = _days(times, now)
    return StreamLine(
        stream=state.stream,
        organisation=None if state.stream.endswith(state.organisation) else plain(state.organisation),
        phase=state.phase.value,
        phase_word=word,
        phase_help=explained,
        last=moment(state.last_send_at, now).removesuffix(" UTC"),
        last_iso=iso(state.last_send_at),
        silence=span(now - state.last_send_at),
        rhythm=_rhythm(state),
        provider=plain(provider.label or provider.delivery or provider.platform) if provider else None,
        confidence=confidence.value if confidence else None,
        confidence_help=CONFIDENCE[confidence] if confidence else None,
        spark=_spark(days),
        spark_words=f"{count(sum(days), 'send')} in 14 days",
    )


def is_by_limit(state: StreamState) -> bool:
    """Only a fixed silence or a ceiling makes an alarm of this silence."""
    return state.gap is not None and state.gap.by_limit


def silence_words(states: Iterable[StreamState]) -> str:
    """What the shaded silences of a picture have in common."""
    of_limit = any(is_by_limit(s) for s in states if s.phase is StreamPhase.SILENT)
    return "silence that is improbable for the list" + (", or as long as the settings allow" if of_limit else "")


def _is_told_of(state: StreamState, together: Collection[str]) -> bool:
    return state.stream in together and state.phase in (StreamPhase.WATCH, StreamPhase.REGULAR)


def _rhythm(state: StreamState) -> str:
    if state.phase is StreamPhase.LEARNING:
        return "being learned"
    return rate(state.expected_sends_per_day) if state.return_period_years > 0 else "not known"


def fleet_rows(snapshot: Snapshot, times: Mapping[str, Sequence[datetime]]) -> list[charts.Row]:
    """The streams worth a line in the picture: urgent ones, then the busiest, at most twelve."""
    shaded = (StreamPhase.SILENT, StreamPhase.WATCH)
    chosen = [s for s in by_urgency(snapshot) if times.get(s.stream) or s.phase in shaded][:CHART_ROWS]
    return [
        charts.Row(s.stream, times.get(s.stream, ()), s.last_send_at if s.phase is StreamPhase.SILENT else None) for s in chosen
    ]


def chart_now(now: datetime) -> datetime:
    """`now` rounded up to ten minutes, so that a picture is drawn once in that time and not at every visit."""
    step = timedelta(minutes=10)
    return now + (datetime.min.replace(tzinfo=now.tzinfo) - now) % step


def alert_state(shown: ShownAlert, now: datetime) -> str:
    """`open for 34 hours`, `ended 13 Jan: silent for 6 days` and the like."""
    alert = shown.alert
    if alert.state is AlertState.RESOLVED:
        length = f", after {span(alert.resumed_at - alert.since)} without mail" if alert.resumed_at else ""
        return f"ended {moment(alert.resolved_at or alert.updated_at, now)}{length}"
    if alert.state is AlertState.RETRACTED:
        return f"withdrawn {moment(alert.updated_at, now)}: mail that came in late shows that the silence was not there"
    who = f", acknowledged by {plain(alert.acknowledged_by, 60)}" if alert.acknowledged_by else ""
    muted = f", muted until {moment(alert.muted_until, now)}" if alert.muted_until and alert.muted_until > now else ""
    return f"open since {moment(alert.opened_at, now)}{who}{muted}"


def is_silence(alert: Alert) -> bool:
    """Whether it says of one list that it is silent now; of others the list may well go on mailing."""
    return alert.kind is FindingKind.GAP and alert.state in (AlertState.OPEN, AlertState.ACKNOWLEDGED)


def alert_members(alert: Alert, states: Sequence[StreamState]) -> tuple[MemberLine, ...]:
    """What an alert names: lists, or where it is about inboxes, those."""
    known = {state.stream: state for state in states}
    lines = []
    for name in alert.finding.members if alert.finding else ():
        last = known[name].last_send_at if name in known else None
        is_back = last is not None and last > alert.since + timedelta(seconds=1)
        lines.append(MemberLine(name, name in known, last if is_back else None))
    return tuple(lines)


def _rest(phases: Counter[StreamPhase], without: StreamPhase | None = None) -> tuple[str, ...]:
    """One sentence about the other streams, none where there are none; `without` those of which the title tells."""
    said = {
        StreamPhase.REGULAR: "mailing as usual",
        StreamPhase.WATCH: "late",
        StreamPhase.BLIND: "cannot be seen now",
        StreamPhase.LEARNING: "still being learned",
        StreamPhase.PAUSED: "in a declared pause",
        StreamPhase.ENDED: "ended",
    }
    parts = [f"{phases[phase]:,} {words}" for phase, words in said.items() if phases[phase] and phase is not without]
    return (f"Lists: {', '.join(parts)}.",) if parts else ()


def _names(names: Sequence[str], most: int = 3) -> str:
    shown = [plain(name, 60) for name in names[:most]]
    more = len(names) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _days(times: Sequence[datetime], now: datetime) -> list[int]:
    """Sends in each of the last 14 spans of 24 hours, oldest first."""
    days = Counter((now - at) // timedelta(days=1) for at in times if at <= now)
    return [days[n] for n in range(13, -1, -1)]


def _spark(days: Sequence[int]) -> str:
    """Bars of 4 on a base line of 1: `M0 20h4v-9h-4z…`."""
    top = max(max(days), 1)
    return "".join(f"M{n * 6} 20h4v-{1 + (round(18 * day / top, 1) if day else 0):g}h-4z" for n, day in enumerate(days))
