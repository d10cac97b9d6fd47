"""The pages over HTTP, as a reader, a scraper, a health check and a hostile sender meet them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from monitor.errors import StoreError
from monitor.model import FindingKind, StreamPhase
from monitor.show.snapshot import Snapshot, SnapshotSource
from monitor.show.web import POLICY
from tests.servers.pages import Serve
from tests.show.snapshots import EMPTY, EXACTTARGET, NOW, VICTORY, FakeSource, all_wrong, calm, history, inbox, send, silent

HOSTILE = "<script>alert(1)</script>\u202egpj.exe \"'><img src=https://evil.example/x onerror=alert(1)>"


@pytest.fixture(scope="module")
def get(serve: Serve) -> Callable[[SnapshotSource, str], httpx.Response]:
    def fetch(source: SnapshotSource, path: str) -> httpx.Response:
        return httpx.get(serve(source) + path, timeout=30)

    return fetch


Get = Callable[[SnapshotSource, str], httpx.Response]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (FakeSource(EMPTY), "No seed inboxes yet"),
        (calm(), "All 7 lists are mailing as usual"),
        (silent(), "Salesforce Marketing Cloud (formerly ExactTarget)"),
        (all_wrong(), "the server refused the password"),
    ],
)
def test_the_first_page_says_how_things_are(get: Get, source: FakeSource, words: str) -> None:
    answer = get(source, "/")
    assert answer.status_code == 200
    assert words in answer.text


def test_the_first_page_does_not_deny_that_time_before_the_first_look_counts(get: Get) -> None:
    text = get(silent(), "/").text
    assert "Since we began to look, only such time counts as silence." in text


@pytest.mark.parametrize(
    ("blind", "fails", "word"),
    [(True, True, "blind now"), (False, True, "last poll failed"), (False, False, "reading")],
)
def test_an_inbox_is_blind_failing_or_read(get: Get, blind: bool, fails: bool, word: str) -> None:
    shown = replace(inbox("one", blind=True), blind=blind)
    if not fails:
        shown = replace(shown, last_failure=None)
    text = get(FakeSource(replace(EMPTY, inboxes=(shown,))), "/").text
    words = [known for known in ("blind now", "last poll failed", "reading") if f">{known}</span>" in text]
    assert words == [word]


def test_the_stream_s_page_has_rhythm_evidence_and_subjects(get: Get) -> None:
    text = get(silent(), f"/streams/{VICTORY}").text
    for words in (
        "about 15 a day",
        "We cannot offer this to everyone",
        "xt.local",
        "none of it is signed",
        "10dkim1",
        "relaxed: the same organisation",
        "once in about 3 years",
        "Mail was expected",
        "14 hours by day, 19 hours by night",
        "All lists together mail about as usual now.",
    ):
        assert words in text


def test_the_page_of_a_list_that_is_being_learned_claims_no_rhythm(get: Get) -> None:
    source = silent()
    learning = tuple(replace(s, phase=StreamPhase.LEARNING) if s.stream == VICTORY else s for s in source.now.states)
    now = replace(source.now, assessment=replace(source.now.assessment, states=learning))
    text = get(replace(source, now=now), f"/streams/{VICTORY}").text
    assert "Too few sends so far" in text
    for claim in ("own rhythm", "Usual pause", "Mail was expected"):
        assert claim not in text


def test_the_page_of_a_list_that_ended_before_it_was_learned_claims_no_rhythm(get: Get) -> None:
    source = silent()
    state = next(s for s in source.now.states if s.stream == VICTORY)
    assert state.gap is not None
    gap = replace(state.gap, return_period_years=0.0)
    ended = replace(state, phase=StreamPhase.ENDED, return_period_years=0.0, gap=gap)
    now = replace(source.now, assessment=replace(source.now.assessment, states=(ended,), findings=()), alerts=())
    text = get(replace(source, now=now), f"/streams/{VICTORY}").text
    assert "no alert comes of it" in text
    assert "own rhythm" not in text
    assert "would have been usual" not in text


@pytest.mark.parametrize("path", ["/", f"/streams/{VICTORY}"])
def test_no_page_calls_a_silence_improbable_that_only_the_settings_make_an_alarm(get: Get, path: str) -> None:
    source = silent()
    state = next(s for s in source.now.states if s.stream == VICTORY)
    assert state.gap is not None
    gap = replace(state.gap, return_period_years=0.0005, by_limit=True)
    (finding,) = source.now.assessment.findings
    (shown,) = source.now.alerts
    alert = replace(shown, alert=replace(shown.alert, finding=replace(finding, gap=gap)))
    judged = replace(source.now.assessment, states=(replace(state, gap=gap, return_period_years=0.0005),))
    text = get(replace(source, now=replace(source.now, assessment=judged, alerts=(alert,))), path).text
    assert "that it is improbable" not in text
    assert "as long as the settings allow" in text
    assert "a silence this long is usual here" in text


def test_the_alert_s_page_has_its_text_evidence_and_who_was_told(get: Get) -> None:
    text = get(silent(), "/alerts/1").text
    for words in ("What we cannot know", "168 polls", "xt.local", "newsroom", "sent 7 Jan, 08:22 UTC"):
        assert words in text


@pytest.mark.parametrize(
    ("kind", "shaded"), [(FindingKind.GAP, True), (FindingKind.VOLUME_DROP, False), (FindingKind.PROVIDER_CHANGE, False)]
)
def test_the_picture_of_an_alert_shades_silence_only_where_that_is_what_it_tells(
    get: Get, kind: FindingKind, shaded: bool
) -> None:
    source = silent()
    (shown,) = source.now.alerts
    alert = replace(shown, alert=replace(shown.alert, kind=kind))
    text = get(replace(source, now=replace(source.now, alerts=(alert,))), "/alerts/1").text
    assert (">silent for 34 hours<" in text) == shaded


@pytest.mark.parametrize(
    "path", ["/", f"/streams/{VICTORY}", "/alerts/1", "/nothing-here", "/metrics", "/api/streams", "/healthz"]
)
def test_every_answer_forbids_scripts_and_foreign_content(get: Get, path: str) -> None:
    headers = get(silent(), path).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_policy_allows_nothing_but_our_own_style_and_icon() -> None:
    rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert rules.pop("style-src") == "'self'"
    assert rules.pop("img-src") == "'self'"
    assert set(rules.values()) == {"'none'"}


@pytest.mark.parametrize("path", ["/", f"/streams/{VICTORY}", "/alerts/1"])
def test_pages_hold_no_script_and_no_inline_style(get: Get, path: str) -> None:
    text = get(silent(), path).text
    assert "<script" not in text
    assert " style=" not in text
    assert "<style" not in text


def test_a_hostile_subject_is_shown_as_text(get: Get) -> None:
    source = silent()
    sends = {**history(), VICTORY: [send(1, VICTORY, "donaldtrump.com", NOW - timedelta(hours=34), EXACTTARGET, subject=HOSTILE)]}
    text = get(FakeSource(source.now, sends), f"/streams/{VICTORY}").text
    assert "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;gpj.exe" in text
    assert "<script" not in text
    assert "<img" not in text
    assert "\u202e" not in text


SES = replace(EXACTTARGET, platform=None, delivery="Amazon SES")


def test_a_list_that_uses_several_houses_shows_the_share_of_each(get: Get) -> None:
    at = NOW - timedelta(hours=34)
    mixed = [
        send(number, VICTORY, "donaldtrump.com", at - timedelta(days=number), SES if number == 3 else EXACTTARGET)
        for number in (3, 2, 1, 0)
    ]
    text = get(FakeSource(silent().snapshot(), {**history(), VICTORY: mixed}), f"/streams/{VICTORY}").text
    assert f"75% through {EXACTTARGET.delivery}, 25% through Amazon SES" in text
    assert "of the mails in these four weeks" not in get(silent(), f"/streams/{VICTORY}").text.lower()


def test_a_subject_shows_no_seed_address_and_no_link_with_a_token(get: Get) -> None:
    subject = "Hi seed.one%40example.org, www.click.example/u/TOK12345"
    sends = {**history(), VICTORY: [send(1, VICTORY, "donaldtrump.com", NOW - timedelta(hours=34), EXACTTARGET, subject=subject)]}
    text = get(FakeSource(silent().snapshot(), sends), f"/streams/{VICTORY}").text
    assert "Hi …@example.org, www.click.example/…" in text
    assert "TOK12345" not in text


def test_a_note_shows_no_link_with_a_token_on_the_page_and_in_the_api(get: Get) -> None:
    source = all_wrong()
    note = "the server said https://accounts.example.com/continue?plt=TOK12345 to seed.one@example.org"
    alerts = tuple(
        replace(s, alert=replace(s.alert, finding=replace(s.alert.finding, note=note))) if s.alert.finding else s
        for s in source.now.alerts
    )
    findings = tuple(replace(f, note=note) for f in source.now.assessment.findings)
    noted = FakeSource(
        replace(source.now, alerts=alerts, assessment=replace(source.now.assessment, findings=findings)), history()
    )
    for path in ("/", "/api/gaps?all=true"):
        text = get(noted, path).text
        assert "accounts.example.com/…" in text, path
        assert "TOK12345" not in text, path
        assert "seed.one" not in text, path


def test_a_hostile_stream_provider_and_alert_are_shown_as_text(get: Get) -> None:
    now = silent().now
    states = tuple(replace(s, stream=HOSTILE, organisation=HOSTILE + ".") if s.stream == VICTORY else s for s in now.states)
    shown = replace(
        now.alerts[0], title=HOSTILE, text=HOSTILE, alert=replace(now.alerts[0].alert, subject=HOSTILE, comment=HOSTILE)
    )
    hostile = replace(
        now,
        assessment=replace(now.assessment, states=states),
        alerts=(shown,),
        providers={HOSTILE: replace(EXACTTARGET, label=HOSTILE)},
    )
    source = FakeSource(hostile, {HOSTILE: history()[VICTORY]})
    for path in (
        "/",
        "/alerts/1",
        "/streams/" + httpx.URL("http://x/", params={"q": HOSTILE}).query.decode()[2:].replace("+", "%20"),
    ):
        answer = get(source, path)
        assert answer.status_code == 200, path
        assert "<script" not in answer.text
        assert "<img" not in answer.text
        assert "\u202e" not in answer.text.replace("%E2%80%AE", "")


@pytest.mark.parametrize("path", ["/streams/nobody.example", "/alerts/99", "/nowhere", "/streams/%3Cscript%3E"])
def test_what_does_not_exist_is_a_readable_404(get: Get, path: str) -> None:
    answer = get(silent(), path)
    assert answer.status_code == 404
    assert "Back to all lists" in answer.text
    assert "<script" not in answer.text


def test_an_unknown_api_path_answers_in_json(get: Get) -> None:
    answer = get(silent(), "/api/nothing")
    assert (answer.status_code, answer.json()) == (404, {"error": "Not Found"})


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/alerts/99999999999999999999999", 404),
        ("/alerts/9223372036854775808", 404),
        ("/alerts/0", 404),
        ("/alerts/x", 404),
        ("/?refresh=1", 422),
        ("/?refresh=%3Cscript%3E", 422),
    ],
)
def test_what_cannot_be_asked_for_is_said_on_a_page(get: Get, path: str, status: int) -> None:
    answer = get(silent(), path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "Back to all lists" in answer.text
    assert "<script" not in answer.text


def test_errors_of_the_api_have_one_shape(get: Get) -> None:
    answer = get(silent(), "/api/gaps?all=perhaps")
    assert answer.status_code == 422
    assert list(answer.json()) == ["error"]
    assert "all: " in answer.json()["error"]


def test_metrics_are_served_in_the_text_format(get: Get) -> None:
    answer = get(silent(), "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert f'gonequiet_stream_state{{state="silent",stream="{VICTORY}"}} 1.0' in answer.text
    assert "process_resident_memory_bytes" in answer.text


def test_health_is_good_while_the_scheduler_ticks(get: Get) -> None:
    assert get(calm(), "/healthz").status_code == 200


def test_health_is_bad_once_the_scheduler_has_stood_still(get: Get) -> None:
    at_the_limit, beyond = calm(), calm()
    at_the_limit.beat = NOW - timedelta(minutes=2)
    beyond.beat = NOW - timedelta(minutes=2, seconds=1)
    assert get(at_the_limit, "/healthz").status_code == 200
    answer = get(beyond, "/healthz")
    assert answer.status_code == 503
    assert "has not ticked since 8 Jan, 04:37 UTC" in answer.text


def test_a_standstill_is_told_on_the_first_page_too(get: Get) -> None:
    source = calm()
    source.beat = NOW - timedelta(hours=1)
    assert "GoneQuiet itself is not at work: the scheduler has not ticked since 8 Jan, 03:40 UTC" in get(source, "/").text


def test_health_is_bad_once_nothing_could_be_stored_for_more_than_five_minutes(get: Get) -> None:
    at_the_limit, beyond = calm(), calm()
    at_the_limit.unsaved = NOW - timedelta(minutes=5)
    beyond.unsaved = NOW - timedelta(minutes=5, seconds=1)
    assert get(at_the_limit, "/healthz").status_code == 200
    answer = get(beyond, "/healthz")
    assert answer.status_code == 503
    assert "nothing that was read could be stored since 8 Jan, 04:34 UTC" in answer.text
    assert "GoneQuiet itself is not at work: nothing that was read could be stored since 8 Jan" in get(beyond, "/").text


def test_a_store_that_cannot_be_read_is_said_in_words(get: Get) -> None:
    class Broken(FakeSource):
        def snapshot(self) -> Snapshot:
            raise StoreError("data/gonequiet.db: the disk is full; free some space")

    source = Broken(EMPTY)
    assert get(source, "/").status_code == 503
    assert "the disk is full; free some space" in get(source, "/").text
    assert get(source, "/api/streams").json() == {"error": "data/gonequiet.db: the disk is full; free some space"}
    assert get(source, "/metrics").status_code == 503


def test_the_api_gives_the_rows_of_the_command_line(get: Get) -> None:
    source = all_wrong()
    assert get(source, "/api/streams").json()[0]["stream"] == VICTORY
    assert [row["key"] for row in get(source, "/api/gaps").json()] == [f"gap:{VICTORY}"]
    assert len(get(source, "/api/gaps?all=true").json()) == 7
    assert [row["id"] for row in get(source, "/api/alerts").json()] == [1, 2]
    assert json.loads(get(source, "/api/openapi.json").text)["info"]["title"] == "GoneQuiet"


def test_a_wrong_question_gets_the_answer_that_the_description_of_the_api_gives(get: Get) -> None:
    answer = get(calm(), "/api/gaps?all=perhaps")
    assert answer.status_code == 422
    described = get(calm(), "/api/openapi.json").json()
    answers = described["paths"]["/api/gaps"]["get"]["responses"]
    assert answers["422"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert list(described["components"]["schemas"]["Problem"]["properties"]) == list(answer.json()) == ["error"]


def test_a_wall_screen_can_ask_for_a_page_that_renews_itself(get: Get) -> None:
    assert '<meta http-equiv="refresh" content="30">' in get(calm(), "/?refresh=30").text
    assert "http-equiv" not in get(calm(), "/").text
    assert get(calm(), "/?refresh=0").status_code == 422


def test_the_style_sheet_and_the_icon_are_ours(get: Get) -> None:
    sheet = get(calm(), "/static/style.css")
    assert sheet.headers["content-type"].startswith("text/css")
    assert "url(" not in sheet.text
    assert "@import" not in sheet.text
    assert get(calm(), "/static/icon.svg").headers["content-type"] == "image/svg+xml"
