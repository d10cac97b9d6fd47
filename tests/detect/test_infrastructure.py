"""A move to another provider or account is found after a few sends; splits, strays and silence about it are not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.detect.infrastructure import Aspect, SentThrough, change_findings, find_changes
from monitor.model import FindingKind, Level

START = datetime(2021, 3, 1, 12, tzinfo=UTC)
OLD, NEW = "Salesforce Marketing Cloud", "Iterable"


def sends(values: Sequence[str | None], aspect: str = "platform", stream: str = "news.example.org") -> list[SentThrough]:
    plain = [
        SentThrough(stream=stream, organisation="example.org", at=START + timedelta(days=day), message_id=f"{day}@x")
        for day in range(len(values))
    ]
    if aspect == "account":
        return [replace(send, account=value) for send, value in zip(plain, values, strict=True)]
    return [replace(send, platform=value) for send, value in zip(plain, values, strict=True)]


def test_a_move_is_found_after_four_sends_with_first_and_last_message_of_each() -> None:
    (change,) = find_changes(sends([OLD] * 20 + [NEW] * 5))
    assert (change.aspect, change.before.value, change.after.value) == (Aspect.PLATFORM, OLD, NEW)
    assert (change.before.first.message_id, change.before.last.message_id) == ("0@x", "19@x")
    assert (change.after.first.message_id, change.found_at) == ("20@x", START + timedelta(days=23))
    assert change.before.sends == 20


@pytest.mark.parametrize("count", [1, 2])
def test_a_stray_message_or_two_are_no_move(count: int) -> None:
    assert find_changes(sends([OLD] * 20 + [NEW] * count + [OLD] * 20)) == ()


def test_a_straggler_of_the_old_provider_does_not_hide_the_move() -> None:
    (change,) = find_changes(sends([OLD] * 20 + [NEW, NEW, OLD, NEW, NEW, NEW, NEW]))
    assert change.after.value == NEW
    assert change.before.last.message_id == "22@x"


def test_a_split_over_two_providers_is_no_flip_flop() -> None:
    dice = random.Random(7)
    for _ in range(20):
        assert find_changes(sends([dice.choice([OLD, NEW]) for _ in range(300)])) == ()


def test_a_split_that_becomes_one_sided_is_found_later_than_a_new_provider() -> None:
    (change,) = find_changes(sends([OLD, NEW] * 20 + [NEW] * 40))
    assert change.after.value == NEW
    assert change.found_at > START + timedelta(days=45)


def test_a_move_there_and_back_are_two_changes() -> None:
    changes = find_changes(sends([OLD] * 20 + [NEW] * 20 + [OLD] * 20))
    assert [(change.before.value, change.after.value) for change in changes] == [(OLD, NEW), (NEW, OLD)]


def test_what_messages_do_not_tell_changes_nothing() -> None:
    assert find_changes(sends([OLD] * 10 + [None] * 30 + [OLD] * 5)) == ()


def test_too_few_sends_make_no_expectation() -> None:
    assert find_changes(sends([OLD] * 4 + [NEW] * 3)) == ()
    assert find_changes(sends([OLD, NEW] * 2)) == ()


def test_the_order_in_which_sends_come_makes_no_difference() -> None:
    given = sends([OLD] * 20 + [NEW] * 5)
    mixed = random.Random(3).sample(given, len(given))
    assert find_changes(mixed) == find_changes(given)


def test_streams_and_aspects_are_followed_apart() -> None:
    accounts = sends(["mid:1"] * 10 + ["mid:2"] * 5, "account", "a.example")
    changes = find_changes([*accounts, *sends([OLD] * 15, stream="b.example")])
    assert [(change.stream, change.aspect) for change in changes] == [("a.example", Aspect.ACCOUNT)]


def test_signing_domains_are_compared_as_sets() -> None:
    one = [
        SentThrough(stream="a", at=START + timedelta(hours=n), sdids=("x.org", "y.net")[:: 1 if n % 2 else -1]) for n in range(30)
    ]
    assert find_changes(one) == ()
    other = [SentThrough(stream="a", at=START + timedelta(hours=30 + n), sdids=("x.org",)) for n in range(4)]
    assert find_changes([*one, *other])[0].after.value == "x.org"


def test_a_change_is_a_finding_for_two_weeks_in_words_that_say_what_was_seen() -> None:
    changes = find_changes(sends([OLD] * 20 + [NEW] * 5))
    (finding,) = change_findings(changes, START + timedelta(days=30))
    assert (finding.kind, finding.level, finding.subject) == (FindingKind.PROVIDER_CHANGE, Level.ALERT, "news.example.org")
    assert finding.since == START + timedelta(days=20)
    assert finding.note == (
        "Until 20 March 2021 its mail came with platform Salesforce Marketing Cloud; since 21 March 2021 with platform Iterable"
        " (by platform 100% of 20 mails before and 100% of 4 mails since)"
    )
    assert change_findings(changes, START + timedelta(days=40)) == ()
    assert change_findings(changes, START + timedelta(days=22)) == ()


def test_what_changed_together_is_one_finding() -> None:
    both = [
        replace(
            send,
            account="mid:10" if send.platform == OLD else "project:7",
            delivery="Amazon SES" if send.platform == NEW else OLD,
        )
        for send in sends([OLD] * 20 + [NEW] * 6)
    ]
    changes = find_changes(both)
    assert {change.aspect for change in changes} == {Aspect.PLATFORM, Aspect.DELIVERY, Aspect.ACCOUNT}
    (finding,) = change_findings(changes, START + timedelta(days=27))
    assert finding.note.startswith(
        "Until 20 March 2021 its mail came with platform and delivery Salesforce Marketing Cloud, account mid 10;"
        " since 21 March 2021 with platform Iterable, delivery Amazon SES, account project 7 ("
    )


def test_a_signing_domain_that_changes_with_the_rest_is_not_told_beside_it() -> None:
    signed = [replace(send, sdids=("x.org",) if send.platform == OLD else ("y.org",)) for send in sends([OLD] * 20 + [NEW] * 6)]
    (finding,) = change_findings(find_changes(signed), START + timedelta(days=27))
    assert (finding.level, "x.org" in (finding.note or "")) == (Level.ALERT, False)


def test_a_signing_domain_alone_is_only_a_hint() -> None:
    old = [SentThrough(stream="a", at=START + timedelta(hours=n), sdids=("x.org",)) for n in range(20)]
    new = [SentThrough(stream="a", at=START + timedelta(hours=20 + n), sdids=("y.org",)) for n in range(4)]
    (finding,) = change_findings(find_changes([*old, *new]), START + timedelta(days=2))
    assert finding.level is Level.WATCH
