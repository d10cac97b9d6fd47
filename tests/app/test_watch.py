"""Watch: what it reads of the store from round to round, and what it says of inboxes that show nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.alert.grouping import members
from monitor.app.ingest import Reader
from monitor.app.rebuilding import rebuild
from monitor.app.session import Session, open_session
from monitor.app.watch import tells_silence
from monitor.collect.tokens import TokenFile, Tokens, must_log_in
from monitor.model import CoverageKind, FailureCause, Finding, FindingKind, Level, PollFailure, Send
from monitor.settings import CollectSettings, GapSettings, InboxSettings, OAuthSettings, Settings, StreamSettings
from monitor.store.store import Store
from tests.store.build import HOUR, MINUTE, NOON, a_copy, a_visit

LIVE, LATER = CoverageKind.LIVE, CoverageKind.RETROSPECTIVE


def inbox(name: str, *, enabled: bool = True, poll_every: timedelta | None = None) -> InboxSettings:
    return InboxSettings(
        name=name, host="imap.example.org", user=name, password_env="UNUSED", enabled=enabled, poll_every=poll_every
    )


def settings(folder: Path, *inboxes: InboxSettings) -> Settings:
    return Settings(data_dir=folder, inboxes=inboxes, collect=CollectSettings(poll_every=timedelta(minutes=5)))


def blind(session: Session, hours: float) -> list[str]:
    """Keys of the findings about inboxes, so many hours after noon."""
    found = session.watch().assess(NOON + hours * HOUR).findings
    return [finding.key for finding in found if finding.kind is FindingKind.INBOX_BLIND]


def test_what_a_long_backlog_proved_is_taken_in_although_others_are_further(tmp_path: Path) -> None:
    with open_session(settings(tmp_path, inbox("slow"), inbox("quick"))) as session:
        watch, store = session.watch(), session.store
        store.save_visit(a_visit(inbox="slow", at=NOON, since=NOON - HOUR, kind=LIVE), [])
        store.save_visit(a_visit(inbox="quick", at=NOON + 2 * HOUR, since=NOON - HOUR, kind=LIVE), [])
        assert [f.subject for f in watch.assess(NOON + 2 * HOUR).findings] == ["slow"]
        store.save_visit(a_visit(inbox="slow", at=NOON + 1.5 * HOUR, since=NOON, kind=LATER), [])
        assert watch.assess(NOON + 2 * HOUR + MINUTE).findings == ()


def test_an_inbox_is_blind_an_hour_after_its_last_proof(tmp_path: Path) -> None:
    with open_session(settings(tmp_path, inbox("one"), inbox("two"))) as session:
        session.store.save_visit(a_visit(inbox="one", at=NOON, since=NOON - HOUR), [])
        session.store.save_visit(a_visit(inbox="two", at=NOON + 2 * HOUR, since=NOON - HOUR), [])
        assert blind(session, 0.9) == []
        assert blind(session, 2) == ["inbox_blind:one"]


def test_an_inbox_that_is_polled_seldom_is_blind_after_three_polls(tmp_path: Path) -> None:
    with open_session(settings(tmp_path, inbox("seldom", poll_every=timedelta(hours=6)))) as session:
        session.store.save_visit(a_visit(inbox="seldom", at=NOON, since=NOON - HOUR), [])
        assert blind(session, 17) == []
        assert blind(session, 18) == ["inbox_blind:seldom"]


def test_an_inbox_that_is_polled_no_more_is_not_told_of(tmp_path: Path) -> None:
    with open_session(settings(tmp_path, inbox("retired", enabled=False), inbox("kept"))) as session:
        for name in ("retired", "removed", "kept"):
            session.store.save_visit(a_visit(inbox=name, at=NOON, since=NOON - HOUR), [])
        assert blind(session, 24) == ["inbox_blind:kept"]


@pytest.mark.parametrize(("hours", "told"), [(0.9, []), (1, ["inbox_blind:new"]), (48, ["inbox_blind:new"])])
def test_an_inbox_that_could_never_be_read_is_told_of_after_an_hour(hours: float, told: list[str], tmp_path: Path) -> None:
    with open_session(settings(tmp_path, inbox("new"))) as session:
        for minutes in (0, 15, 45):
            failure = PollFailure("new", None, NOON + minutes * MINUTE, FailureCause.LOGIN, "refused")
            session.store.record_failure(failure)
        assert blind(session, hours) == told


def test_one_good_look_proves_nothing_and_an_inbox_that_fails_since_is_told_of(tmp_path: Path) -> None:
    with open_session(settings(tmp_path, inbox("once"), inbox("well"))) as session:
        session.store.save_visit(a_visit(inbox="once", at=NOON), [])
        session.store.save_visit(a_visit(inbox="well", at=NOON + 2 * HOUR, since=NOON), [])
        session.store.record_failure(PollFailure("once", None, NOON + MINUTE, FailureCause.LOGIN, "refused"))
        assert blind(session, 2) == ["inbox_blind:once"]


def test_inboxes_of_one_server_that_are_refused_are_also_one_finding_which_speaks_for_them(tmp_path: Path) -> None:
    with open_session(settings(tmp_path, inbox("one"), inbox("two"), inbox("three"))) as session:
        for name in ("one", "two"):
            session.store.save_visit(a_visit(inbox=name, at=NOON, since=NOON - HOUR), [])
            session.store.record_failure(PollFailure(name, None, NOON + MINUTE, FailureCause.TIMEOUT, "no answer"))
        session.store.save_visit(a_visit(inbox="three", at=NOON + 2 * HOUR, since=NOON - HOUR), [])
        server = "inbox_blind:server:imap.example.org"
        assert blind(session, 2) == ["inbox_blind:one", "inbox_blind:two", server]
        session.watch().round(NOON + 2 * HOUR)
        alerts = {alert.key: alert for alert in session.store.alerts()}
        assert [alerts[f"inbox_blind:{name}"].parent for name in ("one", "two")] == [server, server]
        assert alerts[server].parent is None


def by_token(name: str, folder: Path) -> InboxSettings:
    oauth = OAuthSettings(provider="google", client_id="x", client_secret_env="UNUSED", token_file=folder / name)
    return inbox(name).model_copy(update={"oauth": oauth, "password_env": None})


def test_a_login_that_its_provider_has_ended_is_one_notice_and_comes_at_once(tmp_path: Path) -> None:
    with open_session(settings(tmp_path, by_token("ended", tmp_path), inbox("well"))) as session:
        session.store.save_visit(a_visit(inbox="ended", at=NOON, since=NOON - HOUR), [])
        session.store.save_visit(a_visit(inbox="well", at=NOON + 2 * HOUR, since=NOON - HOUR), [])
        refused = must_log_in("ended", "the authorization server refuses the login (invalid_grant)")
        session.store.record_failure(PollFailure("ended", None, NOON + MINUTE, refused.cause, refused.reason, retryable=False))
        watch = session.watch()
        watch.round(NOON + 2 * MINUTE)
        assert [(alert.key, alert.parent) for alert in session.store.alerts()] == [("password_expires:ended", None)]
        watch.round(NOON + 2 * HOUR)
        alerts = {alert.key: alert for alert in session.store.alerts()}
        assert alerts["inbox_blind:ended"].parent == "password_expires:ended"
        assert alerts["inbox_blind:ended"].told == ()


def test_logins_that_one_provider_has_ended_are_one_notice_which_names_it(tmp_path: Path) -> None:
    names = ("one", "two", "three")
    with open_session(settings(tmp_path, *(by_token(name, tmp_path) for name in names), inbox("well"))) as session:
        watch = session.watch()
        session.store.save_visit(a_visit(inbox="well", at=NOON + 3 * HOUR, since=NOON - HOUR), [])
        for minutes, name in zip((1, 4, 30), names, strict=True):
            watch.round(NOON + (minutes - 1) * MINUTE)
            session.store.save_visit(a_visit(inbox=name, at=NOON, since=NOON - HOUR), [])
            refused = must_log_in(name, "the authorization server refuses the login (invalid_grant)")
            at = NOON + minutes * MINUTE
            session.store.record_failure(PollFailure(name, None, at, refused.cause, refused.reason, retryable=False))
        watch.round(NOON + 2 * HOUR)
        google = "password_expires:authorization:Google (oauth2.googleapis.com)"
        alerts = {alert.key: alert for alert in session.store.alerts()}
        assert {alert.parent for key, alert in alerts.items() if key != google} == {google}
        assert set(alerts) == {google, *(f"{kind}:{name}" for kind in ("password_expires", "inbox_blind") for name in names)}
        assert told(session) == ["The logins of 2 seed inboxes through Google (oauth2.googleapis.com) have ended"]
        assert members(alerts[google]) == set(names)  # the third is told of with them, quietly


@pytest.mark.parametrize("cause", [FailureCause.NETWORK, FailureCause.LOGIN])
def test_an_authorization_server_that_fails_is_one_notice_which_names_it(cause: FailureCause, tmp_path: Path) -> None:
    names = ("one", "two")
    with open_session(settings(tmp_path, *(by_token(name, tmp_path) for name in names), inbox("well"))) as session:
        session.store.save_visit(a_visit(inbox="well", at=NOON + 2 * HOUR, since=NOON - HOUR), [])
        for name in names:
            session.store.save_visit(a_visit(inbox=name, at=NOON, since=NOON - HOUR), [])
            at, server = NOON + MINUTE, "oauth2.googleapis.com"
            session.store.record_failure(PollFailure(name, None, at, cause, "no", server=server))
        session.watch().round(NOON + 2 * HOUR)
        [title] = told(session)
        assert title.startswith("2 seed inboxes that log in through Google (oauth2.googleapis.com) cannot be relied on since")


def test_a_login_by_token_that_will_end_is_told_of_and_explains_no_failure_of_today(tmp_path: Path) -> None:
    seed = by_token("ends", tmp_path)
    with open_session(settings(tmp_path, seed, inbox("well"))) as session:
        assert seed.oauth is not None
        TokenFile("ends", seed.oauth.token_file).save(Tokens("a", NOON, "r", NOON + 7 * 24 * HOUR))
        session.store.save_visit(a_visit(inbox="ends", at=NOON, since=NOON - HOUR), [])
        session.store.save_visit(a_visit(inbox="well", at=NOON + 2 * HOUR, since=NOON - HOUR), [])
        watch = session.watch()
        watch.round(NOON + 2 * HOUR)
        assert {alert.key: alert.parent for alert in session.store.alerts()} == {
            "password_expires:ends": None,
            "inbox_blind:ends": None,
        }


# ------------------------------------------------------------------------------------------ states

DAYS = 40


def a_history(session: Session) -> None:
    """A stream that mails every five hours for forty days, then none for two."""
    sent = [NOON + n * 5 * HOUR for n in range(DAYS * 24 // 5)]
    copies = [a_copy(uid, at, stream="a.example", inbox="one") for uid, at in enumerate(sent, start=1)]
    end = sent[-1] + 48 * HOUR
    session.store.save_visit(a_visit(copies, inbox="one", at=end, since=NOON - HOUR, kind=LIVE), copies)


def no_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where the whole history is asked for."""
    changed = Store.changed_sends

    def changed_sends(store: Store, after: int) -> tuple[tuple[Send, ...], int]:
        assert after, "the whole history was read"
        return changed(store, after)

    monkeypatch.setattr(Store, "changed_sends", changed_sends)


