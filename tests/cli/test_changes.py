"""`gonequiet changes` and `gonequiet streams --by`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.app.test_changes import FIRST, SECOND, mail, settings_with, stored
from tests.cli.conftest import THROUGH, Run

ESP = THROUGH.delivery or ""


def test_a_move_is_listed_with_its_messages(tmp_path: Path, gonequiet: Run) -> None:
    settings = settings_with(tmp_path, first="Housepost", second="Ravenmail")
    with stored(settings, [mail(n, FIRST if n < 20 else SECOND) for n in range(26)]):
        pass
    rows = {row["aspect"]: row for row in gonequiet("changes", "--json", "-c", tmp_path / "gonequiet.yaml").rows}
    assert set(rows) == {"platform", "delivery"}
    before, after = rows["platform"]["before"], rows["platform"]["after"]
    assert (before["value"], before["sends"], before["first_send"]) == ("Housepost", 20, "2026-03-01T12:00:00Z")
    assert (before["last_message_id"], after["first_message_id"]) == ("19@paper.example", "20@paper.example")
    assert after["value"] == "Ravenmail"
    told = gonequiet("changes", "paper.example", "-c", tmp_path / "gonequiet.yaml").out
    assert "Housepost (100% of 20 mails)" in told
    assert "No stream was seen to move." in gonequiet("changes", "other.example", "-c", tmp_path / "gonequiet.yaml").out


def test_streams_are_put_together_by_provider_account_and_organisation(watched: Path, gonequiet: Run) -> None:
    (provider,) = gonequiet("streams", "--by", "provider", "--json", "-c", watched).rows
    assert (provider["provider"], provider["roles"], provider["sends"]) == (ESP, ["delivery"], 108)
    assert provider["streams"] == ["busy.example.net", "silent.example.org"]
    assert gonequiet("streams", "--by", "account", "--json", "-c", watched).rows == []  # no header told of one
    organisations = gonequiet("streams", "--by", "organisation", "--json", "-c", watched).rows
    assert [(row["organisation"], row["providers"]) for row in organisations] == [
        ("example.net", [ESP]),
        ("example.org", [ESP]),
    ]
    few = gonequiet("streams", "--by", "organisation", "--days", "5", "--json", "-c", watched).rows
    assert [row["organisation"] for row in few] == ["example.net"]
    assert ESP in gonequiet("streams", "--by", "provider", "-c", watched).out
    assert gonequiet("streams", "--by", "colour", "-c", watched).status == 2


def test_an_account_is_told_with_the_house_whose_number_it_is(tmp_path: Path, gonequiet: Run) -> None:
    settings = settings_with(tmp_path)
    one = mail(1, "198.18.7")
    raw = one.raw.replace(b"Subject:", b"Feedback-ID: 2287853:activecampaign\r\nSubject:")
    unknown_receiver = raw.replace(b"by mx.google.com", b"by mx.elsewhere.example")
    with stored(settings, [replace(one, raw=unknown_receiver, size=len(unknown_receiver))]):
        pass
    (row,) = gonequiet("streams", "--by", "account", "--days", "3650", "--json", "-c", tmp_path / "gonequiet.yaml").rows
    assert (row["account"], row["provider_shares"]) == ("client:2287853", {"ActiveCampaign": 1.0})
    told = gonequiet("streams", "--by", "account", "--days", "3650", "-c", tmp_path / "gonequiet.yaml").out
    assert "ActiveCampaign 100%" in told
