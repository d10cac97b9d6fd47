"""What comes through one provider or account, and what one organisation comes through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.model import Send
from monitor.show.rollups import By, rollup_json, rollup_rows

START = datetime(2021, 1, 1, tzinfo=UTC)


def a_send(number: int, stream: str, platform: str | None, delivery: str | None, account: str | None = None) -> Send:
    at = START + timedelta(days=number)
    return Send(
        number,
        stream,
        stream.partition(".")[2],
        at,
        at,
        ("seed-1",),
        1,
        {"INBOX": 1},
        platform=platform,
        delivery=delivery,
        account=account,
    )


SENDS = [
    a_send(0, "a.one.example", "Iterable", "Amazon SES", "ses:1"),
    a_send(1, "b.one.example", "ExactTarget", "ExactTarget", "mid:9"),
    a_send(2, "a.two.example", None, "Amazon SES", "ses:1"),
    a_send(3, "a.two.example", None, None),
]


def test_a_provider_has_all_its_streams_once_each() -> None:
    rows = {row.name: row for row in rollup_rows(SENDS, By.PROVIDER)}
    assert list(rows) == ["Amazon SES", "ExactTarget", "Iterable"]
    ses = rows["Amazon SES"]
    assert (ses.sends, ses.share, ses.roles) == (2, 0.5, ("delivery",))
    assert (ses.streams, ses.organisations) == (("a.one.example", "a.two.example"), ("one.example", "two.example"))
    assert (ses.first_at, ses.last_at) == (START, START + timedelta(days=2))
    assert (rows["ExactTarget"].sends, rows["ExactTarget"].roles) == (1, ("delivery", "platform"))


def test_an_account_has_all_its_streams() -> None:
    assert [(row.name, row.streams) for row in rollup_rows(SENDS, By.ACCOUNT)] == [
        ("ses:1", ("a.one.example", "a.two.example")),
        ("mid:9", ("b.one.example",)),
    ]


def test_an_organisation_has_all_its_providers() -> None:
    one, two = sorted(rollup_rows(SENDS, By.ORGANISATION), key=lambda row: row.name)
    assert {share.provider: share.share for share in one.providers} == {"Iterable": 0.5, "Amazon SES": 0.5, "ExactTarget": 0.5}
    assert [(share.provider, share.sends, share.share) for share in two.providers] == [("Amazon SES", 1, 0.5)]
    assert rollup_json(two)["provider_shares"] == {"Amazon SES": 0.5}
    assert (two.sends, two.accounts) == (2, ("ses:1",))


def test_json_has_every_key_always() -> None:
    rows = [rollup_json(row) for by in By for row in rollup_rows(SENDS, by)]
    assert len({tuple(list(row)[1:]) for row in rows}) == 1
    assert {next(iter(row)) for row in rows} == {"provider", "account", "organisation"}
    assert rows[0]["first_send"] == "2021-01-01T00:00:00Z"


def test_nothing_stored_is_no_row() -> None:
    assert rollup_rows([], By.PROVIDER) == []