def test_a_start_takes_up_what_was_concluded_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = NOON + DAYS * 24 * HOUR + 20 * HOUR
    with open_session(settings(tmp_path, inbox("one"))) as session:
        a_history(session)
        lived = session.watch()
        first = lived.round(now)
        assert session.store.states()
        later = [(session.watch().assess(at), at) for at in (now, now + 10 * HOUR)]
        no_replay(monkeypatch)
        assert session.watch().assess(now) == first == later[0][0]
        for judged, at in later:
            assert session.watch().assess(at) == judged == lived.assess(at)


@pytest.mark.parametrize("change", ["settings", "older mail", "coverage", "nonsense"])
def test_a_state_that_no_longer_holds_is_not_taken_up(change: str, tmp_path: Path) -> None:
    now = NOON + DAYS * 24 * HOUR
    known = settings(tmp_path, inbox("one"), inbox("two"))
    with open_session(known) as session:
        a_history(session)
        session.watch().round(now)
        store = session.store
        if change == "settings":
            known = known.model_copy(update={"gap": GapSettings(false_alarms_per_sender_year=0.1)})
        elif change == "older mail":
            old = a_copy(1, NOON + HOUR, stream="b.example", inbox="two")
            store.save_visit(a_visit([old], inbox="two", at=now, since=now - HOUR, kind=LATER), [old])
        elif change == "coverage":
            store.save_visit(a_visit(inbox="two", at=NOON + 9 * HOUR, since=NOON, kind=LIVE), [])
        else:
            store.keep_states([(state, b"nonsense") for state in store.states()], [s.hour for s in store.states()])
        resumed = Session(known, store, session.identifier).watch().assess(now)
        store.keep_states([], [])
        assert not store.states()
        assert resumed == Session(known, store, session.identifier).watch().assess(now)


