"""Every seed inbox gets every message; one of them files about a fifth in Junk."""

from __future__ import annotations

from monitor.demo.archive import read_january
from monitor.demo.seeds import INBOX, JUNK, SEEDS, folder_for


def test_only_one_seed_inbox_files_junk_about_a_fifth_and_the_same_every_time() -> None:
    mails = read_january()
    junk = {seed.name: [mail.message_id for mail in mails if folder_for(seed, mail) == JUNK] for seed in SEEDS}
    assert junk["replay-a"] == junk["replay-b"] == []
    assert len(mails) / 10 < len(junk["replay-c"]) < len(mails) / 3
    assert junk["replay-c"] == [mail.message_id for mail in mails if folder_for(SEEDS[2], mail) == JUNK]
    assert {folder_for(seed, mail) for seed in SEEDS for mail in mails} == {INBOX, JUNK}
