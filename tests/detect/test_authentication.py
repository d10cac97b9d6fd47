"""A stream whose authentication starts to fail is a finding until it passes again; one that never passed is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.detect.authentication import breakage_findings, find_breakages
from monitor.detect.infrastructure import SentThrough
from monitor.model import FindingKind

START = datetime(2021, 3, 1, 12, tzinfo=UTC)


def sends(words: str, method: str = "dkim") -> list[SentThrough]:
    """One send an hour: `p` passed, `f` failed, `t` a resolver's trouble, `-` nothing noted."""
    results = {"p": "pass", "f": "fail", "t": "temperror"}
    return [
        SentThrough(
            stream="news.example.org",
            at=START + timedelta(hours=hour),
            authentication=((method, results[word]),) if word in results else (),
        )
        for hour, word in enumerate(words)
    ]


def test_failures_in_a_row_after_passes_are_a_finding() -> None:
    (breakage,) = find_breakages(sends("p" * 20 + "f" * 5))
    assert (breakage.method, breakage.result, breakage.failures) == ("dkim", "fail", 5)
    assert breakage.last_pass.at == START + timedelta(hours=19)
    assert breakage.first_failure.at == START + timedelta(hours=20)
    assert breakage.found_at == START + timedelta(hours=22)
    (finding,) = breakage_findings([breakage])
    assert (finding.kind, finding.key) == (FindingKind.AUTHENTICATION_BROKEN, "authentication_broken:news.example.org:dkim")
    assert "DKIM of news.example.org last passed on 2 March 2021" in finding.note


def test_a_failure_now_and_then_is_none() -> None:
    assert find_breakages(sends(("p" * 9 + "f") * 20)) == ()
    assert find_breakages(sends("p" * 20 + "ff" + "p" * 20)) == ()


def test_a_stream_that_never_passed_cannot_break() -> None:
    assert find_breakages(sends("f" * 40)) == ()


def test_troubles_of_the_resolver_and_silence_say_nothing() -> None:
    assert find_breakages(sends("p" * 20 + "t" * 10 + "-" * 10)) == ()


def test_three_passes_in_a_row_mend_it_and_it_may_break_again() -> None:
    first, second = find_breakages(sends("p" * 20 + "f" * 6 + "ppp" + "p" * 10 + "f" * 6))
    assert first.mended_at == START + timedelta(hours=28)
    assert second.mended_at is None
    assert [finding.since for finding in breakage_findings([first, second])] == [second.first_failure.at]


def test_methods_are_followed_apart() -> None:
    both = [*sends("p" * 20 + "f" * 5, "spf"), *sends("p" * 25, "dkim")]
    assert [breakage.method for breakage in find_breakages(both)] == ["spf"]
