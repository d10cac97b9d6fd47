"""The service reads a Maildir and an mbox like any other inbox, and keeps which of our addresses a list writes to to itself."""

from __future__ import annotations

import json
import mailbox
from pathlib import Path

import httpx
import pytest

from monitor.app.service import Service
from monitor.clock import SystemClock
from monitor.settings import load_settings
from tests.app.setting import eventually
from tests.cli.conftest import Run, gonequiet  # noqa: F401  a fixture

RAW = (
    "Delivered-To: {address}\nReceived: from a.list.example by mx.example; Wed, 07 Jan 2026 03:10:00 +0000\n"
    "From: news@list.example\nMessage-ID: <{number}@list.example>\nSubject: Chip in {number}\n\nDear friend\n"
)
SECRET = "acme-7f3a"


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    mailbox.Maildir(tmp_path / "Maildir").add(RAW.format(address=f"{SECRET}@seeds.example", number=1))
    box = mailbox.mbox(tmp_path / "seed")
    box.add(RAW.format(address=f"box+{SECRET}@mail.example", number=2))
    box.add(RAW.format(address="somebody@else.example", number=3))
    box.close()
    path = tmp_path / "gonequiet.yaml"
    path.write_text(
        "data_dir: data\ntick: 0.05s\nweb: {port: 0}\ndetect_every: 1s\ncollect: {poll_every: 1s, verify_dkim: off}\ninboxes:\n"
        "  - {name: dir, kind: maildir, path: Maildir, addresses: ['@seeds.example']}\n"
        "  - {name: box, kind: mbox, path: seed, addresses: [box@mail.example]}\n"
    )
    return path


def test_mail_is_read_covered_and_listed_by_address_and_no_page_shows_one(
    settings: Path,
    gonequiet: Run,  # noqa: F811
) -> None:
    service = Service(load_settings(settings), SystemClock(), settings_path=settings)
    service.start()
    try:
        store = service._store
        eventually(lambda: len(store.subscriptions()) == 3, "three addresses were seen")
        eventually(lambda: {c.inbox for c in store.coverage()} == {"dir", "box"}, "both are covered")
        begun = SystemClock().now()
        eventually(lambda: service.caught_up(begun), "all was judged")
        for page in ("/", "/metrics", "/streams/list.example"):
            answer = httpx.get(f"{service.web_url}{page}")
            assert answer.status_code == 200
            assert SECRET not in answer.text
        assert SECRET not in repr(store.subscriptions())
    finally:
        service.stop()
    ran = gonequiet("streams", "--addresses", "--json", "--config", settings)
    found = {(row["inbox"], row["address"]): row["mails"] for row in map(json.loads, ran.out.splitlines())}
    assert found == {("dir", f"{SECRET}@seeds.example"): 1, ("box", f"box+{SECRET}@mail.example"): 1, ("box", None): 1}
    assert f"{SECRET}@seeds.example" in gonequiet("streams", "--addresses", "--config", settings).out
    assert gonequiet("poll", "--config", settings).status == 0


def test_after_a_restart_nothing_is_read_twice(settings: Path, gonequiet: Run) -> None:  # noqa: F811
    assert gonequiet("poll", "--config", settings).out.count(" ok ") == 2
    again = gonequiet("poll", "--config", settings)
    assert [line.split() for line in again.out.splitlines()[1:]] == [["dir", "ok", "0"], ["box", "ok", "0"]]
    assert gonequiet("rebuild", "--config", settings).status == 0
    assert gonequiet("streams", "--addresses", "--config", settings).out.count("list.example") == 3


def test_a_maildir_that_is_not_there_is_named(settings: Path, gonequiet: Run) -> None:  # noqa: F811
    (settings.parent / "Maildir").rename(settings.parent / "Elsewhere")
    ran = gonequiet("check-config", "--config", settings)
    assert ran.status == 2
    assert "inboxes[0].path: " in ran.out + ran.err
    ran = gonequiet("poll", "dir", "--config", settings)
    assert (ran.status, "is no Maildir" in ran.err) == (2, True)


def test_addresses_and_sums_are_not_for_one_table(settings: Path, gonequiet: Run) -> None:  # noqa: F811
    ran = gonequiet("streams", "--addresses", "--by", "provider", "--config", settings)
    assert (ran.status, ran.out) == (2, "")
    assert "--by or --addresses" in ran.err
