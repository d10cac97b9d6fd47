"""Lifecycle: findings open, raise and end alerts, and each decision names the channels that hear of it (pure)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.alert.grouping import (
    SAME,
    channels_for,
    channels_that_want_raises,
    followed,
    has_wider,
    members,
    named_no_more,
    names_streams,
    parents,
    without,
)
from monitor.model import Alert, AlertEventKind, AlertState, Assessment, Finding, FindingKind, Send, StreamPhase, StreamState
from monitor.settings import AlertSettings

LATE = 1.5
"""A stream whose silence is so many times its usual pause is late by itself."""
REFRESH = timedelta(hours=1)
"""How often the newest finding is kept with an open alert when nothing else about it changed."""


@dataclass(frozen=True, slots=True)
class Decision:
    """An alert as it is from now on (`id` 0: a new one), what happened, and which channels hear of it."""

    alert: Alert
    event: AlertEventKind | None = None
    """None: a quiet update."""
    channels: tuple[str, ...] = ()
    send: Send | None = None
    """The mail that ended or corrected it."""
    still_silent: tuple[str, ...] = ()
    """Streams of a group that ended of which no mail has been seen since, or that are not followed by themselves any more."""
    is_unfollowed: bool = False
    """It ended because its subject is not followed any more, by the settings; nothing is said of what happened to it."""


def news_of(alert: Alert, sends: Iterable[Send]) -> Send | None:
    """The first send that a gap alert did not know of, from its stream's sends in order of `at`; None: still silent.

    A send with `at` before the opening is news only if it was stored after it: the alert was opened knowing the others.
    """
    unknown = (s for s in sends if s.at > alert.since + SAME and (s.at >= alert.opened_at or s.stored_at >= alert.opened_at))
    return next(unknown, None)


def advance(
    open_alerts: Sequence[Alert],
    assessment: Assessment,
    resumed: Mapping[str, Send],
    now: datetime,
    settings: AlertSettings,
    unfollowed: Collection[str] = (),
) -> tuple[Decision, ...]:
    """Say what becomes of every open alert and which new ones open; the order is stable, unchanged alerts are left out.

    `resumed` maps the key of an open gap alert to its `news_of`; `unfollowed` are the keys of those whose stream or inbox is not
    followed any more: they end where they have no finding. One alert is open per key. A gap ends by mail only: while
    the finding is merely absent (we are blind, a pause was declared) it stays open; any other kind ends with its finding,
    unless a wider one has taken its place. The streams that a group's alert names are followed without a word: those that fall
    silent with it join, those that mail again leave. It goes on until no stream that it named is late any more: one broken
    thing gives one notice, also when the streams come back one by one.

    Mail with `at` from `found_at` on ends the gap. Mail from before it, which can only have come late, refutes the alert: had
    we known it, the silence would not have been that long. Where it is silent again since, the alert is corrected and goes on.
    """
    loud = {f.key: f for f in assessment.findings if f.level >= settings.opening}
    listed = {f.key: f for f in assessment.findings}
    ends: dict[str, Decision] = {}
    living: list[Alert] = []
    for alert in open_alerts:
        is_there = alert.key in listed or has_wider(alert, assessment.findings)
        if alert.key in unfollowed and alert.key not in listed:
            end: Decision | None = Decision(_over(alert, now), AlertEventKind.RESOLVED, alert.told, is_unfollowed=True)
        elif names_streams(alert):
            end = _group_ended(alert, is_there, listed.get(alert.key), assessment.states, now)
        else:
            end = _ended(alert, is_there, loud.get(alert.key), resumed.get(alert.key), now)
        if end is None or end.alert.state in (AlertState.OPEN, AlertState.ACKNOWLEDGED):
            living.append(end.alert if end else alert)
        if end is not None:
            ends[alert.key] = end
    known = {a.key for a in living}
    opened = [_new(f, now) for key, f in sorted(loud.items()) if key not in known and not _is_stale(f, resumed.get(key))]
    before = {a.key: a for a in open_alerts if a.key in known}
    present = [_renewed(a, listed.get(a.key), assessment.states) for a in living] + opened
    over = parents(present, present)
    released = _told_by_ended_parents(open_alerts, ends)
    decisions = [d for key, d in ends.items() if key not in known]
    corrected = {key: d for key, d in ends.items() if key in known}
    for alert in present:
        alert = replace(alert, parent=over.get(alert.key))
        alert = replace(alert, told=_union(alert.told, released.get(alert.key, ()) if alert.parent is None else ()))
        decision = _told(alert, before.get(alert.key), corrected.get(alert.key), now, settings)
        if decision is not None:
            decisions.append(decision)
    return tuple(decisions)


def _ended(alert: Alert, is_there: bool, loud: Finding | None, news: Send | None, now: datetime) -> Decision | None:
    """The end or the correction of an open alert, or None while it goes on."""
    if alert.kind is not FindingKind.GAP:
        if is_there:
            return None
        # A change of provider is a fact and not a state: that it is no longer new is no news.
        told = () if alert.kind is FindingKind.PROVIDER_CHANGE else alert.told
        return Decision(_over(alert, now), AlertEventKind.RESOLVED, told)
    if news is None:
        return None
    if news.at >= alert.found_at:
        return Decision(replace(_over(alert, now), resumed_at=news.at), AlertEventKind.RESOLVED, alert.told, news)
    if loud is not None and news.at <= loud.since + SAME and loud.since < alert.found_at:
        later = replace(alert, since=loud.since, found_at=loud.found_at, finding=loud, updated_at=now)
        return Decision(later, AlertEventKind.CORRECTED, alert.told, news)
    refuted = replace(alert, state=AlertState.RETRACTED, resolved_at=now, resumed_at=news.at, updated_at=now)
    return Decision(refuted, AlertEventKind.CORRECTED, alert.told, news)


def _group_ended(
    alert: Alert, is_there: bool, listed: Finding | None, states: Sequence[StreamState], now: datetime
) -> Decision | None:
    """The end of an alert about a group, with those of its streams that are still silent; None while it goes on."""
    # A whole group that mailed after the alert was opened and is silent again has fallen silent a second time.
    is_whole = listed is not None and names_streams(listed) and listed.kind is not FindingKind.PARTIAL_GROUP_GAP
    is_anew = is_whole and listed is not None and listed.since >= alert.opened_at
    if is_there and not is_anew:
        return None
    named = members(alert)
    known = [s for s in states if s.stream in named]
    back = _back(alert, known)
    if not is_anew and any(s.stream not in back and _is_late(s, now) for s in known):
        return None
    return Decision(_over(alert, now), AlertEventKind.RESOLVED, alert.told, still_silent=tuple(sorted(named - back)))


def _is_late(state: StreamState, now: datetime) -> bool:
    """Whether a stream is silent by its own rhythm too, and has not ended; a weekly list is not late after a day."""
    if state.phase in (StreamPhase.ENDED, StreamPhase.SILENT) or state.gap is None:
        return state.phase is not StreamPhase.ENDED
    return now - state.last_send_at > LATE * state.gap.usual_pause


def _over(alert: Alert, now: datetime) -> Alert:
    return replace(alert, state=AlertState.RESOLVED, resolved_at=now, updated_at=now)


def _is_stale(finding: Finding, news: Send | None) -> bool:
    """True for a gap that was found before the mail that ended it was taken in."""
    return news is not None and finding.since < news.at - SAME


def _new(finding: Finding, now: datetime) -> Alert:
    return Alert(
        id=0,
        key=finding.key,
        kind=finding.kind,
        subject=finding.subject,
        level=finding.level,
        state=AlertState.OPEN,
        since=finding.since,
        found_at=finding.found_at,
        opened_at=now,
        updated_at=now,
        organisation=finding.organisation,
        finding=finding,
    )


def _renewed(alert: Alert, finding: Finding | None, states: Sequence[StreamState]) -> Alert:
    """The alert with its newest finding; a level once reached stays, a gap's begin follows the detector.

    One about a group whose finding is gone, or whose inbox cannot be read any more, goes on with what it knew.
    """
    if names_streams(alert) and (finding is None or not names_streams(finding)):
        return replace(alert, finding=without(alert.finding, _back(alert, states))) if alert.finding else alert
    if finding is None:
        return alert
    left = named_no_more(alert, finding)
    finding = followed(finding, alert, _back(alert, [s for s in states if s.stream in left] if left else ()))
    # A drop is seen in a window that ends now: where it begins moves on with every look.
    since = alert.since if alert.kind is FindingKind.VOLUME_DROP else finding.since
    return replace(alert, finding=finding, since=since, level=max(alert.level, finding.level))


def _back(alert: Alert, states: Iterable[StreamState]) -> set[str]:
    """Those that have mailed since the silence began."""
    return {s.stream for s in states if s.last_send_at > alert.since + SAME}


def _told(
    alert: Alert, before: Alert | None, correction: Decision | None, now: datetime, settings: AlertSettings
) -> Decision | None:
    """The decision about a living alert: who hears of it now, or a quiet update, or None where nothing changed."""
    if correction is not None:
        return Decision(alert, correction.event, correction.channels, correction.send)
    raised = before is not None and alert.level > before.level
    is_quiet = alert.parent is not None or (alert.muted_until is not None and now < alert.muted_until)
    due: tuple[str, ...] = ()
    if not is_quiet:
        again = channels_that_want_raises(alert, settings.routes) if raised and alert.state is AlertState.OPEN else frozenset()
        due = tuple(c for c in channels_for(alert, settings.routes) if c not in alert.told or c in again)
    told = _union(alert.told, due)
    if before is None:
        return Decision(replace(alert, told=told), AlertEventKind.OPENED, due)
    if raised:
        return Decision(replace(alert, told=told, updated_at=now), AlertEventKind.RAISED, due)
    if due:  # a mute ended, a parent ended, or a route is new: these channels hear of it first now
        return Decision(replace(alert, told=told, updated_at=now), AlertEventKind.OPENED, due)
    is_same = replace(alert, finding=before.finding) == before and members(alert) == members(before)
    if not is_same or now - before.updated_at >= REFRESH:
        return Decision(replace(alert, updated_at=now))
    return None


def _told_by_ended_parents(open_alerts: Sequence[Alert], ends: Mapping[str, Decision]) -> dict[str, tuple[str, ...]]:
    """Channels per child that read of it in the end of its parent, whose text names those that are still silent."""
    return {
        a.key: ends[a.parent].channels
        for a in open_alerts
        if a.parent is not None and a.parent in ends and a.subject in ends[a.parent].still_silent
    }


def _union(first: tuple[str, ...], second: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))
