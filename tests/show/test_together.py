"""Lists that are silent together are counted one by one, named under what they share, and told of once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.model import Finding, FindingKind, Level, StreamPhase
from monitor.show.pages import headline, stream_lines
from monitor.show.snapshot import ShownAlert, Snapshot
from monitor.show.together import leading, named_together
from monitor.show.views import gap_rows
from tests.show.snapshots import NOW, calm, gap_finding, history, shown_alert, silent

MEMBERS = ("campaigns.rnchq.com", "teamhagerty.com", "traceymann.com")
GROUP = Finding(
    kind=FindingKind.PARTIAL_GROUP_GAP,
    key="partial_group_gap:delivery:Mailchimp",
    subject="Mailchimp",
    level=Level.ALERT,
    since=NOW - timedelta(days=2),
    found_at=NOW - timedelta(days=1),
    members=MEMBERS,
    unsure=MEMBERS[2:],
)


def with_alerts(*alerts: ShownAlert, late: tuple[str, ...] = ()) -> Snapshot:
    now = calm().now
    states = tuple(replace(s, phase=StreamPhase.WATCH) if s.stream in late else s for s in now.states)
    return replace(now, alerts=alerts, assessment=replace(now.assessment, states=states))


def of_one(stream: str, parent: str | None = None) -> ShownAlert:
    shown = shown_alert(2, finding=replace(gap_finding(history()), subject=stream, key=f"gap:{stream}"))
    return replace(shown, alert=replace(shown.alert, parent=parent))


def test_the_headline_counts_the_lists_of_a_group_and_not_the_group() -> None:
    said = headline(with_alerts(shown_alert(finding=GROUP), of_one("standupforliberty.net")))
    assert said.title == "4 lists have gone quiet: 3 lists of Mailchimp and standupforliberty.net"


def test_what_another_alert_speaks_for_is_not_told_beside_it() -> None:
    group, child = shown_alert(finding=GROUP), of_one(MEMBERS[0], parent=GROUP.key)
    assert leading([group, child]) == [group]
    assert leading([child]) == [child]
    assert headline(with_alerts(group, child)).title.startswith("No mail seen from several lists at once (Mailchimp)")


def test_a_list_that_an_alert_about_several_names_is_not_called_merely_late() -> None:
    now = with_alerts(shown_alert(finding=GROUP), late=MEMBERS)
    assert named_together(now) == set(MEMBERS[:2])
    words = {line.stream: line.phase_word for line in stream_lines(now, {})}
    assert [words[name] for name in MEMBERS] == ["silent with others", "silent with others", "late"]
    assert headline(now).lines == ("Lists: 4 mailing as usual, 1 late.",)


def test_an_inbox_that_no_mail_reaches_is_the_headline_and_not_its_lists() -> None:
    inbox = replace(GROUP, kind=FindingKind.INBOX_BLIND, key="inbox_blind:quiet-1", subject="quiet-1", members=MEMBERS)
    title = "No mail of its lists has reached seed inbox quiet-1 since 6 Jan 2021, 04:40 UTC"
    said = headline(with_alerts(shown_alert(title=title, finding=inbox), of_one(MEMBERS[0], parent=inbox.key), late=MEMBERS))
    assert (said.tone, said.title) == ("blind", title)
    assert said.lines == ("Lists: 4 mailing as usual, 3 late.",)


@pytest.mark.parametrize("found_at", [NOW, NOW - timedelta(hours=1)])
def test_a_gap_was_found_when_its_alert_says_however_often_it_is_looked_at(found_at: datetime) -> None:
    now = silent().now
    finding = replace(now.assessment.findings[0], found_at=found_at)
    now = replace(now, assessment=replace(now.assessment, findings=(finding,)))
    assert gap_rows(now)[0]["found_at"] == "2021-01-07T08:22:46Z"
