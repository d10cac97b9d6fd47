"""The words of notices, compared with whole texts in `tests/data/alerts/`, with facts present and with facts absent."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.alert.lifecycle import Decision
from monitor.alert.text import Voice, compose, notice_key, write_all, write_notices
from monitor.alert.text_files import load_texts
from monitor.errors import SettingsError
from monitor.model import AlertContext, AlertEventKind, AlertState, Confidence, FindingKind, Level, Trust
from tests.alert.made import LAST, NOW, STREAM, alert, context, evidence, finding, gap_facts, hours, send

DATA = Path(__file__).parent.parent / "data" / "alerts"
TEXTS = load_texts()
VOICE = Voice(TEXTS, ZoneInfo("America/New_York"), "https://gonequiet.example.org/")
OPENED, RAISED, RESOLVED, CORRECTED = (
    AlertEventKind.OPENED,
    AlertEventKind.RAISED,
    AlertEventKind.RESOLVED,
    AlertEventKind.CORRECTED,
)

BACK = send(NOW + hours(2), subject="We are back", platform="Iterable", delivery="Amazon SES")
LATE = send(NOW - hours(5), stored_at=NOW + hours(2))
MEMBERS = ("a.example", "b.example", "c.example")
GROUP = finding(
    FindingKind.GROUP_GAP, "delivery:SendGrid", members=MEMBERS, gap=gap_facts(return_period_years=40.0), organisation=None
)
PARTIAL = finding(
    FindingKind.PARTIAL_GROUP_GAP,
    "organisation:Example Committee",
    members=MEMBERS[:2],
    unsure=MEMBERS[1:2],
    note="We have seen no mail of 2 of the 9 streams of Example Committee since then.",
)
BLIND = finding(FindingKind.INBOX_BLIND, "quiet-1", note="The last 12 polls failed: the server refuses the password.", members=())
ALL_BLIND = finding(
    FindingKind.INBOX_BLIND,
    "all inboxes",
    key="inbox_blind:all",
    note="None of the 2 could be read.",
    members=("quiet-1", "quiet-2"),
)
SERVER_BLIND = finding(
    FindingKind.INBOX_BLIND,
    "mail.example.org",
    key="inbox_blind:server:mail.example.org",
    note="2 seed inboxes at mail.example.org could not be read since then; the last tries failed for: network, timeout.",
    members=("quiet-1", "quiet-2"),
)
PROVIDER_BLIND = finding(
    FindingKind.INBOX_BLIND,
    "Google (oauth2.example.org)",
    key="inbox_blind:authorization:Google (oauth2.example.org)",
    note="2 seed inboxes that log in through Google (oauth2.example.org) could not be read since then; "
    "the last tries failed for: network.",
    members=("quiet-1", "quiet-2"),
)
LOGINS_ENDED = finding(
    FindingKind.PASSWORD_EXPIRES,
    "Google (oauth2.example.org)",
    key="password_expires:authorization:Google (oauth2.example.org)",
    note="2 seed inboxes that log in through Google (oauth2.example.org) cannot log in any more. The last failure of quiet-2: "
    "the authorization server refuses the login (invalid_grant): it has expired or was taken back; run: gonequiet login quiet-2.",
    members=("quiet-1", "quiet-2"),
)
UNREACHED = finding(
    FindingKind.INBOX_BLIND,
    "quiet-1",
    gap=gap_facts(return_period_years=40.0),
    note="No mail of 2 streams has reached this inbox: more likely the inbox than the senders.",
    members=("a.example", "b.example"),
)
OVERDUE = finding(
    FindingKind.CANARY_OVERDUE,
    "quiet-1",
    note="3 canary mails of ours sent since then, and due, have not arrived; the polls work.",
    members=(),
)
ALL_OVERDUE = finding(
    FindingKind.CANARY_OVERDUE,
    "all inboxes",
    key="canary_overdue:all",
    note="No canary mail has reached any of the 2 seed inboxes since then, though all could be read; "
    "what they have in common is the canary account.",
    members=("quiet-1", "quiet-2"),
)
UNSENT = finding(
    FindingKind.CANARY_UNSENT,
    "the canary account",
    key="canary_unsent",
    note="The last try failed: the mail server refuses the user or the password (535 5.7.8 wrong).",
    members=("quiet-1", "quiet-2"),
)
FULL = finding(FindingKind.MAILBOX_FULL, "quiet-1", note="It is 93% full: 93,000 of 100,000 KiB, as its server says.", members=())
EXPIRES = finding(
    FindingKind.PASSWORD_EXPIRES,
    "quiet-1",
    note="By the settings (password_expires) its password ends on 20 January 2021, in 12 days.",
    members=(),
)
CLOSES = finding(
    FindingKind.INBOX_CLOSES,
    "quiet-1",
    note="A person signed in last on 1 February 2020, by the settings (last_signed_in). Mailboxes there are closed after "
    "365 days without that: on 31 January 2021, in 23 days.",
    members=(),
)
SEED = finding(
    FindingKind.SEED_SILENT,
    STREAM,
    note="Inbox quiet-1 has seen none of the last 9 sends, which other inboxes got.",
    members=("quiet-1",),
)
MOVED = finding(FindingKind.PROVIDER_CHANGE, note="It came through ExactTarget until 3 March and comes through Iterable since.")
BROKEN = finding(
    FindingKind.AUTHENTICATION_BROKEN,
    note="DKIM of news.example.org last passed on 5 January 2021; our receivers noted no pass for 4 of 4 sends since.",
)

CASES: dict[str, tuple[Decision, AlertContext]] = {
    "gap-opened": (Decision(alert(), OPENED, ("log",)), context()),
    "gap-opened-little-known": (Decision(alert(finding(gap=None)), OPENED, ("log",)), AlertContext()),
    "gap-opened-back-dated": (
        Decision(alert(finding(gap=gap_facts(covered=hours(30))), found_at=NOW - hours(3)), OPENED, ("log",)),
        context(
            covered_since=hours(30),
            others_sends=0,
            others_streams=0,
            others_last_at=None,
            same_organisation=(send(NOW - hours(2), stream="other.example.org", subject="Still here"),),
            shared_link_hosts={1: ("click.example.org",)},
        ),
    ),
    "gap-opened-by-fixed-hours": (
        Decision(
            alert(finding(gap=gap_facts(return_period_years=0.001, covered=hours(40), by_limit=True)), found_at=NOW - hours(3)),
            OPENED,
            ("log",),
        ),
        context(covered_since=hours(2)),
    ),
    "gap-raised": (Decision(alert(level=Level.CONFIRMED), RAISED, ("log",)), context()),
    "gap-resolved": (
        Decision(alert(state=AlertState.RESOLVED, resumed_at=BACK.at, resolved_at=NOW + hours(3)), RESOLVED, ("log",), BACK),
        context(),
    ),
    "gap-retracted": (
        Decision(alert(state=AlertState.RETRACTED, resumed_at=LATE.at, resolved_at=NOW + hours(3)), CORRECTED, ("log",), LATE),
        context(),
    ),
    "gap-corrected-still-open": (Decision(alert(since=LATE.at), CORRECTED, ("log",), LATE), context()),
    "group-opened": (Decision(alert(GROUP), OPENED, ("log",)), context(last_send=None, last_evidence=())),
    "group-resolved": (Decision(alert(GROUP, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)), AlertContext()),
    "group-resolved-in-part": (
        Decision(
            alert(replace(GROUP, members=MEMBERS[:1], resumed=MEMBERS[1:]), state=AlertState.RESOLVED, resolved_at=NOW),
            RESOLVED,
            ("log",),
            still_silent=MEMBERS[:1],
        ),
        AlertContext(),
    ),
    "stream-unfollowed": (
        Decision(alert(state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",), is_unfollowed=True),
        AlertContext(),
    ),
    "inbox-unfollowed": (
        Decision(alert(BLIND, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",), is_unfollowed=True),
        AlertContext(),
    ),
    "inbox-opened": (Decision(alert(BLIND), OPENED, ("log",)), AlertContext()),
    "inbox-resolved": (Decision(alert(BLIND, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)), AlertContext()),
    "inbox-unreached-opened": (Decision(alert(UNREACHED), OPENED, ("log",)), AlertContext()),
    "inbox-unreached-resolved": (
        Decision(alert(UNREACHED, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)),
        AlertContext(),
    ),
    "inboxes-opened": (Decision(alert(ALL_BLIND), OPENED, ("log",)), AlertContext()),
    "inboxes-resolved": (
        Decision(alert(ALL_BLIND, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)),
        AlertContext(),
    ),
    "server-opened": (Decision(alert(SERVER_BLIND), OPENED, ("log",)), AlertContext()),
    "server-resolved": (
        Decision(alert(SERVER_BLIND, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)),
        AlertContext(),
    ),
    "provider-opened": (Decision(alert(PROVIDER_BLIND), OPENED, ("log",)), AlertContext()),
    "provider-resolved": (
        Decision(alert(PROVIDER_BLIND, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)),
        AlertContext(),
    ),
    "logins-ended": (Decision(alert(LOGINS_ENDED), OPENED, ("log",)), AlertContext()),
    "logins-over": (
        Decision(alert(LOGINS_ENDED, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)),
        AlertContext(),
    ),
    "canary-opened": (Decision(alert(OVERDUE), OPENED, ("log",)), AlertContext()),
    "canary-resolved": (Decision(alert(OVERDUE, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)), AlertContext()),
    "canary-all-opened": (Decision(alert(ALL_OVERDUE), OPENED, ("log",)), AlertContext()),
    "canary-all-resolved": (
        Decision(alert(ALL_OVERDUE, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)),
        AlertContext(),
    ),
    "canary-account-opened": (Decision(alert(UNSENT), OPENED, ("log",)), AlertContext()),
    "canary-account-resolved": (
        Decision(alert(UNSENT, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)),
        AlertContext(),
    ),
    "mailbox-full": (Decision(alert(FULL), OPENED, ("log",)), AlertContext()),
    "mailbox-full-over": (Decision(alert(FULL, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)), AlertContext()),
    "password": (Decision(alert(EXPIRES), OPENED, ("log",)), AlertContext()),
    "password-over": (Decision(alert(EXPIRES, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)), AlertContext()),
    "inbox-closes": (Decision(alert(CLOSES), OPENED, ("log",)), AlertContext()),
    "inbox-closes-over": (
        Decision(alert(CLOSES, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)),
        AlertContext(),
    ),
    "group-partial": (Decision(alert(PARTIAL), OPENED, ("log",)), AlertContext()),
    "seed-opened": (Decision(alert(SEED), OPENED, ("log",)), AlertContext()),
    "seed-resolved": (Decision(alert(SEED, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)), AlertContext()),
    "provider-change": (Decision(alert(MOVED), OPENED, ("log",)), context(confidence=Confidence.CERTAIN)),
    "provider-change-over": (
        Decision(alert(MOVED, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)),
        AlertContext(),
    ),
    "authentication-broken": (Decision(alert(BROKEN), OPENED, ("log",)), context(confidence=Confidence.CERTAIN)),
    "authentication-mended": (
        Decision(alert(BROKEN, state=AlertState.RESOLVED, resolved_at=NOW), RESOLVED, ("log",)),
        AlertContext(),
    ),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_each_notice_reads_as_agreed(name: str) -> None:
    decision, known = CASES[name]
    wording = compose(decision, known, NOW if decision.event in (OPENED, RAISED) else NOW + hours(3), VOICE)
    assert f"{wording.title}\n\n{wording.text}" == (DATA / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(CASES))
def test_html_says_the_same_words_as_the_text(name: str) -> None:
    decision, known = CASES[name]
    wording = compose(decision, known, NOW, VOICE)
    body = wording.html.partition("<body")[2].partition(">")[2]
    in_html = unescape(re.sub(r"<[^>]+>", " ", body)).lower().split()
    in_text = re.sub(r"(?m)^- ", "", f"{wording.title}\n{wording.text}").lower().split()
    assert in_html == in_text


@pytest.mark.parametrize("kind", FindingKind)
@pytest.mark.parametrize("event", [OPENED, RAISED, RESOLVED])
def test_every_kind_has_words_for_every_event_it_can_have(kind: FindingKind, event: AlertEventKind) -> None:
    wording = compose(Decision(alert(finding(kind, "it")), event), AlertContext(), NOW, VOICE)
    assert "it" in wording.title.split() or "it:" in wording.title.split()


CLAIMS = """
cut off|cutoff|banned|deplatform|censor|suspend|terminated|kicked|blocked|blacklist|shut down|shutdown|silenced|dropped by
stopped sending because|stopped mailing because|refused to send|because of|due to|in response to|punish|spammer|violated|illegal
"""


@pytest.mark.parametrize("file", sorted((Path(__file__).parents[2] / "config" / "texts").iterdir()), ids=lambda file: file.name)
def test_no_text_claims_a_cause(file: Path) -> None:
    words = " ".join(re.sub(r"\{[%{].*?[%}]\}", " ", file.read_text(encoding="utf-8")).lower().split())
    assert [claim for claim in re.split(r"[|\n]", CLAIMS.strip()) if claim in words] == []


@pytest.mark.parametrize(
    ("known", "absent"),
    [
        (context(last_send=None), ("with the subject", "came through", "rests on", "Where it lay")),
        (
            context(last_send=send(NOW)),
            ("with the subject", "came through", "rests on"),
        ),  # another mail than the last one told of
        (context(last_send=send(LAST, platform=None, delivery=None)), ("came through", "rests on")),
        (context(confidence=None), ("likely",)),
        (context(last_evidence=()), ("rests on",)),
        (context(polls_since=0), ("without an error",)),
        (context(inboxes=(), others_sends=0, others_last_at=None), ("seed inboxes:", "WHAT ELSE")),
        (context(last_send=send(LAST, subject=None)), ("with the subject",)),
        (context(last_send=send(LAST, placements={})), ("Where it lay",)),
    ],
)
def test_what_is_not_known_is_left_out(known: AlertContext, absent: tuple[str, ...]) -> None:
    full = compose(Decision(alert(), OPENED), context(), NOW, VOICE).text
    text = compose(Decision(alert(), OPENED), known, NOW, VOICE).text
    assert all(words not in text for words in absent)
    assert "None" not in text
    assert any(words in full for words in absent)


@pytest.mark.parametrize("of", ["gap-opened", "group-opened"])
def test_that_nothing_else_arrived_is_seen_and_what_it_may_mean_is_inferred(of: str) -> None:
    nothing = context(others_sends=0, others_streams=0, others_last_at=None)
    seen, inferred = compose(CASES[of][0], nothing, NOW, VOICE).text.split("WHAT WE INFER")
    assert "- Nothing from other senders meanwhile\n" in seen
    assert "fault of the inboxes" not in seen
    assert "a fault of the inboxes themselves is not excluded" in inferred


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("Plain <b>bold</b> & co", "“Plain <b>bold</b> & co”"),
        ("two\r\n# Heading\n- item", "“two # Heading - item”"),
        ("\u202egnp.exe\u202c \x1b[31mred\x00", "“gnp.exe [31mred”"),
        ("Jane, jane.doe+seed@example.net, act now", "“Jane, …@example.net, act now”"),
        ("x" * 5000, "“" + "x" * 159 + "…”"),
        ("{{ 7 * 7 }}{% raw %}", "“{{ 7 * 7 }}{% raw %}”"),
        ("\ud800broken", "“broken”"),
    ],
)
def test_a_hostile_subject_stays_one_harmless_line(subject: str, shown: str) -> None:
    wording = compose(Decision(alert(), OPENED), context(last_send=send(LAST, subject=subject)), NOW, VOICE)
    line = next(line for line in wording.text.splitlines() if line.startswith("- Last mail"))
    assert line.endswith(f"with the subject {shown}")
    assert "<b>" not in wording.html
    assert "jane.doe" not in wording.html + str(wording.payload)


def test_the_payload_has_no_address_and_no_link_with_a_token() -> None:
    link = "go https://click.example.net/u/TOK12345 or www.example.net/u/TOK12345, jane.doe%40example.net"
    known = context(
        last_send=send(LAST, subject=link),
        last_evidence=(evidence(value=f"<https://click.example.net/u?id=TOK12345>, {link}"),),
        same_organisation=(send(LAST, subject=link, stream="other.example.org"),),
    )
    payload = compose(Decision(alert(finding(note=link)), OPENED), known, NOW, VOICE).payload
    assert payload["last_subject"] == "go click.example.net/… or www.example.net/… …@example.net"
    assert "TOK12345" not in str(payload)
    assert "jane.doe" not in str(payload)


def test_no_message_id_is_told_as_it_may_be_one_recipients() -> None:
    known = context(last_send=send(LAST, message_id="seed-token-1234@mta.example.net"))
    wording = compose(Decision(alert(), OPENED), known, NOW, VOICE)
    assert "seed-token-1234" not in wording.title + wording.text + wording.html + str(wording.payload)


def test_html_has_no_picture_no_script_and_no_link_but_to_our_page() -> None:
    known = context(
        last_send=send(LAST, subject='<img src="https://t.example/p.gif"><script>x</script><a href="https://e.example">')
    )
    html = compose(Decision(alert(), OPENED), known, NOW, VOICE).html
    assert not re.search(r"<(img|script|iframe|object|link|form)\b", html)
    assert re.findall(r'<a href="([^"]*)"', html) == [f"https://gonequiet.example.org/streams/{STREAM}"]


def test_the_deciding_header_is_the_best_vouched_for_and_then_the_heaviest() -> None:
    known = context(
        last_evidence=(
            evidence(field="x-job", weight=9.0),
            evidence(field="received", value="mta.exacttarget.com", trust=Trust.OBSERVED, weight=1.0),
            evidence(field="received", value="mx.other.example", trust=Trust.OBSERVED, weight=9.0, provider="Other"),
        )
    )
    text = compose(Decision(alert(), OPENED), known, NOW, VOICE).text
    assert "rests on: received: mta.exacttarget.com (written by our own mailbox provider)" in text


def test_the_payload_has_every_key_always() -> None:
    full = compose(*CASES["gap-opened"], NOW, VOICE).payload
    little = compose(*CASES["gap-opened-little-known"], NOW, VOICE).payload
    assert list(full) == list(little)
    assert full["stream"] == STREAM
    assert full["last_send"] == "2021-01-06T18:22:46Z"
    assert full["opened_at"] == "2021-01-08T12:00:00Z"
    assert full["delay_hours"] == 41.62
    assert full["provider"] == "Salesforce Marketing Cloud"
    assert full["provider_aliases"] == ["ExactTarget"]
    assert isinstance(full["evidence"], list)
    assert full["evidence"][0]["value"].endswith("<mailto:…@leave.exacttarget.com>")
    assert (little["provider"], little["evidence"], little["provider_aliases"]) == (None, [], [])


def test_an_endless_return_period_is_null_for_machines_and_words_for_people() -> None:
    found = finding(gap=gap_facts(return_period_years=float("inf")))
    wording = compose(Decision(alert(found), OPENED), context(), NOW, VOICE)
    assert wording.payload["return_period_years"] is None
    assert "less than once in 1,000 years" in wording.text


def test_each_channel_gets_one_notice_of_the_same_words() -> None:
    change = write_notices(Decision(alert(), OPENED, ("log", "desk")), context(), NOW, VOICE)
    assert [n.channel for n in change.notices] == ["log", "desk"]
    assert len({n.key for n in change.notices}) == 2
    assert len({(n.title, n.text, n.html, n.created_at) for n in change.notices}) == 1


def test_a_quiet_update_has_no_notice() -> None:
    (change,) = write_all([Decision(alert())], {}, NOW, VOICE)
    assert (change.alert, change.event, change.notices) == (alert(), None, ())


def test_the_key_is_the_same_at_a_repeat_and_another_for_anything_else() -> None:
    base = Decision(alert(), OPENED)
    others = [
        notice_key(base, "desk"),
        notice_key(Decision(alert(), RESOLVED, send=BACK), "log"),
        notice_key(Decision(alert(level=Level.CONFIRMED), RAISED), "log"),
        notice_key(Decision(alert(opened_at=NOW + hours(1)), OPENED), "log"),
        notice_key(Decision(alert(), CORRECTED, send=LATE), "log"),
        notice_key(Decision(alert(), CORRECTED, send=replace(LATE, at=LATE.at + hours(1))), "log"),
    ]
    # the number that the store gives, and the newest numbers of the finding, are not part of it
    assert notice_key(base, "log") == notice_key(Decision(alert(id=99, updated_at=NOW + hours(1)), OPENED), "log")
    assert len({notice_key(base, "log"), *others}) == 7


def test_a_users_own_text_replaces_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "gap-opened.j2").write_text("title: Nothing from {{ f.subject }}\n\nSince {{ f.since }}.\n")
    wording = compose(*CASES["gap-opened"], NOW, replace(VOICE, texts=load_texts(tmp_path)))
    assert wording.title == f"Nothing from {STREAM}"


@pytest.mark.parametrize("name", ["gap-opened", "gap-corrected", "group-resolved", "seed-opened", "test"])
@pytest.mark.parametrize(
    "template",
    [
        "title: {{ f.nonsense }}",
        "title: {% if %}",
        "title: {{ f.__class__.__mro__ }}",
        "No title",
        'title: x\n{% include "none.part" %}',
    ],
)
def test_a_faulty_text_of_a_user_is_named_before_any_alert_needs_it(name: str, template: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.j2").write_text(template)
    with pytest.raises(SettingsError, match=rf"^texts/{name}\.j2: "):
        load_texts(tmp_path)