def test_another_version_concludes_anew_and_repeats_no_alert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An update of the program while a list is silent: its states are of no use, and what was told is not told again."""
    with open_session(settings(tmp_path, inbox("one"))) as session:
        a_history(session)
        now = NOON + DAYS * 24 * HOUR + 40 * HOUR
        before = session.watch().round(now)
        alerts, titles = session.store.open_alerts(), told(session)
        assert [a.key for a in alerts] == ["gap:a.example"]
        states = {(s.hour, s.basis) for s in session.store.states()}
        for module in ("monitor.detect.state", "monitor.app.watch"):
            monkeypatch.setattr(f"{module}.version", lambda: "another")
        read: list[int] = []
        changed = Store.changed_sends

        def changed_sends(store: Store, after: int) -> tuple[tuple[Send, ...], int]:
            read.append(after)
            return changed(store, after)

        monkeypatch.setattr(Store, "changed_sends", changed_sends)
        updated = session.watch()
        assert updated.assess(now) == before
        assert read == [0]
        updated.round(now + MINUTE)
        assert [(a.id, a.opened_at, a.level) for a in session.store.open_alerts()] == [
            (a.id, a.opened_at, a.level) for a in alerts
        ]
        assert told(session) == titles
        assert not states & {(s.hour, s.basis) for s in session.store.states()}


def test_a_part_of_a_group_that_is_silent_is_not_told_of_as_sending_less() -> None:
    kind = FindingKind.PARTIAL_GROUP_GAP
    found = Finding(kind=kind, key="p", subject="p", level=Level.ALERT, since=NOON, found_at=NOON, members=("a.example",))
    assert tells_silence(found)
    assert not tells_silence(replace(found, kind=FindingKind.PROVIDER_CHANGE))


def test_a_rebuild_forgets_the_states(tmp_path: Path) -> None:
    with open_session(settings(tmp_path, inbox("one"))) as session:
        a_history(session)
        session.watch().round(NOON + DAYS * 24 * HOUR)
        assert session.store.states()
        batch = session.store.rebuild_next()
        assert batch is not None
        session.store.rebuild_keep(batch, {})
        assert not session.store.states()


# ------------------------------------------------------------------------------------------ what is followed no more


def told(session: Session) -> list[str]:
    """Titles of all notices, in order."""
    notices = [notice for alert in session.store.alerts() for notice in session.store.notices(alert.id)]
    return [notice.title for notice in sorted(notices, key=lambda notice: notice.id)]


@pytest.mark.parametrize("changed", ["ignored", "merged", "merged and not rebuilt yet"])
def test_the_gap_of_a_stream_that_is_followed_no_more_ends_and_is_not_opened_again(changed: str, tmp_path: Path) -> None:
    now = NOON + DAYS * 24 * HOUR + 20 * HOUR
    known = settings(tmp_path, inbox("one"))
    with open_session(known) as session:
        a_history(session)
        session.watch().round(now)
        streams = (StreamSettings(name="other", domains=("a.example",), ignore=changed == "ignored"),)
        after = Session(known.model_copy(update={"streams": streams}), session.store, session.identifier)
        if changed == "merged":
            rebuild(session.store, Reader(session.identifier, after.settings), lambda done, of: None)
        for later in (MINUTE, 2 * HOUR):
            after.watch().round(now + later)
        mine = [title for title in told(session) if "a.example" in title]
        assert [title.partition(" ")[0] for title in mine] == ["No", "a.example"]
        assert mine[1] == "a.example is no longer followed by itself"


@pytest.mark.parametrize("kept", [(), (inbox("two", enabled=False),)])
def test_a_blind_inbox_that_is_taken_out_is_not_said_to_be_mended(kept: tuple[InboxSettings, ...], tmp_path: Path) -> None:
    known = settings(tmp_path, inbox("one"), inbox("two"))
    with open_session(known) as session:
        session.store.save_visit(a_visit(inbox="two", at=NOON, since=NOON - HOUR), [])
        session.store.save_visit(a_visit(inbox="one", at=NOON + 2 * HOUR, since=NOON - HOUR), [])
        session.watch().round(NOON + 2 * HOUR)
        without = known.model_copy(update={"inboxes": (inbox("one"), *kept)})
        Session(without, session.store, session.identifier).watch().round(NOON + 2 * HOUR + MINUTE)
        first, last = told(session)
        assert first.startswith("Seed inbox two cannot be relied on")
        assert last == "Seed inbox two is no longer watched"
